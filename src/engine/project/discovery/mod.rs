//! What a project learns from the API's list of jobs: about jobs it watches, of past durations, and
//! which jobs to discover.
//!
//! Invariant: the list is best effort. What it does not show is described as if there were no list.

mod baseline;
mod list;
mod new_jobs;

use std::time::Duration;

use jiff::Timestamp;

use super::coverage::Coverage;
use super::list_policy::{ListPolicy, ScanPlan};
use crate::config;
use crate::engine::access::Access;
use crate::engine::context::Cx;
use crate::engine::snapshot::DiscoverySnapshot;
use crate::engine::{Diagnostic, LeftOut};
use crate::model::time::{Instant, Now};
use crate::model::{JobId, Observation};

use list::{List, Turned};
use new_jobs::NewJobs;

pub(super) use baseline::PageTime;
pub(super) use new_jobs::{CompletedScan, ENDED_BEYOND, Room};

/// The scans of the list, and what they are for.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    list: List,
    policy: ListPolicy,
    /// Which rows are jobs to watch, if jobs are to be discovered.
    new_jobs: Option<NewJobs>,
    /// What the last page that failed did so with.
    error: Option<String>,
    is_loss_reported: bool,
    /// The number of the page that was read last, from 0.
    last_read: Option<usize>,
    /// Whether a page is of use: a good answer said that some job runs, so that past durations
    /// matter, or a command wants one.
    is_page_of_use: bool,
    is_dirty: bool,
}

impl Discovery {
    /// Continues with a record. A job may be missing from the list for the time of `grace` after
    /// its start.
    pub(super) fn from_snapshot(
        settings: Option<config::DiscoverySettings>,
        snapshot: Option<DiscoverySnapshot>,
        grace: Duration,
        now: Now,
    ) -> Self {
        let new_jobs = settings.map(|settings| NewJobs::new(settings, snapshot, grace, now));
        Self { new_jobs, ..Self::default() }
    }

    pub(super) fn snapshot(&self) -> Option<DiscoverySnapshot> {
        self.new_jobs.as_ref().and_then(NewJobs::snapshot)
    }

    /// Whether a record is to be written since this was asked last.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// From now on, these settings hold; `time` is what the server's clock shows, if that is known.
    pub(super) fn reconfigure(
        &mut self,
        settings: Option<&config::DiscoverySettings>,
        grace: Duration,
        time: Option<Timestamp>,
        now: Now,
    ) {
        match (&mut self.new_jobs, settings) {
            (Some(new_jobs), Some(settings)) => {
                let time = time.or(new_jobs.listed_time(now.instant));
                new_jobs.reconfigure(settings, time, now);
            }
            (new_jobs, settings) => {
                self.is_dirty |= new_jobs.is_some() != settings.is_some();
                *new_jobs = settings.map(|settings| NewJobs::new(settings.clone(), None, grace, now));
            }
        }
    }

    /// Whether jobs are discovered.
    pub(super) fn discovers(&self) -> bool {
        self.new_jobs.is_some()
    }

    /// Whether a job that makes this index is discovered.
    pub(super) fn includes(&self, index: Option<&str>) -> bool {
        self.new_jobs.as_ref().is_some_and(|new_jobs| new_jobs.includes(index))
    }

    pub(super) fn policy(&mut self) -> &mut ListPolicy {
        &mut self.policy
    }

    /// When a page is due, whatever it is worth: of a scan under way, or of one for new jobs.
    pub(super) fn page_due(&self) -> Option<Instant> {
        self.list.due(self.scan_at())
    }

    /// When the next scan for new jobs begins.
    pub(super) fn scan_at(&self) -> Option<Instant> {
        self.new_jobs.as_ref().map(NewJobs::scan_at)
    }

    /// From when on a page is due to learn of past durations, if nothing else is.
    pub(super) fn history_due(&self) -> Option<Instant> {
        self.list.history_due().filter(|_| self.is_page_of_use)
    }

    /// Whether past durations are still to be learned, as far as they can be.
    pub(super) fn is_history_pending(&self) -> bool {
        self.is_page_of_use && self.list.is_history_pending()
    }

    /// Whether a page can be asked for.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.list.is_free(now)
    }

    /// When the page under way is late: jobs do not wait for it any longer.
    pub(super) fn page_late_at(&self) -> Option<Instant> {
        self.list.late_at()
    }

    /// Whether pages can be read: none failed just now, and the one under way is not late.
    pub(super) fn is_readable(&self, now: Instant) -> bool {
        self.list.is_readable(now)
    }

    /// When a scan is due for the jobs that it covers; none while one is under way.
    pub(super) fn covering_scan_due(&self) -> Option<Instant> {
        self.list.next_scan(self.policy.scan_at()?)
    }

    /// The number of pages whose jobs wait for a scan.
    pub(super) fn covered_pages(&self) -> usize {
        self.policy.covered_pages(self.list.place())
    }

    /// Audits take at most one in this number of requests.
    pub(super) fn audit_share(&self) -> u32 {
        self.policy.audit_share()
    }

    /// The scan under way.
    pub(super) fn scan(&self) -> Option<ScanPlan> {
        self.list.scan()
    }

    /// The number of the page that the scan under way reads, from 0.
    pub(super) fn page(&self) -> Option<usize> {
        self.list.page()
    }

    /// The number of the page that was read last, from 0.
    pub(super) fn last_read(&self) -> Option<usize> {
        self.last_read
    }

    /// Asks for the next page: of the scan under way, which goes on as this plan says, or of a new
    /// one. Returns its token.
    pub(super) fn ask_page(&mut self, plan: ScanPlan, now: Instant, generation: u64) -> Option<String> {
        self.list.ask(plan, now, generation)
    }

    /// Takes the end of a request. Returns when it began; nothing if it is not under way.
    pub(super) fn finish_page(&mut self, generation: u64) -> Option<Instant> {
        self.list.finish(generation)
    }

    /// Takes a page before its rows. Jobs that ended are kept for `keep`.
    pub(super) fn begin_page(&mut self, page: PageTime, surplus: usize, keep: Duration, now: Now) {
        if let Some(new_jobs) = &mut self.new_jobs {
            self.is_dirty |= new_jobs.begin_page(page, surplus, keep, now);
        }
    }

    /// Whether a row is about a job to watch that is not watched; it takes its place in the `room`.
    pub(super) fn finds(&mut self, row: &Observation, room: &mut Room, now: Instant) -> bool {
        self.new_jobs.as_mut().is_some_and(|new_jobs| new_jobs.finds(row, room, now))
    }

    /// Takes a page after its rows: `next` leads to the one after it, and `located` jobs were shown
    /// whose page was not known.
    pub(super) fn turn_page(
        &mut self,
        next: Option<String>,
        located: usize,
        coverage: &Coverage,
        now: Instant,
    ) -> Turned {
        let unlocated = coverage.unlocated();
        let explores = self.list.scan().is_some_and(|scan| scan.explores);
        let explores_on = explores && self.policy.on_explored(located, unlocated, now);
        let turned = self.list.turn(next, coverage.pages().len(), explores_on);

        if explores && turned.is_last {
            self.policy.on_explored_to_the_end(unlocated, now);
        }
        self.last_read = Some(turned.page);
        turned
    }

    /// A scan came to the end of the list.
    pub(super) fn complete_scan(&mut self, scan: CompletedScan, keep: Duration, now: Instant) {
        if let Some(new_jobs) = &mut self.new_jobs {
            self.is_dirty |= new_jobs.complete_scan(scan, keep, now);
        }
    }

    pub(super) fn set_error(&mut self, message: &str) {
        self.error = Some(message.to_owned());
    }

    /// Takes the failure of a page; the next one is not asked for before `until`. `is_of_token` if
    /// it is the token that was refused.
    pub(super) fn fail_page(&mut self, is_of_token: bool, until: Instant, now: Instant) {
        self.list.fail(is_of_token, until, now);
    }

    /// Failed scans in a row.
    pub(super) fn page_failures(&self) -> u32 {
        self.list.failures()
    }

    /// Since when no page could be read, whatever was tried.
    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.list.failing_since()
    }

    /// Why the list cannot be read, if so.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref().filter(|_| self.failing_since().is_some())
    }

    /// The time in which nothing could be done is no part of any trouble.
    pub(super) fn shift_by(&mut self, time: Duration) {
        self.list.shift_by(time);
    }

    /// A page is of use from now on.
    pub(super) fn want_page(&mut self) {
        self.is_page_of_use = true;
    }

    /// A good answer said that a job runs.
    pub(super) fn on_job_running(&mut self) {
        self.is_page_of_use = true;
    }

    /// No job is open any more.
    pub(super) fn on_all_ended(&mut self, now: Instant) {
        if let Some(new_jobs) = &mut self.new_jobs {
            new_jobs.on_all_ended(now);
        }
    }

    /// Whether a scan that is recent enough showed that there are no other jobs.
    pub(super) fn is_complete(&self) -> bool {
        let is_complete = self.new_jobs.as_ref().is_none_or(NewJobs::is_complete);
        is_complete && self.failing_since().is_none()
    }

    /// Until when jobs may be missing from the list that began before, if jobs are discovered.
    pub(super) fn lags_until(&self) -> Option<Instant> {
        self.new_jobs.as_ref().map(NewJobs::unconfirmed_since)
    }

    /// Ignores a job that the list shows.
    pub(super) fn ignore(&mut self, id: &JobId, now: Instant) {
        if let Some(new_jobs) = &mut self.new_jobs {
            new_jobs.ignore(id.clone(), now);
            self.is_dirty = true;
        }
    }

    /// Jobs that ended before this time are deleted.
    pub(super) fn delete_before(&mut self, time: Timestamp) {
        if let Some(new_jobs) = &mut self.new_jobs {
            new_jobs.delete_before(time);
            self.is_dirty = true;
        }
    }

    /// What the server's clock shows at least, by its list.
    pub(super) fn listed_time(&self, now: Instant) -> Option<Timestamp> {
        self.new_jobs.as_ref()?.listed_time(now)
    }

    /// Limit of the discovered jobs, of the unfinished ones and of the others, if some are
    /// discovered.
    pub(super) fn max_jobs(&self) -> Option<usize> {
        self.new_jobs.as_ref().map(NewJobs::max_jobs)
    }

    /// When the last complete scan began, by the clock of the server, once after each such scan.
    pub(super) fn take_complete_since(&mut self) -> Option<Timestamp> {
        self.new_jobs.as_mut()?.take_complete_since()
    }

    /// Why not all jobs of the list are watched, if so.
    pub(super) fn left_out(&self) -> Option<LeftOut> {
        self.new_jobs.as_ref()?.left_out()
    }

    /// Asks for nothing any more, and takes no answer.
    pub(super) fn stop(&mut self) {
        self.list.stop();
    }

    /// Reports once that the list cannot be read for `limit` although jobs are to be discovered,
    /// and once that it can be read again.
    pub(super) fn report_list(&mut self, limit: Duration, access: &Access, cx: &mut Cx<'_>) {
        let has_lasted = |since: Instant| cx.now.instant.since(since) >= limit;
        let is_lost = self.discovers() && self.failing_since().is_some_and(has_lasted);
        if is_lost == self.is_loss_reported || access.is_unauthorized() {
            return;
        }
        self.is_loss_reported = is_lost;

        let reason = self.error.clone().unwrap_or_default();
        cx.report(|project| {
            if is_lost {
                Diagnostic::ListLost { project, reason }
            } else {
                Diagnostic::ListRestored { project }
            }
        });
    }

    /// Reports once that jobs are left out, and once that none is.
    pub(super) fn report_left_out(&mut self, cx: &mut Cx<'_>) {
        if let Some(new_jobs) = &mut self.new_jobs {
            new_jobs.report_left_out(cx);
        }
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

    fn discovery() -> Discovery {
        Discovery::from_snapshot(Some(config::DiscoverySettings::default()), None, Duration::ZERO, at(0))
    }

    fn report(discovery: &mut Discovery, second: u64) -> Vec<Effect> {
        let limit = Duration::from_mins(5);
        Cx::run(at(second), |cx| discovery.report_list(limit, &Access::Accepted, cx)).1
    }

    #[test]
    fn a_lost_list_is_reported_once_and_so_is_its_return() {
        let mut discovery = discovery();
        discovery.set_error("503");
        discovery.fail_page(false, at(1).instant, at(1).instant);

        assert_eq!(report(&mut discovery, 2), []);
        assert!(matches!(
            &report(&mut discovery, 301)[..],
            [Effect::Diagnostic(Diagnostic::ListLost { reason, .. })] if reason == "503"
        ));
        assert_eq!(report(&mut discovery, 302), []);

        let scan = ScanPlan { pages: 1, explores: false, urgency: 0.0 };
        discovery.ask_page(scan, at(303).instant, 1);
        discovery.turn_page(None, 0, &Coverage::default(), at(303).instant);
        assert_eq!(discovery.error(), None);
        assert!(matches!(
            &report(&mut discovery, 304)[..],
            [Effect::Diagnostic(Diagnostic::ListRestored { .. })]
        ));
    }

    #[test]
    fn a_list_that_only_saves_requests_is_not_reported() {
        let mut discovery = Discovery::default();
        discovery.fail_page(false, at(1).instant, at(1).instant);

        assert_eq!(report(&mut discovery, 900), []);
    }

    #[test]
    fn a_wanted_page_is_due_although_no_job_runs() {
        let mut discovery = discovery();

        discovery.want_page();

        assert!(discovery.history_due().is_some() && discovery.is_history_pending());
    }

    #[test]
    fn past_durations_are_due_once_a_job_runs() {
        let mut discovery = discovery();
        assert_eq!(discovery.history_due(), None);

        discovery.on_job_running();

        assert!(discovery.history_due().is_some());
    }
}
