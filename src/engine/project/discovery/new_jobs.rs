//! Which jobs of the list are watched although no configuration names them.
//!
//! Invariant: a job that is found unfinished is watched, and one that both began and ended between
//! two scans emits its end; what had ended by the first scan is history, and never emits an event.

use std::time::Duration;

use jiff::Timestamp;

use super::baseline::{Baseline, PageTime};
use crate::config;
use crate::engine::context::Cx;
use crate::engine::snapshot::DiscoverySnapshot;
use crate::engine::{Diagnostic, LeftOut};
use crate::model::time::{Instant, Now, before};
use crate::model::{JobId, Observation};

/// Scans of the whole list take at most one of so many requests that the rate permits.
const SCAN_SHARE: u32 = 4;

/// The number of ended jobs that are watched beyond `max_jobs`, until a scan of the whole list
/// shows that none is missing: as many may end while no process runs.
pub(in crate::engine::project) const ENDED_BEYOND: usize = 20_000;

/// The search for new jobs.
#[derive(Debug)]
pub(super) struct NewJobs {
    settings: config::DiscoverySettings,
    baseline: Baseline,
    /// When the last scan ended, by the clock of the server.
    scanned_until: Option<Timestamp>,
    /// When the next scan begins.
    scan_at: Instant,
    /// No scan begins earlier, whatever it is for.
    not_before: Instant,
    /// When the last scan began that came to the end of the list.
    scanned: Option<Instant>,
    /// Since when a scan is yet to confirm that there are no other jobs.
    unconfirmed_since: Instant,
    /// Why not all jobs of the list are watched, by the last scan and the one under way.
    left_out: Option<LeftOut>,
    /// Whether the scan under way left out some.
    leaves_out: bool,
    is_left_out_reported: bool,
    /// When the last scan began, by the clock of the server, if it came to the end of the list and
    /// left out none: what had ended by then is watched, or its end was emitted. Taken by the
    /// trimming that follows.
    complete_since: Option<Timestamp>,
}

/// How many more jobs may be discovered.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine::project) struct Room {
    pub(in crate::engine::project) unfinished: usize,
    pub(in crate::engine::project) ended: usize,
}

/// A scan that came to the end of the list.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::project) struct CompletedScan {
    pub(in crate::engine::project) began: Instant,
    pub(in crate::engine::project) pages: u32,
    /// The longest interval between polls of a job.
    pub(in crate::engine::project) longest_interval: Duration,
    /// The interval between requests at the rate that holds.
    pub(in crate::engine::project) request_interval: Duration,
    /// What the clock of the server shows, if it says so.
    pub(in crate::engine::project) server_time: Option<Timestamp>,
}

impl NewJobs {
    /// Searches from `now` on for what these settings say, or continues with a record. A job may be
    /// missing from the list for the time of `grace` after its start.
    pub(super) fn new(
        settings: config::DiscoverySettings,
        snapshot: Option<DiscoverySnapshot>,
        grace: Duration,
        now: Now,
    ) -> Self {
        Self {
            settings,
            baseline: Baseline::new(snapshot, grace, now),
            scanned_until: None,
            scan_at: now.instant,
            not_before: now.instant,
            scanned: None,
            // What was begun just before that is not missed, either.
            unconfirmed_since: now.instant + grace,
            left_out: None,
            leaves_out: false,
            is_left_out_reported: false,
            complete_since: None,
        }
    }

    pub(super) fn snapshot(&self) -> Option<DiscoverySnapshot> {
        self.baseline.snapshot()
    }

    /// From now on, these settings hold; `time` is what the server's clock shows. If other indexes
    /// are searched for, what had ended by the last scan is history: some of it emitted no event.
    pub(super) fn reconfigure(
        &mut self,
        settings: &config::DiscoverySettings,
        time: Option<Timestamp>,
        now: Now,
    ) {
        if self.settings == *settings {
            return;
        }
        let searches_for_others =
            (&self.settings.indexes, &self.settings.exclude) != (&settings.indexes, &settings.exclude);
        self.settings = settings.clone();
        self.scan_at = self.scan_at.min(now.instant);
        self.unconfirmed_since = self.unconfirmed_since.max(now.instant);
        if searches_for_others {
            self.baseline.restart(self.scanned_until.or(time), now.instant);
        }
    }

    /// When the next scan begins.
    pub(super) fn scan_at(&self) -> Instant {
        self.scan_at
    }

    /// Whether a job that makes this index is searched for.
    pub(super) fn includes(&self, index: Option<&str>) -> bool {
        self.settings.includes(index)
    }

    /// Takes a page before its rows. Jobs that ended are kept for `keep`. Returns whether a record
    /// is to be written.
    pub(super) fn begin_page(&mut self, page: PageTime, surplus: usize, keep: Duration, now: Now) -> bool {
        if surplus > 0 {
            self.leave_out(LeftOut::SurplusRows(surplus));
        }
        self.baseline.read(page, keep, now)
    }

    /// Whether a row is about a job to watch that is not watched; it takes its place in the `room`.
    /// One that ended takes none from the unfinished ones.
    pub(super) fn finds(&mut self, row: &Observation, room: &mut Room, now: Instant) -> bool {
        if self.baseline.ignores(&row.id, now) {
            return false;
        }
        let is_included = self.includes(row.facts.target_index_name.as_deref());
        let has_ended = row.end().is_some();
        let (is_wanted, room) = if has_ended {
            let emits = row.facts.listed_at().is_some_and(|at| self.baseline.emits(&row.id, at, now));
            (emits && is_included, &mut room.ended)
        } else {
            (is_included, &mut room.unfinished)
        };

        if is_wanted && *room == 0 {
            let max = self.max_jobs();
            self.leave_out(if has_ended {
                LeftOut::TooManyEnded(max.saturating_add(ENDED_BEYOND))
            } else {
                LeftOut::TooManyUnfinished(max)
            });
            return false;
        }
        *room -= usize::from(is_wanted);
        is_wanted
    }

    /// Limit of the discovered jobs: of the unfinished ones, and of those that ended.
    pub(super) fn max_jobs(&self) -> usize {
        usize::try_from(self.settings.max_jobs).unwrap_or(usize::MAX)
    }

    /// When the last complete scan began, by the clock of the server, once after each such scan.
    pub(super) fn take_complete_since(&mut self) -> Option<Timestamp> {
        self.complete_since.take()
    }

    /// Why not all jobs of the list are watched, if so.
    pub(super) fn left_out(&self) -> Option<LeftOut> {
        self.left_out
    }

    /// Ignores a job from `now` on, although the list shows it.
    pub(super) fn ignore(&mut self, id: JobId, now: Instant) {
        self.baseline.forget(id, now);
    }

    /// Jobs that ended before this time are deleted.
    pub(super) fn delete_before(&mut self, time: Timestamp) {
        self.baseline.delete_before(time);
    }

    /// What the server's clock shows at least, by its list.
    pub(super) fn listed_time(&self, now: Instant) -> Option<Timestamp> {
        self.baseline.listed_time(now)
    }

    /// A scan came to the end of the list. The next one begins after the longest interval between
    /// polls, or later if its pages are many at the rate that holds. Returns whether a record is to
    /// be written.
    pub(super) fn complete_scan(&mut self, scan: CompletedScan, keep: Duration, now: Instant) -> bool {
        let CompletedScan { began, pages, longest_interval, request_interval, server_time } = scan;
        let time = server_time.or(self.listed_time(now));
        self.scanned = Some(began);
        self.scanned_until = time;
        self.not_before = (began + request_interval * pages * SCAN_SHARE).max(now + request_interval);
        self.scan_at = self.not_before.max(began + longest_interval);

        self.complete_since = None;
        if !std::mem::take(&mut self.leaves_out) {
            self.left_out = None;
            // If no time is known, no job has one.
            self.complete_since = Some(time.map_or(Timestamp::MAX, |time| before(time, now.since(began))));
        }
        if !self.is_complete() {
            self.scan_soon();
        }
        self.baseline.scanned(keep, now)
    }

    /// The last open job ended: another scan is to show whether there are others, and soon.
    pub(super) fn on_all_ended(&mut self, now: Instant) {
        self.unconfirmed_since = self.unconfirmed_since.max(now);
        self.scan_soon();
    }

    /// Whether a scan that is recent enough showed that there are no other jobs.
    pub(super) fn is_complete(&self) -> bool {
        let is_confirmed = self.scanned.is_some_and(|scanned| scanned >= self.unconfirmed_since);
        is_confirmed && self.left_out.is_none()
    }

    /// Only a scan that begins from then on can show that there are no other jobs.
    pub(super) fn unconfirmed_since(&self) -> Instant {
        self.unconfirmed_since
    }

    /// Reports once that jobs are left out, and once that none is.
    pub(super) fn report_left_out(&mut self, cx: &mut Cx<'_>) {
        if self.left_out.is_some() == self.is_left_out_reported {
            return;
        }
        self.is_left_out_reported = self.left_out.is_some();
        cx.report(|project| match self.left_out {
            Some(reason) => Diagnostic::JobsLeftOut { project, reason },
            None => Diagnostic::AllJobsWatched { project },
        });
    }

    fn scan_soon(&mut self) {
        self.scan_at = self.scan_at.min(self.unconfirmed_since.max(self.not_before));
    }

    fn leave_out(&mut self, reason: LeftOut) {
        self.leaves_out = true;
        self.left_out.get_or_insert(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::context::Effect;

    fn at(seconds: u64) -> Now {
        let instant = Instant::after_start(Duration::from_secs(seconds));
        Now { instant, wall: "2026-11-23T12:00:00Z".parse().unwrap() }
    }

    fn new_jobs() -> NewJobs {
        NewJobs::new(config::DiscoverySettings::default(), None, Duration::ZERO, at(0))
    }

    fn complete(new_jobs: &mut NewJobs, began: u64, now: u64) {
        let scan = CompletedScan {
            began: at(began).instant,
            pages: 1,
            longest_interval: Duration::from_mins(1),
            request_interval: Duration::from_millis(500),
            server_time: None,
        };
        new_jobs.complete_scan(scan, Duration::MAX, at(now).instant);
    }

    #[test]
    fn only_a_scan_that_began_after_the_last_end_confirms() {
        let mut new_jobs = new_jobs();
        complete(&mut new_jobs, 0, 1);
        assert!(new_jobs.is_complete());

        new_jobs.on_all_ended(at(10).instant);

        assert!(!new_jobs.is_complete());
        assert_eq!(new_jobs.scan_at(), at(10).instant);
        complete(&mut new_jobs, 10, 11);
        assert!(new_jobs.is_complete());
        assert_eq!(new_jobs.scan_at(), at(70).instant);
    }

    #[test]
    fn left_out_jobs_are_reported_until_a_scan_has_none() {
        let mut new_jobs = new_jobs();
        let report = |new_jobs: &mut NewJobs| Cx::run(at(0), |cx| new_jobs.report_left_out(cx)).1;
        new_jobs.leave_out(LeftOut::TooManyUnfinished(1));
        complete(&mut new_jobs, 0, 1);

        assert!(matches!(&report(&mut new_jobs)[..], [Effect::Diagnostic(Diagnostic::JobsLeftOut { .. })]));
        assert!(report(&mut new_jobs).is_empty() && !new_jobs.is_complete());

        complete(&mut new_jobs, 2, 3);
        assert!(matches!(
            &report(&mut new_jobs)[..],
            [Effect::Diagnostic(Diagnostic::AllJobsWatched { .. })]
        ));
    }
}
