//! What the loop of the daemon counts.
//!
//! Invariant: the end of a restore, an event and the end of a delivery are counted when they are
//! committed, so that no more of them are counted than are known after a kill. A restore that ended
//! is counted once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::histogram::Histogram;
use super::words::{AttemptResult, Code, Endpoint, Exchange};
use crate::engine::{Batch, Input};
use crate::model::{
    DeliveryState, Elapsed, EndedRestore, Event, EventKind, JobId, Outcome, ProjectName, SinkName,
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

/// The end of a restore, as far as it is counted.
struct End<'a> {
    project: &'a ProjectName,
    outcome: Outcome,
    elapsed: Elapsed,
    detection_delay: Option<Duration>,
    /// When it ended, or when that was observed if the API does not say it.
    ended_at: Timestamp,
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
    /// Counts a restore whose end an earlier process committed.
    pub fn ended_before(&mut self, restore: &EndedRestore) {
        self.ended(&End {
            project: &restore.project,
            outcome: restore.outcome,
            elapsed: restore.elapsed,
            detection_delay: restore.detection_delay_seconds.and_then(seconds),
            ended_at: restore.job.facts.completed_at.unwrap_or(restore.end_observed_at),
        });
    }

    /// Counts what a batch has that is committed.
    pub fn committed(&mut self, batch: &Batch) {
        let events = batch.entries.iter().map(|entry| &*entry.event);
        for event in events.clone() {
            *self.project(&event.project).events.entry(event.kind).or_default() += 1;
        }
        if batch.entries.iter().any(|entry| entry.event.kind.is_terminal()) {
            let awaiting = awaiting_index(batch);
            events.filter_map(|event| End::of(event, &awaiting)).for_each(|end| self.ended(&end));
        }
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

    fn ended(&mut self, end: &End<'_>) {
        let counters = self.project(end.project);
        *counters.ended.entry(end.outcome).or_default() += 1;
        if !end.outcome.is_success() {
            return;
        }

        counters.last_completed = counters.last_completed.max(Some(end.ended_at));
        if let Elapsed::Exact(took) = end.elapsed {
            self.restore_duration.observe(took);
        }
        if let Some(delay) = end.detection_delay {
            self.detection_delay.observe(delay);
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

impl<'a> End<'a> {
    /// The end that an event reports, unless the index of its job is awaited still.
    fn of(event: &'a Event, awaiting: &BTreeSet<(&ProjectName, &JobId)>) -> Option<Self> {
        let is_reported = |outcome: &Outcome| outcome.is_final() && outcome.event() == Some(event.kind);
        let outcome = Outcome::ALL.into_iter().find(is_reported)?;
        let job = event.job.as_ref()?;
        if outcome == Outcome::Completed && awaiting.contains(&(&event.project, &job.id)) {
            return None;
        }
        Some(Self {
            project: &event.project,
            outcome,
            elapsed: event.elapsed,
            detection_delay: event.detection_delay_seconds.and_then(seconds),
            ended_at: job.facts.completed_at.unwrap_or(event.timestamp),
        })
    }
}

/// The jobs of a batch that are watched until their index is ready.
fn awaiting_index(batch: &Batch) -> BTreeSet<(&ProjectName, &JobId)> {
    let awaiting = batch.jobs.iter().filter(|record| record.snapshot.index.is_wanted);
    awaiting.map(|record| (&record.project, &record.id)).collect()
}

fn seconds(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::{BatchEntry, DeliveryChange, DeliveryUpdate, Failure, FailureClass};
    use crate::model::{DeliveryId, EventId, JobFacts, JobRef};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn project() -> ProjectName {
        ProjectName::default()
    }

    fn event(kind: EventKind) -> Event {
        let id = EventId::from_parts(at(100), [0; 10]);
        let facts = JobFacts { completed_at: Some(at(90)), ..JobFacts::default() };
        Event {
            job: Some(JobRef { id: JobId::new("rj-1").unwrap(), name: None, facts }),
            elapsed: Elapsed::Exact(Duration::from_secs(50)),
            detection_delay_seconds: Some(10.0),
            ..Event::of_project(id, kind, at(100), project())
        }
    }

    fn batch(kinds: &[EventKind]) -> Batch {
        let entry = |kind: &EventKind| BatchEntry { event: Arc::new(event(*kind)), recipients: Vec::new() };
        Batch { entries: kinds.iter().map(entry).collect(), ..Batch::default() }
    }

    fn ended(counters: &Counters) -> Vec<(Outcome, u64)> {
        let counts = counters.projects.get(&project()).map(|counters| counters.ended.clone());
        counts.unwrap_or_default().into_iter().collect()
    }

    #[test]
    fn an_event_that_ends_a_restore_counts_its_end() {
        let mut counters = Counters::default();

        counters.committed(&batch(&[EventKind::Watched, EventKind::Completed]));
        counters.committed(&batch(&[EventKind::Failed, EventKind::Recovered]));

        assert_eq!(ended(&counters), [(Outcome::Completed, 1), (Outcome::Failed, 1)]);
        let project = &counters.projects[&project()];
        assert_eq!(project.events.values().sum::<u64>(), 4);
        assert_eq!(project.last_completed, Some(at(90)), "when the API says that it ended");
    }

    #[test]
    fn only_a_success_has_a_duration_and_a_delay() {
        let mut counters = Counters::default();

        counters.committed(&batch(&[EventKind::Failed, EventKind::NotFound, EventKind::Cancelled]));
        assert_eq!((counters.restore_duration.count(), counters.detection_delay.count()), (0, 0));

        counters.committed(&batch(&[EventKind::Completed]));
        assert_eq!((counters.restore_duration.count(), counters.detection_delay.count()), (1, 1));
    }

    #[test]
    fn the_history_counts_as_what_was_committed() {
        let (mut before, mut after) = (Counters::default(), Counters::default());
        let event = event(EventKind::Completed);

        before.committed(&batch(&[EventKind::Completed]));
        after.ended_before(&EndedRestore {
            project: project(),
            job: event.job.unwrap(),
            outcome: Outcome::Completed,
            end_observed_at: event.timestamp,
            elapsed: event.elapsed,
            detection_delay_seconds: event.detection_delay_seconds,
            deliveries: crate::model::DeliveryCounts::default(),
        });

        assert_eq!(ended(&after), ended(&before));
        assert_eq!(after.restore_duration, before.restore_duration);
        assert_eq!(after.detection_delay, before.detection_delay);
        assert_eq!(after.projects[&project()].last_completed, Some(at(90)));
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

        let counted: Vec<_> = counters.sinks[&sink].ended.clone().into_iter().collect();
        assert_eq!(counted, [(DeliveryState::Dead, 1), (DeliveryState::Delivered, 1)]);
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

        let counted: Vec<_> = counters.sinks[&sink].attempts.clone().into_iter().collect();
        let once = |result| (result, 1);
        let expected = [
            AttemptResult::Delivered,
            AttemptResult::Transient,
            AttemptResult::Throttled,
            AttemptResult::Permanent,
        ];
        assert_eq!(counted, expected.map(once));
    }
}
