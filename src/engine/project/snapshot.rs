//! A project as it is recorded, and back.

use jiff::Timestamp;

use super::Project;
use super::discovery::Discovery;
use super::durations::Durations;
use super::gate::{GateSnapshot, RequestGate};
use super::jobs::JobTable;
use super::key::KeyState;
use super::schedule::Schedule;
use crate::config::ProjectSettings;
use crate::engine::adaptive_rate::AdaptiveRate;
use crate::engine::cadence::Cadence;
use crate::engine::snapshot::{JobRecord, ProjectRecord, ProjectSnapshot};
use crate::engine::{Batch, BatchEnd};
use crate::model::time::{Instant, Now, Recorded, ServerClock};
use crate::model::{EndedRestore, JobId};

impl Project {
    /// The project of a record, as yet without jobs. `adaptive_rate` is what this process already
    /// knows of its rate.
    pub(in crate::engine) fn from_snapshot(
        settings: &ProjectSettings,
        snapshot: Option<ProjectSnapshot>,
        adaptive_rate: Option<AdaptiveRate>,
        now: Now,
    ) -> Self {
        let is_new = snapshot.is_none();
        let ProjectSnapshot { written_at, unauthorized, throttled, paused_since, learned, past, discovery } =
            snapshot.unwrap_or_default();
        let written_ahead = written_at.filter(|at| *at > now.wall);
        // If it is not known when it was written, nothing is left of what it says.
        let written_at = written_at
            .or(throttled.as_ref().map(|asked| asked.until))
            .or(learned.as_ref().map(|learned| learned.counted_until));
        let record = Recorded::new(written_at.unwrap_or(now.wall), now);
        let gate = GateSnapshot { throttled, learned, paused_since };
        let grace = settings.watch.not_found_grace;

        Self {
            name: settings.name.clone(),
            cadence: Cadence::new(settings.cadence),
            watch: settings.watch,
            jobs: JobTable::default(),
            schedule: Schedule::default(),
            gate: RequestGate::from_snapshot(&settings.api, gate, adaptive_rate, record),
            key: KeyState::from_snapshot(unauthorized, &settings.watch),
            discovery: Discovery::from_snapshot(settings.discover.clone(), discovery, grace, now),
            durations: Durations::from_snapshot(past, settings.watch.slow_after),
            server: ServerClock::default(),
            audited_at: Instant::default(),
            unanswered_since: None,
            written_ahead,
            ends: Vec::new(),
            is_dirty: is_new || written_ahead.is_some(),
        }
    }

    /// When the latest record that it continues from was written, if that is later than the clock
    /// of now.
    pub(in crate::engine) fn written_ahead(&self) -> Option<Timestamp> {
        self.written_ahead
    }

    /// Whether something changed that is not yet committed.
    pub(in crate::engine) fn has_changed(&self) -> bool {
        let Self { jobs, gate, key, discovery, durations, ends, is_dirty, .. } = self;
        *is_dirty
            || !ends.is_empty()
            || jobs.is_dirty()
            || gate.is_dirty()
            || key.is_dirty()
            || discovery.is_dirty()
            || durations.is_dirty()
    }

    /// How many jobs have changes to commit.
    pub(in crate::engine) fn dirty_jobs(&self) -> usize {
        self.jobs.dirty()
    }

    /// Adds what changed to the batch that commits it.
    pub(in crate::engine) fn gather(&mut self, now: Now, batch: &mut Batch) {
        if self.take_dirty() {
            batch.projects.push(ProjectRecord { name: self.name.clone(), snapshot: self.snapshot(now) });
        }
        for id in self.jobs.take_dirty() {
            batch.jobs.extend(self.record(&id, now));
        }
        batch.ends.extend(self.take_ends().map(BatchEnd::without_event));
    }

    /// The restores that ended without an event since this was asked last.
    pub(in crate::engine) fn take_ends(&mut self) -> impl Iterator<Item = EndedRestore> {
        let mut ends = std::mem::take(&mut self.ends);
        for id in self.jobs.take_ended_silently() {
            ends.extend(self.tracker(&id).and_then(|tracker| tracker.ended(&self.name)));
        }
        ends.into_iter()
    }

    /// What is recorded of the project.
    pub(in crate::engine) fn snapshot(&self, now: Now) -> ProjectSnapshot {
        let GateSnapshot { throttled, learned, paused_since } = self.gate.snapshot(now);
        ProjectSnapshot {
            written_at: Some(now.wall),
            unauthorized: self.key.access().refusal().map(str::to_owned),
            throttled,
            paused_since,
            learned,
            past: self.durations.history().snapshot(),
            discovery: self.discovery.snapshot(),
        }
    }

    /// An answer that has just come says that the server's clock shows `time`.
    pub(in crate::engine) fn set_server_time(&mut self, time: Timestamp, now: Instant) {
        self.server.set(time, now);
    }

    /// What is known of its rate.
    pub(in crate::engine) fn adaptive_rate(&self) -> AdaptiveRate {
        self.gate.rate().clone()
    }

    /// What is recorded of a job.
    pub(super) fn record(&self, id: &JobId, now: Now) -> Option<JobRecord> {
        let job = self.jobs.get(id)?;
        // A job that is being polled is polled again after a restart, at once.
        let next_poll = job.volatile.place.due_or_polled();
        let snapshot = job.tracker.to_snapshot(next_poll, job.added.clone(), now);
        Some(JobRecord { project: self.name.clone(), id: id.clone(), written_at: now.wall, snapshot })
    }

    /// Whether a record of the project is to be written since this was asked last.
    fn take_dirty(&mut self) -> bool {
        // Each part is asked, whatever the others say.
        let parts = [
            self.gate.take_dirty(),
            self.key.take_dirty(),
            self.discovery.take_dirty(),
            self.durations.take_dirty(),
        ];
        std::mem::take(&mut self.is_dirty) || parts.contains(&true)
    }
}
