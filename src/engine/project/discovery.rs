//! Jobs that nobody named, found in the list.
//!
//! Invariant: a job that is found unfinished is watched, and one that both began and ended between two looks is told; what
//! had ended by the first look is history, and never told.

use std::time::Duration;

use jiff::Timestamp;

use super::history::{History, PageTime};
use super::{Job, Project};
use crate::config::Discovery;
use crate::engine::Diagnostic;
use crate::engine::discovery_state::DiscoveryState;
use crate::engine::snapshot::{AddedJob, DiscoverySnapshot, JobRecord, JobSnapshot};
use crate::engine::tracker::Findings;
use crate::model::time::{Instant, Now, before};
use crate::model::{JobId, Observation};

/// Looks at the whole list take at most this part of the requests that the rate allows.
const SHARE: u32 = 4;

/// The number of ended jobs that are watched beyond `max_jobs`, until a scan of the whole list shows that none is missing:
/// as many may end while no process runs.
const ENDED_BEYOND: usize = 20_000;

/// What is known for the discovery of jobs.
#[derive(Debug)]
pub(super) struct Finder {
    settings: Discovery,
    history: History,
    /// When the last look ended, by the clock of the server.
    looked_until: Option<Timestamp>,
    /// When the next look begins.
    pub(super) look_at: Instant,
    /// No look begins earlier, whatever it is for.
    not_before: Instant,
    /// When the last look began that came to the end of the list.
    looked: Option<Instant>,
    /// Since when there is something that a look has yet to confirm: that there are no other jobs.
    unsure_since: Instant,
    /// Why not all jobs of the list are watched, by the last look and the one under way.
    left_out: Option<String>,
    /// Whether the look under way left out some.
    leaves_out: bool,
    is_left_out_noted: bool,
    /// When the last scan began, by the clock of the server, where it came to the end of the list and left out none: what
    /// had ended by then is watched, or its end was emitted. Taken by the trimming that follows.
    complete_since: Option<Timestamp>,
}

/// How many more jobs that are found may be watched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) unfinished: usize,
    pub(super) ended: usize,
}

impl Finder {
    /// Looks from `now` on for what these settings say; `memory` is what was kept. A job may be missing from the list for
    /// the time of `grace` after its start.
    pub(super) fn new(
        settings: Discovery,
        snapshot: Option<DiscoverySnapshot>,
        grace: Duration,
        now: Now,
    ) -> Self {
        Self {
            settings,
            history: History::new(snapshot, grace, now),
            looked_until: None,
            look_at: now.instant,
            not_before: now.instant,
            looked: None,
            // What was begun just before that is not missed, either.
            unsure_since: now.instant + grace,
            left_out: None,
            leaves_out: false,
            is_left_out_noted: false,
            complete_since: None,
        }
    }

    /// What is to be kept.
    pub(super) fn remember(&self) -> Option<DiscoverySnapshot> {
        self.history.remember()
    }

    /// From now on, these settings hold; it is `time` at the server. Where other indexes are looked for, what had ended by
    /// the last look is history: some of it emitted no event.
    pub(super) fn reconfigure(&mut self, settings: &Discovery, time: Option<Timestamp>, now: Now) {
        if self.settings == *settings {
            return;
        }
        let looks_for_others =
            (&self.settings.indexes, &self.settings.exclude) != (&settings.indexes, &settings.exclude);
        self.settings = settings.clone();
        self.look_at = self.look_at.min(now.instant);
        self.unsure_since = self.unsure_since.max(now.instant);
        if looks_for_others {
            self.history.restart(self.looked_until.or(time), now.instant);
        }
    }

    /// Whether a job that makes this index is looked for.
    pub(super) fn includes(&self, index: Option<&str>) -> bool {
        self.settings.includes(index)
    }

    /// Takes a page before its rows. Jobs that ended are kept for `keep`. Returns whether something is to be kept.
    pub(super) fn read(&mut self, page: PageTime, surplus: usize, keep: Duration, now: Now) -> bool {
        if surplus > 0 {
            self.leave_out(format!("a page has {surplus} rows more than were asked for"));
        }
        self.history.read(page, keep, now)
    }

    /// Whether a row is about a job to watch that is not watched; it takes its place in the `room`. One that ended takes
    /// none from the unfinished ones.
    pub(super) fn finds(&mut self, row: &Observation, room: &mut Room, now: Instant) -> bool {
        if self.history.ignores(&row.id, now) {
            return false;
        }
        let is_included = self.includes(row.facts.target_index_name.as_deref());
        let has_ended = row.end().is_some();
        let (is_wanted, room) = if has_ended {
            let is_event = row.facts.listed_at().is_some_and(|at| self.history.is_event(&row.id, at, now));
            (is_event && is_included, &mut room.ended)
        } else {
            (is_included, &mut room.unfinished)
        };
        if is_wanted && *room == 0 {
            let max = self.max_jobs();
            let limit = if has_ended {
                format!("{} ended since discovery began", max.saturating_add(ENDED_BEYOND))
            } else {
                format!("{max} are unfinished")
            };
            self.leave_out(format!("more than {limit} (`max_jobs` of `discover`)"));
            return false;
        }
        *room -= usize::from(is_wanted);
        is_wanted
    }

    fn leave_out(&mut self, reason: String) {
        self.leaves_out = true;
        self.left_out.get_or_insert(reason);
    }

    /// Limit of the jobs that are watched because they were found: of the unfinished ones, and of those that ended.
    pub(super) fn max_jobs(&self) -> usize {
        usize::try_from(self.settings.max_jobs).unwrap_or(usize::MAX)
    }

    /// From when on, by the clock of the server, the last scan was complete, once after each such scan.
    pub(super) fn take_complete_since(&mut self) -> Option<Timestamp> {
        self.complete_since.take()
    }

    /// Why not all jobs of the list are watched, if so.
    pub(super) fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// Stops watching a job from `now` on, although the list shows it.
    pub(super) fn forget(&mut self, id: JobId, now: Instant) {
        self.history.forget(id, now);
    }

    /// Jobs that ended before this time are deleted.
    pub(super) fn delete_before(&mut self, time: Timestamp) {
        self.history.delete_before(time);
    }

    /// What time it is at the server at least, by its list.
    pub(super) fn listed_time(&self, now: Instant) -> Option<Timestamp> {
        self.history.listed_time(now)
    }

    /// The list was read to its end, in so many pages, from `began` on, when it was `time` at the server. The next look
    /// comes after the longest interval between polls, or later, if these pages are many for the time between two requests.
    /// Returns whether something is to be kept.
    pub(super) fn looked(
        &mut self,
        began: Instant,
        pages: u32,
        (longest, request): (Duration, Duration),
        keep: Duration,
        time: Option<Timestamp>,
        now: Instant,
    ) -> bool {
        self.looked = Some(began);
        self.looked_until = time;
        self.not_before = (began + request * pages * SHARE).max(now + request);
        self.look_at = self.not_before.max(began + longest);
        self.complete_since = None;
        if !std::mem::take(&mut self.leaves_out) {
            self.left_out = None;
            // Where no time is known, no job has one.
            self.complete_since = Some(time.map_or(Timestamp::MAX, |time| before(time, now.since(began))));
        }
        if !self.is_sure() {
            self.look_soon();
        }
        self.history.scanned(keep, now)
    }

    /// The last job that had not ended did: another look is to show whether there are others, and soon.
    pub(super) fn all_ended(&mut self, now: Instant) {
        self.unsure_since = self.unsure_since.max(now);
        self.look_soon();
    }

    fn look_soon(&mut self) {
        self.look_at = self.look_at.min(self.unsure_since.max(self.not_before));
    }

    /// Whether a look that is young enough showed that there are no other jobs.
    pub(super) fn is_sure(&self) -> bool {
        self.left_out.is_none() && self.looked.is_some_and(|looked| looked >= self.unsure_since)
    }
}

impl Job {
    /// Whether it was found in the list, and is named nowhere else.
    pub(super) fn is_found(&self) -> bool {
        self.added.as_ref().is_some_and(|added| added.discovered)
    }

    /// Whether it ended, or the list says so and it was not described since.
    fn is_over(&self) -> bool {
        self.tracker.has_ended() || (self.is_found_ended && self.described_at.is_none())
    }
}

impl Project {
    /// Watches a job that was found in the list. Where it was watched before, `kept` is what is known of it.
    pub(in crate::engine) fn discover(
        &mut self,
        row: Observation,
        kept: Option<JobRecord>,
        began: Instant,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<(JobId, Findings)> {
        let added = AddedJob { discovered: true, ..AddedJob::default() };
        let settings = added.clone().settings(row.id.clone());
        let added = kept.as_ref().and_then(|kept| kept.snapshot.added.clone()).unwrap_or(added);
        // It may be on a page twice.
        if !self.jobs.contains_key(&row.id) {
            self.insert(settings, kept, now);
            let job = self.jobs.get_mut(&row.id)?;
            job.added = Some(added);
            job.is_found_ended = row.end().is_some();
            self.changed.insert(row.id.clone());
        }
        self.take_row(row, began, now, rng)
    }

    /// Whether a job that was discovered is still looked for.
    pub(in crate::engine) fn discovers(&self, snapshot: &JobSnapshot) -> bool {
        let index = snapshot.facts.target_index_name.as_deref();
        self.finder.as_ref().is_some_and(|finder| finder.includes(index))
    }

    /// How many more jobs there is room for, of those that are found.
    pub(super) fn room(&self) -> Room {
        let Some(finder) = &self.finder else { return Room { unfinished: 0, ended: 0 } };
        let max = finder.max_jobs();
        let mut room = Room { unfinished: max, ended: max.saturating_add(ENDED_BEYOND) };
        for job in self.jobs.values().filter(|job| job.is_found()) {
            let room = if job.is_over() { &mut room.ended } else { &mut room.unfinished };
            *room = room.saturating_sub(1);
        }
        room
    }

    /// What is to be said about jobs that are left out: once when some are, once when none is.
    pub(in crate::engine) fn take_left_out_note(&mut self) -> Option<Diagnostic> {
        let finder = self.finder.as_mut()?;
        if finder.left_out.is_some() == finder.is_left_out_noted {
            return None;
        }
        finder.is_left_out_noted = finder.left_out.is_some();
        let project = self.name.clone();
        Some(match &finder.left_out {
            Some(reason) => Diagnostic::JobsLeftOut { project, reason: reason.clone() },
            None => Diagnostic::AllJobsWatched { project },
        })
    }

    /// How it stands with the search for jobs.
    pub(in crate::engine) fn search(&self, now: Instant) -> DiscoveryState {
        let Some(finder) = &self.finder else { return DiscoveryState::Complete };
        let limit = self.watch.unreachable_after;
        let is_suspected = self.misconfiguration.suspected().is_some();
        match self.list.failing_since {
            _ if self.access.is_refused() => DiscoveryState::Unauthorized,
            _ if self.is_misconfigured() => DiscoveryState::Misconfigured,
            Some(since) if is_suspected && now.since(since) >= limit => DiscoveryState::Misconfigured,
            Some(since) if now.since(since) >= limit => DiscoveryState::Unreachable,
            None if finder.is_sure() => DiscoveryState::Complete,
            _ => DiscoveryState::UnderWay,
        }
    }
}
