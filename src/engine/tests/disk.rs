//! What a store does, in the simplest way: the model that the real one is held against.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::*;
use crate::engine::memory::{DeliveryRecord, JobMemory, JobRecord, ProjectMemory, SinkMemory};

/// A disk that holds what batches made up.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    projects: BTreeMap<ProjectName, ProjectMemory>,
    jobs: BTreeMap<(ProjectName, JobId), JobRecord>,
    sinks: BTreeMap<SinkName, SinkMemory>,
    pub(super) transitions: Vec<Arc<Transition>>,
    pub(super) deliveries: Vec<(DeliveryRecord, Fate)>,
}

impl Disk {
    pub(super) fn apply(&mut self, batch: &Batch) {
        for project in batch.projects.clone() {
            self.projects.insert(project.name, project.memory);
        }
        for job in batch.jobs.clone() {
            self.jobs.insert((job.project.clone(), job.id.clone()), job);
        }
        for sink in batch.sinks.clone() {
            self.sinks.insert(sink.name, sink.memory);
        }
        for BatchEntry { transition, owed_to } in &batch.entries {
            self.transitions.push(Arc::clone(transition));
            for sink in owed_to {
                let due = transition.timestamp;
                let record = DeliveryRecord {
                    id: DeliveryId { transition: transition.id, sink: sink.clone() },
                    project: transition.project.clone(),
                    job: transition.job.as_ref().map(|job| job.id.clone()),
                    kind: transition.kind,
                    told_at: transition.timestamp,
                    attempts: 0,
                    due,
                    written_at: due,
                };
                self.deliveries.push((record, Fate::Pending { due }));
            }
        }
        for update in &batch.deliveries {
            let (record, fate) =
                self.deliveries.iter_mut().find(|(record, _)| record.id == update.id).unwrap();
            assert!(!fate.is_final(), "{update:?} changes what was over: {fate:?}");
            record.attempts = update.attempts;
            record.written_at = update.at;
            if let Fate::Pending { due } = update.fate {
                record.due = due;
            }
            *fate = update.fate;
        }
        for job in &batch.forgotten {
            self.jobs.remove(job);
        }
    }

    pub(super) fn load(&self) -> Saved {
        let is_owed = |fate: &Fate| !fate.is_final();
        Saved {
            projects: self
                .projects
                .iter()
                .map(|(name, memory)| memory::ProjectRecord { name: name.clone(), memory: memory.clone() })
                .collect(),
            jobs: self.jobs.values().cloned().collect(),
            sinks: self
                .sinks
                .iter()
                .map(|(name, memory)| memory::SinkRecord { name: name.clone(), memory: memory.clone() })
                .collect(),
            deliveries: self
                .deliveries
                .iter()
                .filter(|(_, fate)| is_owed(fate))
                .map(|(record, _)| record.clone())
                .collect(),
        }
    }

    pub(super) fn job(&self, id: &str) -> &JobMemory {
        &self.jobs.values().find(|job| job.id.as_str() == id).unwrap().memory
    }

    /// The ids that discovery leaves alone.
    pub(super) fn ignored(&self) -> Vec<JobId> {
        let memories = self.projects.values().filter_map(|project| project.discovery.as_ref());
        memories.flat_map(|memory| memory.ignored.iter().map(|(id, _)| id.clone())).collect()
    }

    pub(super) fn has_job(&self, id: &str) -> bool {
        self.jobs.values().any(|job| job.id.as_str() == id)
    }

    pub(super) fn sink(&self, name: &str) -> &SinkMemory {
        &self.sinks[&SinkName::new(name)]
    }

    pub(super) fn transition(&self, id: TransitionId) -> Arc<Transition> {
        Arc::clone(self.transitions.iter().find(|transition| transition.id == id).unwrap())
    }

    /// The deliveries that were made and marked as such.
    pub(super) fn marked(&self) -> BTreeSet<DeliveryId> {
        let delivered = self.deliveries.iter().filter(|(_, fate)| *fate == Fate::Delivered);
        delivered.map(|(record, _)| record.id.clone()).collect()
    }
}
