//! The model of a store, which the real one is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::engine::snapshot::{
    DeliveryRecord, JobRecord, JobSnapshot, ProjectSnapshot, SilencesSnapshot, SinkSnapshot,
};

/// What was committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    projects: BTreeMap<ProjectName, ProjectSnapshot>,
    jobs: BTreeMap<(ProjectName, JobId), JobRecord>,
    sinks: BTreeMap<SinkName, SinkSnapshot>,
    silences: SilencesSnapshot,
    pub(super) events: Vec<Arc<Event>>,
    pub(super) deliveries: Vec<(DeliveryRecord, DeliveryChange)>,
    /// The restores that ended, each with the event that reported it.
    history: BTreeMap<(ProjectName, JobId), (EndedRestore, Option<EventId>)>,
}

impl Disk {
    pub(crate) fn apply(&mut self, batch: &Batch) {
        for project in batch.projects.clone() {
            self.projects.insert(project.name, project.snapshot);
        }
        for job in batch.jobs.clone() {
            self.jobs.insert((job.project.clone(), job.id.clone()), job);
        }
        for sink in batch.sinks.clone() {
            self.sinks.insert(sink.name, sink.snapshot);
        }
        for BatchEntry { event, recipients } in &batch.entries {
            self.events.push(Arc::clone(event));
            for sink in recipients {
                let due = event.timestamp;
                let record = DeliveryRecord {
                    id: DeliveryId { event: event.id, sink: sink.clone() },
                    project: event.project.clone(),
                    job: event.job.as_ref().map(|job| job.id.clone()),
                    kind: event.kind,
                    emitted_at: event.timestamp,
                    attempts: 0,
                    due,
                    written_at: due,
                };
                self.deliveries.push((record, DeliveryChange::Pending { due }));
            }
        }
        for BatchEnd { restore, event } in batch.ends.clone() {
            let key = (restore.project.clone(), restore.job.id.clone());
            if self.history.get(&key).is_some_and(|(known, _)| known.is_same_end(&restore)) {
                continue;
            }
            let known = self.history.get(&key).and_then(|(_, event)| *event);
            let event = event.or(known).or_else(|| self.reported_by(&restore));
            self.history.insert(key, (restore, event));
        }
        if let Some(before) = batch.prune.history_before {
            self.history.retain(|_, (restore, _)| restore.aged_from() >= before);
        }
        for update in &batch.deliveries {
            let (record, state) =
                self.deliveries.iter_mut().find(|(record, _)| record.id == update.id).unwrap();
            assert!(!state.is_final(), "{update:?} changes a finished delivery: {state:?}");
            record.attempts = update.attempts;
            record.written_at = update.at;
            if let DeliveryChange::Pending { due } = update.change {
                record.due = due;
            }
            *state = update.change;
        }
        if let Some(silences) = batch.silences.clone() {
            self.silences = silences;
        }
        for job in &batch.forgotten {
            self.jobs.remove(job);
        }
    }

    /// The events, in the order in which they were emitted.
    pub(crate) fn events(&self) -> &[Arc<Event>] {
        &self.events
    }

    pub(crate) fn load(&self) -> Snapshot {
        Snapshot {
            projects: self
                .projects
                .iter()
                .map(|(name, snapshot)| snapshot::ProjectRecord {
                    name: name.clone(),
                    snapshot: snapshot.clone(),
                })
                .collect(),
            jobs: self.jobs.values().cloned().collect(),
            sinks: self
                .sinks
                .iter()
                .map(|(name, snapshot)| snapshot::SinkRecord {
                    name: name.clone(),
                    snapshot: snapshot.clone(),
                })
                .collect(),
            deliveries: self
                .deliveries
                .iter()
                .filter(|(_, state)| !state.is_final())
                .map(|(record, _)| record.clone())
                .collect(),
            dead_letters: self.in_state(DeliveryChange::Dead).collect(),
            silences: self.silences.clone(),
        }
    }

    /// The restores that ended, as readers get them: deliveries are counted whether or not they are
    /// pruned.
    pub(crate) fn history(&self) -> Vec<EndedRestore> {
        let counted = |(restore, event): &(EndedRestore, Option<EventId>)| {
            let mut restore = restore.clone();
            let deliveries = self.deliveries.iter().filter(|(record, _)| Some(record.id.event) == *event);
            deliveries.for_each(|(_, change)| restore.deliveries.count(change.state()));
            restore
        };
        let mut history: Vec<_> = self.history.values().map(counted).collect();
        history.sort_by_key(|restore| std::cmp::Reverse(restore.end_observed_at));
        history
    }

    /// The last event that reports this end.
    fn reported_by(&self, restore: &EndedRestore) -> Option<EventId> {
        let reports = |event: &&Arc<Event>| {
            let job = event.job.as_ref().map(|job| &job.id);
            (Some(event.kind), &event.project, job)
                == (restore.outcome.event(), &restore.project, Some(&restore.job.id))
        };
        self.events.iter().rfind(reports).map(|event| event.id)
    }

    pub(super) fn job(&self, id: &str) -> &JobSnapshot {
        &self.jobs.values().find(|job| job.id.as_str() == id).unwrap().snapshot
    }

    /// The ids that discovery ignores.
    pub(super) fn ignored(&self) -> Vec<JobId> {
        let snapshots = self.projects.values().filter_map(|project| project.discovery.as_ref());
        snapshots.flat_map(|snapshot| snapshot.ignored.iter().map(|(id, _)| id.clone())).collect()
    }

    pub(super) fn has_job(&self, id: &str) -> bool {
        self.jobs.values().any(|job| job.id.as_str() == id)
    }

    pub(super) fn sink(&self, name: &str) -> &SinkSnapshot {
        &self.sinks[&SinkName::new(name)]
    }

    pub(crate) fn event(&self, id: EventId) -> Arc<Event> {
        Arc::clone(self.events.iter().find(|event| event.id == id).unwrap())
    }

    /// All deliveries.
    pub(crate) fn deliveries(&self) -> BTreeSet<DeliveryId> {
        self.deliveries.iter().map(|(record, _)| record.id.clone()).collect()
    }

    /// The deliveries whose end is committed as delivered.
    pub(crate) fn delivered(&self) -> BTreeSet<DeliveryId> {
        self.in_state(DeliveryChange::Delivered).collect()
    }

    /// The deliveries that are committed as dead letters.
    pub(super) fn dead_letters(&self) -> BTreeSet<DeliveryId> {
        self.in_state(DeliveryChange::Dead).collect()
    }

    /// The deliveries that are committed as dropped, by their event and sink.
    pub(super) fn superseded(&self) -> BTreeSet<(EventId, SinkName)> {
        self.in_state(DeliveryChange::Dropped).map(|id| (id.event, id.sink)).collect()
    }

    fn in_state(&self, wanted: DeliveryChange) -> impl Iterator<Item = DeliveryId> {
        let found = self.deliveries.iter().filter(move |(_, state)| *state == wanted);
        found.map(|(record, _)| record.id.clone())
    }
}
