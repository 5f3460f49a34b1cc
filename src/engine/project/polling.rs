//! What a project asks next, and when.
//!
//! Invariant: nothing is asked before the gate opens; alarms are raised only while a missing answer
//! means something.

use std::time::Duration;

use super::list_policy::{Choice, Inputs, Limits};
use super::{Project, Request};
use crate::engine::context::Cx;
use crate::model::JobId;
use crate::model::time::{Instant, earliest};

/// How many pages become covered, or are no longer, in one step: each of their jobs costs about a
/// microsecond.
const PAGES_PER_STEP: usize = 16;

impl Project {
    /// The earliest time at which [`Project::take_due`] or [`Project::take_alarms`] has something.
    pub(in crate::engine) fn next_deadline(&self) -> Option<Instant> {
        let alarm = self.schedule.first_alarm().filter(|_| self.expects_answers());
        earliest([self.next_poll(), alarm])
    }

    /// Whether a missing answer means anything: with an unauthorized key or in a pause it does not.
    pub(super) fn expects_answers(&self) -> bool {
        self.key.access().is_accepted() && !self.gate.is_paused()
    }

    /// When the next poll begins, if nothing else happens.
    pub(in crate::engine) fn next_poll(&self) -> Option<Instant> {
        if self.gate.is_paused() {
            return None;
        }
        let job = self.schedule.first_due().filter(|_| self.has_room());
        let next = earliest([job, self.page_due(), self.history_due(), self.scan_due(), self.settling_due()]);
        next.map(|due| due.max(self.gate.opens_at()))
    }

    /// Whether one more job can be polled.
    fn has_room(&self) -> bool {
        self.schedule.has_room(self.key.access().is_accepted())
    }

    /// When a page is asked for next, whatever it is worth.
    fn page_due(&self) -> Option<Instant> {
        self.discovery.page_due().filter(|_| self.may_list())
    }

    /// From when on a page is asked for if nothing else is: past durations are of use while a job
    /// runs.
    fn history_due(&self) -> Option<Instant> {
        self.discovery.history_due().filter(|_| self.open() > 0 && self.may_list())
    }

    /// When the jobs that wait for a scan need one.
    fn scan_due(&self) -> Option<Instant> {
        self.discovery.covering_scan_due().filter(|_| self.may_list())
    }

    /// When [`Project::settle`] has something to do.
    fn settling_due(&self) -> Option<Instant> {
        let audit = self.audit_due().map(|(at, _)| at);
        let coverage = self.schedule.coverage();
        if !coverage.is_at(self.covered_pages()) {
            return Some(Instant::default());
        }
        // From then on, no job waits for it.
        let late_page = self.discovery.page_late_at().filter(|_| !coverage.is_at(0));
        earliest([audit, late_page])
    }

    /// When the next job is described although scans cover it, and which. However many were
    /// described at the same time, the audits are spread.
    fn audit_due(&self) -> Option<(Instant, &JobId)> {
        let (described_at, id) = self.schedule.first_audit()?;
        let spacing = self.gate.rate().interval() * self.discovery.audit_share();
        Some(((described_at + self.described_within()).max(self.audited_at + spacing), id))
    }

    /// The number of pages whose jobs are to wait for a scan.
    fn covered_pages(&self) -> usize {
        if self.may_list() { self.discovery.covered_pages() } else { 0 }
    }

    /// Only jobs are asked for to see whether the key is accepted, and by a final poll.
    fn may_list(&self) -> bool {
        !self.schedule.is_final_poll() && (self.key.access().is_accepted() || self.open() == 0)
    }

    /// What to ask for at `now`; the request is to have this generation.
    pub(in crate::engine) fn take_due(&mut self, now: Instant, generation: u64) -> Option<Request> {
        if self.next_poll()? > now {
            return None;
        }
        self.plan_scans(now);
        let choice = self.choose(now)?;
        self.gate.pass(now);

        match choice {
            Choice::Page(scan) => Some(Request::Page(self.discovery.ask_page(scan, now, generation))),
            Choice::Job(id) => {
                let (_, volatile) = self.jobs.volatile_mut(&id)?;
                volatile.polls += 1;
                self.schedule.start(&mut volatile.place, now, generation);
                self.reschedule(&id, None);
                Some(Request::Job(id))
            }
        }
    }

    /// Whether a job or a page of the list is asked for at `now`.
    fn choose(&mut self, now: Instant) -> Option<Choice> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let inputs = Inputs {
            job: if self.has_room() { self.schedule.most_urgent(now) } else { None },
            is_page_allowed: self.may_list() && self.discovery.is_free(now),
            is_scan_due: is_due(self.discovery.scan_at()),
            is_history_due: is_due(self.history_due()),
            scan: self.discovery.scan(),
            coverage: self.schedule.coverage(),
            now,
        };
        self.discovery.policy().choose(inputs)
    }

    /// Plans which jobs wait for scans of the list, and when the next one begins.
    pub(super) fn plan_scans(&mut self, now: Instant) {
        let limits = Limits {
            rate: self.gate.rate().per_second(),
            min_interval: self.cadence.fastest(),
            is_full_effort: self.cadence.is_full_effort(),
            open_jobs: self.open(),
        };
        let is_readable = self.may_list() && self.discovery.is_readable(now);
        let policy = self.discovery.policy();

        policy.plan(self.schedule.coverage(), is_readable, limits, now);
        self.cadence.set_stretch(policy.stretch());
        self.schedule.coverage_mut().set_stretch(policy.stretch());
    }

    /// Begins a step: moves jobs between those that wait for a scan and those that wait for a poll
    /// of their own, as the plan says. A limited number, because a step takes little time.
    pub(in crate::engine) fn settle(&mut self, now: Instant) {
        self.plan_scans(now);
        let target = self.covered_pages();
        for _ in 0..PAGES_PER_STEP {
            let Some(page) = self.schedule.coverage_mut().step_towards(target) else { break };
            for id in self.schedule.coverage().jobs_on(page) {
                self.put_again(&id);
            }
        }

        if let Some(id) = self.audit_due().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone()) {
            self.schedule_urgently(&id, now);
            self.audited_at = now;
        }
    }

    /// Schedules a job for the time for which it is scheduled.
    pub(super) fn put_again(&mut self, id: &JobId) {
        let due = self.jobs.get(id).and_then(|job| job.volatile.place.due());
        self.reschedule(id, due);
    }

    /// Finds what time alone brought about: deadlines that passed, and trouble that lasted.
    pub(in crate::engine) fn take_alarms(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now;
        while self.expects_answers() {
            let Some(id) = self.schedule.due_alarm(now.instant) else { break };
            let Some(job) = self.jobs.get_mut(&id) else { break };
            cx.emit(&id, job.tracker.alarm(now, job.volatile.place.is_polling()));
            let due = job.volatile.place.due().filter(|_| !job.tracker.has_ended());
            self.reschedule(&id, due);
            self.check_all_ended(&id, now.instant);
        }
    }

    /// Makes each job that has not ended due at once, for the last time.
    pub(in crate::engine) fn request_final_poll(&mut self, now: Instant) {
        self.schedule.request_final_poll(now);
        if self.key.access().is_suspected() {
            // A final poll has no time to wait until the refusal can be confirmed.
            self.gate.release(now);
        }
        for id in self.jobs.ids() {
            if self.jobs.get(&id).is_some_and(|job| job.volatile.place.due().is_some()) {
                self.schedule_urgently(&id, now);
            }
        }
    }

    /// Ends all polling. Answers to polls under way do not count.
    pub(in crate::engine) fn stop(&mut self) {
        self.schedule.stop(self.jobs.all_volatile_mut().map(|volatile| &mut volatile.place));
        self.discovery.stop();
    }

    /// How long it takes to poll each open job once, from `now` on, and the indexes of those that
    /// may turn out to have completed.
    pub(in crate::engine) fn round_takes(&self, now: Instant) -> Duration {
        let indexes = self.jobs.tally().may_turn_to_index;
        let open = u32::try_from(self.open() + indexes).unwrap_or(u32::MAX);
        self.gate.rate().time_for(open, now)
    }

    /// How many jobs have not ended.
    pub(in crate::engine) fn open(&self) -> usize {
        self.schedule.open()
    }

    /// Whether a poll is under way, or one begins until `at`.
    pub(in crate::engine) fn polls_until(&self, at: Instant) -> bool {
        self.schedule.in_flight() > 0 || self.next_poll().is_some_and(|next| next <= at)
    }

    /// The places of the jobs that wait for a poll of their own, and when each is polled, if nothing
    /// else happens: in the order of the queue, as the rate permits.
    pub(in crate::engine) fn forecast(&self) -> impl Iterator<Item = ((Instant, &JobId), Instant)> {
        let mut rate = self.gate.rate().clone();
        self.schedule.uncovered().filter(|_| !self.gate.is_paused()).map(move |place| {
            let at = place.0.max(self.gate.held_until()).max(rate.ready_at());
            rate.take(at);
            (place, at)
        })
    }

    /// When the list is asked about the jobs that it covers, if nothing else happens.
    pub(super) fn scan_forecast(&self) -> Option<Instant> {
        let at = self.scan_due().unwrap_or_default().max(self.gate.opens_at());
        Some(at).filter(|_| !self.gate.is_paused())
    }
}
