//! A project as it is kept, and back.

use std::collections::{BTreeMap, BTreeSet};

use super::{Job, Project};
use crate::config::ProjectSettings;
use crate::engine::access::Access;
use crate::engine::cadence::Cadence;
use crate::engine::event::Batch;
use crate::engine::limiter::Limiter;
use crate::engine::memory::{JobMemory, JobRecord, ProjectMemory, ProjectRecord, Throttled};
use crate::engine::retry::RetryAfter;
use crate::engine::time::Now;
use crate::engine::tracker::Tracker;
use crate::model::JobId;

impl Project {
    /// A project of which this was kept. Jobs of which nothing was kept are due at once.
    pub(in crate::engine) fn recall(
        settings: &ProjectSettings,
        memory: Option<ProjectMemory>,
        mut jobs: BTreeMap<JobId, JobMemory>,
        now: Now,
    ) -> Self {
        let is_changed = memory.is_none();
        let ProjectMemory { refused, throttled } = memory.unwrap_or_default();
        let latest = now.instant + RetryAfter::MAX;
        let throttled = throttled.map(|asked| (now.instant_at(asked.until).min(latest), asked.reason));
        let mut project = Self {
            name: settings.name.clone(),
            cadence: Cadence::new(settings.cadence),
            limiter: Limiter::new(settings.api.requests_per_second, settings.api.burst),
            access: Access::recall(refused),
            held_until: throttled.as_ref().map_or(now.instant, |(until, _)| now.instant.max(*until)),
            throttles: 0,
            last_throttle: None,
            throttled,
            last_look: None,
            jobs: BTreeMap::new(),
            queue: BTreeSet::new(),
            alarms: BTreeSet::new(),
            in_flight: 0,
            changed: BTreeSet::new(),
            is_changed,
        };
        for job in &settings.jobs {
            let known = jobs.remove(&job.id);
            if known.is_none() {
                project.changed.insert(job.id.clone());
            }
            let next_poll = known.as_ref().and_then(|memory| memory.next_poll);
            let tracker = match known {
                Some(memory) => Tracker::recall(job.clone(), settings.watch, memory, now),
                None => Tracker::new(job.clone(), settings.watch, now),
            };
            // A later time comes of a clock that was wrong.
            let latest = now.instant + settings.cadence.max_interval.max(RetryAfter::MAX);
            let due = next_poll.map_or(now.instant, |at| now.instant_at(at).clamp(now.instant, latest));
            let due = (!tracker.has_ended()).then_some(due);
            let entry = Job { tracker, polls: 0, due: None, alarm: None, polling_since: None };
            project.jobs.insert(job.id.clone(), Box::new(entry));
            project.schedule(&job.id, due);
        }
        project
    }

    /// Whether something changed that is not yet made safe.
    pub(in crate::engine) fn has_changed(&self) -> bool {
        self.is_changed || !self.changed.is_empty()
    }

    /// Adds what changed to the batch that makes it safe.
    pub(in crate::engine) fn gather(&mut self, now: Now, batch: &mut Batch) {
        if std::mem::take(&mut self.is_changed) {
            batch.projects.push(ProjectRecord { name: self.name.clone(), memory: self.remember(now) });
        }
        for id in std::mem::take(&mut self.changed) {
            let Some(job) = self.jobs.get(&id) else { continue };
            // A job that is being polled is polled again after a restart, at once.
            let next_poll = job.due.or(job.polling_since);
            let memory = job.tracker.remember(next_poll, now);
            batch.jobs.push(JobRecord { project: self.name.clone(), id, saved_at: now.wall, memory });
        }
    }

    fn remember(&self, now: Now) -> ProjectMemory {
        let throttled = self.throttled.as_ref().filter(|(until, _)| *until > now.instant);
        ProjectMemory {
            refused: self.access.refusal().map(str::to_owned),
            throttled: throttled
                .map(|(until, reason)| Throttled { until: now.wall_at(*until), reason: reason.clone() }),
        }
    }
}
