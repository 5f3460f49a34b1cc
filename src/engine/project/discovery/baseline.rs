//! Which ends of listed jobs are emitted, and which are history.
//!
//! Invariant: the server's own times and the first complete scan decide that, never the clock of
//! this machine alone; what was forgotten, and what was deleted because it was old, emits no event
//! again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::engine::snapshot::DiscoverySnapshot;
use crate::model::time::{Instant, Now, ServerClock, before, later};
use crate::model::{JobId, Observation};

/// How far ahead of the API's clock that of this machine may be, if the API does not say the time.
const MAX_SKEW: Duration = Duration::from_mins(10);

/// A `Date` header has whole seconds: it may be later at the server by this.
const DATE_STEP: Duration = Duration::from_secs(1);

/// Limit of the jobs that ended shortly before discovery began and are remembered one by one. A
/// list that has more is no list of restores; all of them are history then.
const MAX_ENDED: usize = 10_000;

/// Complete scans in a row that do not show a forgotten job before its id can be dropped: the list
/// is best effort.
const MISSED_SCANS: u32 = 10;

/// What had ended before the jobs of a project were discovered.
#[derive(Debug)]
pub(super) struct Baseline {
    /// When discovery began, by the monotonic clock.
    started: Instant,
    /// How long before that a job may have begun without being listed by then.
    grace: Duration,
    /// By the clock of the server: jobs that ended earlier are history; so are those that began
    /// earlier and have no end time. Unknown before the first page.
    since: Option<Timestamp>,
    /// When discovery first began, by the same clock: what the first complete scan shows that ended
    /// earlier is history.
    began: Option<Timestamp>,
    /// Whether the server said the time, so that `began` is right.
    is_exact: bool,
    /// Whether an earlier process kept these times, and no page with a time has come since.
    is_unchecked: bool,
    /// Whether a scan came to the end of the list: from then on, the end of an unknown job is
    /// emitted.
    is_complete: bool,
    /// When the last job ended that the first scan showed and that is history.
    newest: Option<Timestamp>,
    /// Jobs that are not watched although they are listed.
    ignored: BTreeMap<JobId, Ignored>,
    /// At least so late it is at the server, by the newest time in its list.
    listed: ServerClock,
}

/// A job that is not watched although it is listed.
#[derive(Debug, Clone, Copy)]
struct Ignored {
    /// When it ended, if it had by the first scan; none if it was forgotten.
    ended_at: Option<Timestamp>,
    /// When a page last showed it, and how many complete scans in a row have not since.
    shown_at: Instant,
    misses: u32,
}

/// What a page says about the time at the server.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::project) struct PageTime {
    /// By the `Date` header.
    server: Option<Timestamp>,
    /// The newest time in its rows.
    newest: Option<Timestamp>,
    /// When the page was asked for.
    asked: Instant,
}

impl PageTime {
    pub(in crate::engine::project) fn new(
        server: Option<Timestamp>,
        rows: &[Observation],
        asked: Instant,
    ) -> Self {
        let times = rows.iter().flat_map(|row| [row.facts.created_at, row.facts.completed_at]);
        Self { server, newest: times.flatten().max(), asked }
    }
}

impl Baseline {
    /// Continues with a record, or begins at `now`. A job may be missing from the list for the time
    /// of `grace` after its start.
    pub(super) fn new(snapshot: Option<DiscoverySnapshot>, grace: Duration, now: Now) -> Self {
        let is_unchecked = snapshot.is_some();
        let is_complete = snapshot.as_ref().is_some_and(|snapshot| snapshot.has_baseline);
        let since = snapshot.as_ref().map(|snapshot| snapshot.since);
        // Earlier releases kept `since` alone, which was by as much earlier.
        let began =
            snapshot.as_ref().map(|snapshot| snapshot.began.unwrap_or_else(|| later(snapshot.since, grace)));
        let ignored = snapshot.into_iter().flat_map(|snapshot| snapshot.ignored);
        Self {
            started: now.instant,
            grace,
            since,
            began,
            is_exact: false,
            is_unchecked,
            is_complete,
            newest: None,
            ignored: ignored.map(|(id, _)| (id, Ignored::forgotten(now.instant))).collect(),
            listed: ServerClock::default(),
        }
    }

    /// What is to be kept; nothing before the first page.
    pub(super) fn snapshot(&self) -> Option<DiscoverySnapshot> {
        let since = self.since?;
        let ignored = self.ignored.iter();
        let ignored = ignored.map(|(id, job)| (id.clone(), job.ended_at.unwrap_or(since))).collect();
        Some(DiscoverySnapshot { since, began: self.began, has_baseline: self.is_complete, ignored })
    }

    /// Starts again from nothing: what had ended by `until`, or by `now` if that is unknown, is
    /// history.
    pub(super) fn restart(&mut self, until: Option<Timestamp>, now: Instant) {
        (self.started, self.grace) = (now, Duration::ZERO);
        (self.began, self.is_complete, self.newest) = (until, false, None);
        self.since = self.since.max(until);
    }

    /// Takes what a page says about the time, before its rows: what the server's clock shows, and
    /// so when discovery began. Jobs that ended are kept for `keep`. Returns whether a record is to
    /// be written.
    pub(super) fn read(&mut self, page: PageTime, keep: Duration, now: Now) -> bool {
        if let Some(newest) = page.newest
            && self.listed.time(now.instant).is_none_or(|known| newest > known)
        {
            self.listed.set(newest, now.instant);
        }

        let is_new = self.began.is_none();
        if is_new {
            let began = self.beginning(page, now);
            (self.began, self.is_exact) = (Some(began), page.server.is_some());
            self.since = self.since.max(Some(before(began, self.grace)));
        }

        // The end of what ended longer ago may have been emitted, and deleted; the clock of this
        // machine alone decides nothing.
        if let Some(time) = page.server.or(self.listed.time(now.instant)) {
            self.since = self.since.max(Some(before(time.min(now.wall), keep)));
        }

        let is_bounded = page.server.is_some_and(|server| self.bound(later(server.max(now.wall), DATE_STEP)));
        is_new || is_bounded
    }

    /// The time is not later than `latest`. Earlier releases dated discovery by the clock of the
    /// machine, and one that was ahead then would make history of all that ends until that time.
    /// Returns whether it was.
    fn bound(&mut self, latest: Timestamp) -> bool {
        let is_unchecked = std::mem::replace(&mut self.is_unchecked, false);
        let is_ahead = is_unchecked && self.since.max(self.began) > Some(latest);
        if is_ahead {
            self.since = self.since.map(|since| since.min(latest));
            self.began = self.began.map(|began| began.min(latest));
        }
        is_ahead
    }

    /// When discovery began, by the clock of the server. The clock of this machine is used if it
    /// agrees with that, because it is finer. Else it is the latest time that is possible, so that
    /// nothing that had ended by then is emitted.
    fn beginning(&self, page: PageTime, now: Now) -> Timestamp {
        let ours = now.wall_at(self.started);
        match (page.server, page.newest) {
            (Some(time), _) => {
                let earliest = before(time, now.instant.since(self.started));
                let latest = before(later(time, DATE_STEP), page.asked.since(self.started));
                if (earliest..=latest).contains(&ours) { ours } else { latest }
            }
            // The clock of this machine is behind: what the page shows had happened.
            (None, Some(newest)) if newest > now.wall => later(newest, Duration::from_nanos(1)),
            (None, _) => ours,
        }
    }

    /// What the server's clock shows at least, by its list.
    pub(super) fn listed_time(&self, now: Instant) -> Option<Timestamp> {
        self.listed.time(now)
    }

    /// Whether a job is not to be watched although a page shows it.
    pub(super) fn ignores(&mut self, id: &JobId, now: Instant) -> bool {
        let Some(job) = self.ignored.get_mut(id) else { return false };
        (job.shown_at, job.misses) = (now, 0);
        true
    }

    /// Whether the end of this job is emitted, which ended at `at`, or began then if it has no end
    /// time. Before the first complete scan, one that is not is remembered.
    pub(super) fn emits(&mut self, id: &JobId, at: Timestamp, now: Instant) -> bool {
        let (Some(since), Some(began)) = (self.since, self.began) else { return false };
        if self.is_complete || at >= began {
            return at >= since;
        }
        self.newest = self.newest.max(Some(at));
        let oldest = if self.is_exact { since } else { before(since, MAX_SKEW) };
        if at >= oldest && self.ignored.len() < MAX_ENDED {
            self.ignored.insert(id.clone(), Ignored { ended_at: Some(at), shown_at: now, misses: 0 });
        } else if at >= oldest {
            (self.since, self.is_exact) = (Some(began), true);
        }
        false
    }

    /// Ignores a job for as long as the list shows it.
    pub(super) fn forget(&mut self, id: JobId, now: Instant) {
        self.ignored.insert(id, Ignored::forgotten(now));
    }

    /// What ended before this time is deleted.
    pub(super) fn delete_before(&mut self, time: Timestamp) {
        self.since = self.since.map(|since| since.max(time));
    }

    /// A scan came to the end of the list. A forgotten job is dropped once the list has not shown
    /// it for `keep`. Returns whether a record is to be written.
    pub(super) fn scanned(&mut self, keep: Duration, now: Instant) -> bool {
        let known = self.ignored.len();
        let was_complete = std::mem::replace(&mut self.is_complete, true);

        if let (false, false, Some(since), Some(newest)) =
            (was_complete, self.is_exact, self.since, self.newest)
        {
            // By the clock of the API, if that says more: this one may be ahead of it. But not by
            // much: a restore that the list did not show is not to be emitted if it ended long
            // before.
            self.since = Some(newest.clamp(before(since, MAX_SKEW), since));
        }

        let since = self.since;
        self.ignored.values_mut().for_each(|job| job.misses = job.misses.saturating_add(1));
        self.ignored.retain(|_, job| {
            let is_history = job.ended_at.is_some() && job.ended_at < since;
            let is_gone = job.misses > MISSED_SCANS && now.since(job.shown_at) > keep;
            !is_history && !is_gone
        });
        !was_complete || self.ignored.len() < known
    }
}

impl Ignored {
    fn forgotten(now: Instant) -> Self {
        Self { ended_at: None, shown_at: now, misses: 0 }
    }
}
