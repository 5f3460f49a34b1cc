//! Pages of the list: what a page and its failure mean for the project, and which jobs are
//! discovered by it.
//!
//! Invariant: a page is taken as a whole: past durations first, then the time at the server, then
//! its rows, then where the scan stands.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Project;
use super::discovery::{CompletedScan, ENDED_BEYOND, PageTime, Room};
use super::tally::Tally;
use crate::engine::context::Cx;
use crate::engine::discovery_state::DiscoveryState;
use crate::engine::retry::Backoff;
use crate::engine::snapshot::{AddedJob, JobRecord, JobSnapshot, PastRestore};
use crate::engine::tracker::Tracker;
use crate::engine::{Failure, FailureClass, ListPage};
use crate::model::time::Instant;
use crate::model::{JobId, Observation};

/// How often the pause after a failed page is doubled at most: up to 16 times the longest interval.
const MAX_DOUBLINGS: u32 = 4;

/// The rows of a page, as far as they were used.
#[derive(Debug, Default)]
struct TakenRows {
    /// The watched jobs that it shows.
    seen: BTreeSet<JobId>,
    /// How many of them were on no known page.
    located: usize,
    /// The jobs to watch from now on.
    found: Vec<Observation>,
}

impl Project {
    /// A page of the list is wanted, whatever the jobs say.
    pub(in crate::engine) fn read_list(&mut self) {
        self.discovery.want_page();
    }

    /// Takes the end of a request for a page. Returns when it began; nothing for an answer that
    /// comes too late to count.
    pub(in crate::engine) fn finish_page(&mut self, generation: u64) -> Option<Instant> {
        self.discovery.finish_page(generation)
    }

    /// Takes a page that was asked for at `began`. Jobs that ended are kept for `keep`. Returns the
    /// rows about jobs to watch from now on, for [`Project::discover`].
    pub(in crate::engine) fn on_page(
        &mut self,
        began: Instant,
        page: ListPage,
        keep: Duration,
        cx: &mut Cx<'_>,
    ) -> Vec<Observation> {
        let now = cx.now.instant;
        self.unanswered_since = None;
        self.key.on_answer();
        self.on_request_taken(began, cx);
        self.on_key_accepted(cx);

        let ListPage { jobs: rows, surplus, next } = page;
        self.learn_durations(&rows);
        let time = PageTime::new(self.server.time(now), &rows, began);
        self.discovery.begin_page(time, surplus, keep, cx.now);
        let TakenRows { seen, located, found } = self.take_rows(rows, began, cx);

        if let Some(page) = self.discovery.page() {
            self.miss_others(&seen, page, now);
            self.schedule.coverage_mut().on_read(page, now);
        }
        let turned = self.discovery.turn_page(next, located, self.schedule.coverage(), now);
        if turned.is_last {
            self.unlocate_beyond(turned.page, now);
        }
        if let Some(began) = turned.end_of {
            let scan = CompletedScan {
                began,
                pages: u32::try_from(turned.page).unwrap_or(u32::MAX).saturating_add(1),
                longest_interval: self.cadence.slowest(),
                request_interval: self.gate.rate().interval(),
                server_time: self.server.time(now),
            };
            self.discovery.complete_scan(scan, keep, now);
        }
        found
    }

    /// Ends what [`Project::on_page`] began, once the jobs that it found are watched.
    pub(in crate::engine) fn end_page(&mut self, cx: &mut Cx<'_>) {
        self.discovery.report_list(self.watch.unreachable_after, self.key.access(), cx);
        self.discovery.report_left_out(cx);
        self.forget_surplus(cx);
        self.plan_scans(cx.now.instant);
    }

    /// Takes the failure of a page; `is_of_token` if it is the token that was refused.
    pub(in crate::engine) fn on_page_failure(
        &mut self,
        generation: u64,
        is_of_token: bool,
        failure: &Failure,
        cx: &mut Cx<'_>,
    ) {
        let Some(began) = self.finish_page(generation) else { return };
        self.discovery.set_error(&failure.message);
        self.key.on_setup_failure(began, failure, cx);

        if is_of_token {
            self.on_token_refused(began, cx);
        } else {
            self.on_list_failure(began, failure, cx);
        }
        // What waits for a scan is described instead, if the list cannot be read for a while.
        self.plan_scans(cx.now.instant);

        self.discovery.report_list(self.watch.unreachable_after, self.key.access(), cx);
    }

    /// Watches a job that was found in the list. If it was watched before, `kept` is its record.
    pub(in crate::engine) fn discover(
        &mut self,
        row: Observation,
        kept: Option<JobRecord>,
        began: Instant,
        cx: &mut Cx<'_>,
    ) {
        let added = AddedJob { discovered: true, ..AddedJob::default() };
        let settings = added.clone().settings(row.id.clone());
        let added = kept.as_ref().and_then(|kept| kept.snapshot.added.clone()).unwrap_or(added);

        // It may be on a page twice.
        if !self.jobs.contains(&row.id) {
            self.insert(settings, kept, cx.now);
            let Some(job) = self.jobs.get_mut(&row.id) else { return };
            job.added = Some(added);
            job.tracker.mark_discovered();
            job.volatile.was_listed_as_ended = row.end().is_some();
        }

        if let Some(page) = self.discovery.last_read() {
            self.locate(&row.id, page, cx.now.instant);
        }
        self.take_row(row, began, cx);
    }

    /// Whether a job that was discovered would be discovered by the settings of now.
    pub(in crate::engine) fn discovers(&self, snapshot: &JobSnapshot) -> bool {
        self.discovery.includes(snapshot.facts.target_index_name.as_deref())
    }

    /// The state of the discovery of jobs.
    pub(in crate::engine) fn discovery_state(&self, now: Instant) -> DiscoveryState {
        let has_lasted = self.list_lost_at().is_some_and(|at| at <= now);
        let is_suspected = self.key.misconfiguration().suspected().is_some();
        match () {
            () if !self.discovery.discovers() => DiscoveryState::Complete,
            () if self.key.access().is_unauthorized() => DiscoveryState::Unauthorized,
            () if self.is_misconfigured() => DiscoveryState::Misconfigured,
            () if has_lasted && is_suspected => DiscoveryState::Misconfigured,
            () if has_lasted => DiscoveryState::Unreachable,
            () if self.discovery.is_complete() => DiscoveryState::Complete,
            () => DiscoveryState::UnderWay,
        }
    }

    /// When the list counts as unreachable if no page can be read until then.
    pub(super) fn list_lost_at(&self) -> Option<Instant> {
        self.discovery.failing_since().map(|since| since + self.watch.unreachable_after)
    }

    /// Learns the durations of the restores that a page shows as ended: before any row is used,
    /// because each of them is judged by the history. A watched job counts once it was described.
    fn learn_durations(&mut self, rows: &[Observation]) {
        for row in rows {
            let runs = self.tracker(&row.id).is_some_and(Tracker::is_running);
            let has_ended = !runs && row.end().is_some();
            if let Some(restore) = PastRestore::of(&row.facts).filter(|_| has_ended) {
                self.durations.learn(restore);
            }
        }
    }

    fn take_rows(&mut self, rows: Vec<Observation>, began: Instant, cx: &mut Cx<'_>) -> TakenRows {
        let now = cx.now.instant;
        let page = self.discovery.page();
        let mut room = self.room();
        let mut taken = TakenRows::default();
        for row in rows {
            if let Some(job) = self.jobs.get(&row.id) {
                let place = &job.volatile.place;
                let is_open = place.due_or_polled().is_some();
                taken.located += usize::from(is_open && place.page().is_none());
                taken.seen.insert(row.id.clone());
                if let Some(page) = page {
                    self.locate(&row.id, page, now);
                }
                self.take_row(row, began, cx);
            } else if self.discovery.finds(&row, &mut room, now) {
                taken.found.push(row);
            }
        }
        taken
    }

    /// How many more jobs may be discovered.
    fn room(&mut self) -> Room {
        let Some(max) = self.discovery.max_jobs() else { return Room::default() };
        self.jobs.recount();
        let Tally { discovered, discovered_over, .. } = self.jobs.tally();
        Room {
            unfinished: max.saturating_sub(discovered - discovered_over),
            ended: max.saturating_add(ENDED_BEYOND).saturating_sub(discovered_over),
        }
    }

    /// A refused token is an answer to what was asked, so the server took the request.
    fn on_token_refused(&mut self, began: Instant, cx: &mut Cx<'_>) {
        let now = cx.now.instant;
        self.on_request_taken(began, cx);
        // If it refuses all its tokens, it is not asked for more of them at once.
        self.discovery.fail_page(true, now + self.cadence.slowest(), now);
        self.on_key_accepted(cx);
    }

    fn on_list_failure(&mut self, began: Instant, failure: &Failure, cx: &mut Cx<'_>) {
        let now = cx.now.instant;
        let pause = failure.pause(cx.now);
        let failures = self.discovery.page_failures();
        // A scan that discovers jobs is tried again as soon as a poll of a job would be. If the
        // list only saves requests, it is not.
        let wait = if self.discovery.discovers() {
            Backoff::POLL.delay(failures.saturating_add(1), pause, cx.rng)
        } else {
            (self.cadence.slowest() * 2_u32.pow(failures.min(MAX_DOUBLINGS))).max(pause)
        };

        self.judge_key_by_page(began, failure, cx);
        // If scans stand for polls of jobs, what a server that limits requests asks for holds for the
        // project. Otherwise it holds for the list alone: of the jobs, it says so when it is asked
        // for one. A refused key is held for as long as that takes.
        if self.schedule.coverage().is_at(0) {
            self.gate.on_failure(now);
        } else {
            self.judge_rate(began, failure, cx);
        }

        let is_held = self.discovery.discovers() && failure.class.is_refusal();
        self.discovery.fail_page(false, if is_held { now } else { now + wait }, now);
    }

    fn judge_key_by_page(&mut self, began: Instant, failure: &Failure, cx: &mut Cx<'_>) {
        if !self.discovery.discovers() {
            // The jobs show whether the key is accepted.
            return;
        }
        match failure.class {
            class if self.key.is_outdated(class, began) => {}
            FailureClass::Unauthorized | FailureClass::Blocked => self.refuse_key(began, failure, cx),
            FailureClass::Throttled
            | FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::WrongProtocol => {
                self.unanswered_since.get_or_insert(cx.now.instant);
                self.on_inconclusive_failure(cx.now.instant);
            }
            FailureClass::NotFound
            | FailureClass::Rejected(_)
            | FailureClass::Permanent
            | FailureClass::Gone => {}
        }
    }
}
