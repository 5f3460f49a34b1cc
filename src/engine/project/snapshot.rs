//! A project as it is kept, and back.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Project;
use super::discovery::Finder;
use super::limit::Throttle;
use super::list::List;
use crate::config::ProjectSettings;
use crate::engine::Batch;
use crate::engine::access::Access;
use crate::engine::adaptive_rate::AdaptiveRate;
use crate::engine::cadence::Cadence;
use crate::engine::duration_history::DurationHistory;
use crate::engine::misconfiguration::Misconfiguration;
use crate::engine::slow::SlowLimit;
use crate::engine::snapshot::{JobRecord, ProjectRecord, ProjectSnapshot, ThrottleSnapshot};
use crate::engine::token_bucket::TokenBucket;
use crate::model::JobId;
use crate::model::time::{Instant, Now, Recorded, ServerClock};

impl Project {
    /// A project of which this was kept, as yet without jobs, and what it may still ask, if this process knows.
    pub(in crate::engine) fn from_snapshot(
        settings: &ProjectSettings,
        snapshot: Option<ProjectSnapshot>,
        adaptive_rate: Option<AdaptiveRate>,
        now: Now,
    ) -> Self {
        let (rate, burst) = (settings.api.requests_per_second, settings.api.burst);
        let is_changed = snapshot.is_none();
        let ProjectSnapshot { written_at, unauthorized, throttled, paused_since, learned, past, discovery } =
            snapshot.unwrap_or_default();
        let written_ahead = written_at.filter(|at| *at > now.wall);
        // Where it is not known when it was written, nothing is left of what it says.
        let written_at = written_at
            .or(throttled.as_ref().map(|asked| asked.until))
            .or(learned.as_ref().map(|learned| learned.counted_until));
        let record = Recorded::new(written_at.unwrap_or(now.wall), now);
        let throttled = throttled.map(|asked| Throttle::from_snapshot(asked, record));
        let held_until = throttled.as_ref().map_or(now.instant, |throttle| now.instant.max(throttle.until));
        let mut adaptive_rate = adaptive_rate
            .unwrap_or_else(|| AdaptiveRate::from_snapshot(TokenBucket::new(rate, burst), learned, record));
        adaptive_rate.reconfigure(rate, burst, now.instant);
        let grace = settings.watch.not_found_grace;
        let finder = settings.discover.clone().map(|settings| Finder::new(settings, discovery, grace, now));
        let duration_history = DurationHistory::from_snapshot(past);
        Self {
            name: settings.name.clone(),
            cadence: Cadence::new(settings.cadence),
            watch: settings.watch,
            slow: SlowLimit::find(settings.watch.slow_after, &duration_history),
            duration_history,
            is_cut_told: adaptive_rate.refusal().is_some(),
            adaptive_rate,
            access: Access::from_snapshot(unauthorized),
            misconfiguration: Misconfiguration::default(),
            server: ServerClock::default(),
            held_until,
            throttles: 0,
            last_throttle: None,
            throttled,
            starved: BTreeSet::new(),
            paused_since: paused_since.map(|wall| record.reading(wall)),
            unanswered_since: None,
            free_since: now.instant,
            key_since: None,
            final_poll: None,
            jobs: BTreeMap::new(),
            queue: BTreeMap::new(),
            urgent: BTreeSet::new(),
            alarms: BTreeSet::new(),
            in_flight: 0,
            list: List::default(),
            list_error: None,
            is_list_lost: false,
            finder,
            has_seen_one_run: false,
            changed: BTreeSet::new(),
            is_changed: is_changed || written_ahead.is_some(),
            written_ahead,
        }
    }

    /// When the latest record that it goes on from was written, if that is later than the clock of now.
    pub(in crate::engine) fn written_ahead(&self) -> Option<Timestamp> {
        self.written_ahead
    }

    /// Whether something changed that is not yet made safe.
    pub(in crate::engine) fn has_changed(&self) -> bool {
        self.is_changed || !self.changed.is_empty()
    }

    /// Adds what changed to the batch that makes it safe.
    pub(in crate::engine) fn gather(&mut self, now: Now, batch: &mut Batch) {
        if std::mem::take(&mut self.is_changed) {
            batch.projects.push(ProjectRecord { name: self.name.clone(), snapshot: self.remember(now) });
        }
        for id in std::mem::take(&mut self.changed) {
            batch.jobs.extend(self.record(&id, now));
        }
    }

    /// What is to be kept of the project.
    pub(in crate::engine) fn remember(&self, now: Now) -> ProjectSnapshot {
        let throttled = self.throttled.as_ref().filter(|throttle| throttle.until > now.instant);
        ProjectSnapshot {
            written_at: Some(now.wall),
            unauthorized: self.access.refusal().map(str::to_owned),
            throttled: throttled.map(|throttle| throttle.remember(now)),
            paused_since: self.paused_since.map(|since| since.wall),
            learned: self.adaptive_rate.remember(now),
            past: self.duration_history.remember(),
            discovery: self.finder.as_ref().and_then(Finder::remember),
        }
    }

    /// An answer that has just come says that it is `time` at the server.
    pub(in crate::engine) fn set_server_time(&mut self, time: Timestamp, now: Instant) {
        self.server.set(time, now);
    }

    /// What it may still ask.
    pub(in crate::engine) fn adaptive_rate(&self) -> AdaptiveRate {
        self.adaptive_rate.clone()
    }

    /// What is to be kept of a job.
    pub(super) fn record(&self, id: &JobId, now: Now) -> Option<JobRecord> {
        let job = self.jobs.get(id)?;
        // A job that is being polled is polled again after a restart, at once.
        let next_poll = job.due.or(job.polling.map(|polling| polling.since));
        let snapshot = job.tracker.to_snapshot(next_poll, job.added.clone(), now);
        Some(JobRecord { project: self.name.clone(), id: id.clone(), written_at: now.wall, snapshot })
    }
}

impl Throttle {
    fn from_snapshot(kept: ThrottleSnapshot, record: Recorded) -> Self {
        let ThrottleSnapshot { until, reason, is_backoff } = kept;
        Self { until: record.instant(until), reason, is_backoff }
    }

    fn remember(&self, now: Now) -> ThrottleSnapshot {
        let Self { until, reason, is_backoff } = self;
        ThrottleSnapshot { until: now.wall_at(*until), reason: reason.clone(), is_backoff: *is_backoff }
    }
}
