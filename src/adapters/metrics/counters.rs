//! What the loop of the daemon counts.
//!
//! Invariant: the end of a restore, an event and the end of a delivery are counted when they are
//! committed, so all that is counted is still known after a kill. The end of a restore is counted
//! once for each event that reports it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::histogram::Histogram;
use super::words::{AttemptResult, Code, Endpoint, Exchange};
use crate::engine::{Batch, Edit, Input};
use crate::model::{
    DeliveryState, Elapsed, EndTotal, EndTotals, EndedRestore, EventKind, Outcome, ProjectName, SinkName,
};

/// All counters of a daemon.
#[derive(Debug, Clone)]
pub struct Counters {
    pub(super) projects: BTreeMap<ProjectName, ProjectCounters>,
    pub(super) sinks: BTreeMap<SinkName, SinkCounters>,
    pub(super) restore_duration: Histogram,
    pub(super) detection_delay: Histogram,
    pub(super) request_duration: Histogram,
}

/// What is counted of a project.
#[derive(Debug, Clone, Default)]
pub(super) struct ProjectCounters {
    pub(super) ended: BTreeMap<Outcome, u64>,
    pub(super) events: BTreeMap<EventKind, u64>,
    pub(super) requests: BTreeMap<(Endpoint, Code), u64>,
    pub(super) last_completed: Option<Timestamp>,
    pub(super) last_answer: Option<Timestamp>,
}

/// What is counted of a sink.
#[derive(Debug, Clone, Default)]
pub(super) struct SinkCounters {
    pub(super) ended: BTreeMap<DeliveryState, u64>,
    pub(super) attempts: BTreeMap<AttemptResult, u64>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            projects: BTreeMap::new(),
            sinks: BTreeMap::new(),
            restore_duration: Histogram::new(Histogram::RESTORE),
            detection_delay: Histogram::new(Histogram::DELAY),
            request_duration: Histogram::new(Histogram::REQUEST),
        }
    }
}

impl Counters {
    /// Goes on counting from what earlier processes committed.
    pub fn continuing(totals: EndTotals) -> Self {
        let mut counters = Self::default();
        for ((project, outcome), EndTotal { ended, last_ended_at }) in totals {
            let counters = counters.project(&project);
            counters.ended.insert(outcome, ended);
            if outcome.is_success() {
                counters.last_completed = counters.last_completed.max(Some(last_ended_at));
            }
        }
        counters
    }

    fn ended(&mut self, restore: &EndedRestore) {
        let EndedRestore { outcome, elapsed, detection_delay_seconds: delay, .. } = *restore;
        let counters = self.project(&restore.project);
        *counters.ended.entry(outcome).or_default() += 1;
        if !outcome.is_success() {
            return;
        }

        counters.last_completed = counters.last_completed.max(Some(restore.ended_at()));
        if let Elapsed::Exact(took) = elapsed {
            self.restore_duration.observe(took);
        }
        if let Some(delay) = delay.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
            self.detection_delay.observe(delay);
        }
    }

    /// Counts what a batch has that is committed.
    pub fn committed(&mut self, batch: &Batch) {
        for event in batch.entries.iter().map(|entry| &*entry.event) {
            *self.project(&event.project).events.entry(event.kind).or_default() += 1;
        }
        batch.reported_ends().for_each(|restore| self.ended(restore));
        for update in batch.deliveries.iter().filter(|update| update.change.is_final()) {
            *self.sink(&update.id.sink).ended.entry(update.change.state()).or_default() += 1;
        }
    }

    /// Counts a request to the API of a project, whose answer came at `now`.
    pub fn requested(&mut self, project: &ProjectName, exchange: &Exchange, now: Timestamp) {
        self.request_duration.observe(exchange.took);
        let counters = self.project(project);
        *counters.requests.entry((exchange.endpoint, exchange.code)).or_default() += 1;
        if exchange.is_answer {
            counters.last_answer = Some(now);
        }
    }

    /// Counts an attempt at a delivery, if this input is the result of one.
    pub fn attempted(&mut self, input: &Input) {
        let (sink, result) = match input {
            Input::Delivered(id) => (&id.sink, AttemptResult::Delivered),
            Input::DeliveryFailed { id, failure } => (&id.sink, failure.class.into()),
            _ => return,
        };
        *self.sink(sink).attempts.entry(result).or_default() += 1;
    }

    /// Counts the deliveries that were dropped by hand, if this input has some.
    pub fn edited(&mut self, input: &Input) {
        let Input::DeliveriesEdited(edits) = input else { return };
        for edit in edits {
            if let Edit::Drop(record) = edit {
                *self.sink(&record.id.sink).ended.entry(DeliveryState::Dropped).or_default() += 1;
            }
        }
    }

    fn project(&mut self, name: &ProjectName) -> &mut ProjectCounters {
        if !self.projects.contains_key(name) {
            self.projects.insert(name.clone(), ProjectCounters::default());
        }
        self.projects.get_mut(name).expect("it was inserted")
    }

    fn sink(&mut self, name: &SinkName) -> &mut SinkCounters {
        if !self.sinks.contains_key(name) {
            self.sinks.insert(name.clone(), SinkCounters::default());
        }
        self.sinks.get_mut(name).expect("it was inserted")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{BatchEnd, BatchEntry, DeliveryChange, DeliveryUpdate, Failure, FailureClass};
    use crate::model::{DeliveryCounts, DeliveryId, Event, EventId, JobFacts, JobId, JobRef};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn project() -> ProjectName {
        ProjectName::default()
    }

    /// A restore that ended at 90, which was observed at 100.
    fn restore(outcome: Outcome) -> EndedRestore {
        let facts = JobFacts { completed_at: Some(at(90)), ..JobFacts::default() };
        EndedRestore {
            project: project(),
            job: JobRef { id: JobId::new("rj-1").unwrap(), name: None, facts },
            outcome,
            end_observed_at: at(100),
            elapsed: Elapsed::Exact(Duration::from_secs(50)),
            detection_delay_seconds: Some(10.0),
            deliveries: DeliveryCounts::default(),
        }
    }

    fn ends(outcomes: &[Outcome]) -> Batch {
        let end = |outcome: &Outcome| BatchEnd {
            restore: restore(*outcome),
            event: Some(EventId::from_parts(at(100), [0; 10])),
        };
        Batch { ends: outcomes.iter().map(end).collect(), ..Batch::default() }
    }

    fn events(kinds: &[EventKind]) -> Batch {
        let id = EventId::from_parts(at(100), [0; 10]);
        let event = |kind: &EventKind| Arc::new(Event::of_project(id, *kind, at(100), project()));
        let entry = |kind| BatchEntry { event: event(kind), recipients: Vec::new() };
        Batch { entries: kinds.iter().map(entry).collect(), ..Batch::default() }
    }

    fn counted<K: Copy + Ord, const N: usize>(counts: &BTreeMap<K, u64>, expected: [(K, u64); N]) -> bool {
        counts.iter().map(|(key, count)| (*key, *count)).eq(expected)
    }

    #[test]
    fn ends_are_counted_by_outcome_and_events_by_type() {
        let mut counters = Counters::default();

        counters.committed(&ends(&[Outcome::Completed, Outcome::Failed]));
        counters.committed(&ends(&[Outcome::Failed]));
        counters.committed(&events(&[EventKind::Watched, EventKind::Completed, EventKind::Watched]));

        let project = &counters.projects[&project()];
        assert!(counted(&project.ended, [(Outcome::Completed, 1), (Outcome::Failed, 2)]));
        assert!(counted(&project.events, [(EventKind::Watched, 2), (EventKind::Completed, 1)]));
    }

    #[test]
    fn an_end_that_no_event_reports_is_not_counted() {
        let mut counters = Counters::default();
        let mut batch = ends(&[Outcome::Completed]);
        batch.ends[0].event = None;

        counters.committed(&batch);

        assert!(counters.projects.is_empty());
    }

    #[test]
    fn totals_of_earlier_processes_are_continued() {
        let total = |ended, second| EndTotal { ended, last_ended_at: at(second) };
        let totals = [(Outcome::Completed, total(7, 80)), (Outcome::Failed, total(1, 200))];
        let mut counters =
            Counters::continuing(totals.map(|(outcome, total)| ((project(), outcome), total)).into());

        assert_eq!(counters.projects[&project()].last_completed, Some(at(80)));
        counters.committed(&ends(&[Outcome::Completed]));

        let project = &counters.projects[&project()];
        assert!(counted(&project.ended, [(Outcome::Completed, 8), (Outcome::Failed, 1)]));
        assert_eq!(project.last_completed, Some(at(90)));
        assert_eq!(counters.restore_duration.count(), 1, "those of this process");
    }

    #[test]
    fn only_a_success_has_a_duration_a_delay_and_a_time() {
        let mut counters = Counters::default();

        counters.committed(&ends(&[Outcome::Failed, Outcome::Cancelled, Outcome::NotReady]));
        assert_eq!((counters.restore_duration.count(), counters.detection_delay.count()), (0, 0));
        assert_eq!(counters.projects[&project()].last_completed, None);

        counters.committed(&ends(&[Outcome::Ready]));
        assert_eq!((counters.restore_duration.count(), counters.detection_delay.count()), (1, 1));
        assert_eq!(counters.projects[&project()].last_completed, Some(at(90)), "not when it was observed");
    }

    #[test]
    fn a_delivery_is_counted_when_its_end_is_committed() {
        let sink = SinkName::new("ops");
        let id = DeliveryId { event: EventId::from_parts(at(100), [0; 10]), sink: sink.clone() };
        let update =
            |change| DeliveryUpdate { id: id.clone(), at: at(100), attempts: 1, change, reason: None };
        let deliveries = vec![
            update(DeliveryChange::Pending { due: at(200) }),
            update(DeliveryChange::Delivered),
            update(DeliveryChange::Dead),
        ];
        let mut counters = Counters::default();

        counters.committed(&Batch { deliveries, ..Batch::default() });

        let ended = &counters.sinks[&sink].ended;
        assert!(counted(ended, [(DeliveryState::Dead, 1), (DeliveryState::Delivered, 1)]));
    }

    #[test]
    fn an_attempt_is_counted_by_what_came_of_it() {
        let sink = SinkName::new("ops");
        let id = DeliveryId { event: EventId::from_parts(at(100), [0; 10]), sink: sink.clone() };
        let failure = |class| Failure { class, retry_after: None, message: String::new() };
        let mut counters = Counters::default();

        counters.attempted(&Input::Delivered(id.clone()));
        for class in [FailureClass::Transient, FailureClass::Throttled, FailureClass::Gone] {
            counters.attempted(&Input::DeliveryFailed { id: id.clone(), failure: failure(class) });
        }
        counters.attempted(&Input::Committed);

        let once = |result| (result, 1);
        let expected = [
            AttemptResult::Delivered,
            AttemptResult::Transient,
            AttemptResult::Throttled,
            AttemptResult::Permanent,
        ];
        assert!(counted(&counters.sinks[&sink].attempts, expected.map(once)));
    }
}
