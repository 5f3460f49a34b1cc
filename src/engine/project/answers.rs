//! What answers and failures of polls mean for a job, its project and the key.

use std::time::Duration;

use super::Project;
use super::key::CONFIRM_AFTER;
use super::schedule::Due;
use super::throttling::Refused;
use crate::engine::access::Refusal;
use crate::engine::context::Cx;
use crate::engine::tracker::{Findings, Pacing, Tracker};
use crate::engine::{Answer, Diagnostic, Failure, FailureClass, PollId};
use crate::model::JobId;
use crate::model::time::Instant;

impl Project {
    /// Takes a good answer; nothing follows from one that comes too late to count.
    pub(in crate::engine) fn on_answer(&mut self, poll: &PollId, answer: Answer, cx: &mut Cx<'_>) {
        let Some(began) = self.finish_poll(poll) else { return };
        let (id, now) = (&poll.job, cx.now.instant);
        self.unanswered_since = None;
        self.key.on_answer();
        self.gate.clear_throttled(id);
        self.on_request_taken(began, cx);
        self.on_key_accepted(cx);

        let turned_to_index = self.observe(id, answer, cx);
        if turned_to_index {
            // The index is asked for as soon as it matters, also by a final poll.
            self.schedule_urgently(id, now);
            return;
        }
        let due = self.due_after_answer(id, cx);
        self.schedule_after(id, began, due, now);
        self.check_all_ended(id, now);
        // The job may need the next scan earlier than the others.
        self.plan_scans(now);
    }

    /// Takes a failed poll; nothing follows from one that comes too late to count.
    pub(in crate::engine) fn on_failure(&mut self, poll: &PollId, failure: &Failure, cx: &mut Cx<'_>) {
        let Some(began) = self.finish_poll(poll) else { return };
        let (id, now) = (&poll.job, cx.now.instant);
        self.key.on_setup_failure(began, failure, cx);
        self.count_unanswered(failure.class, now);
        self.judge_key(id, began, failure, cx);

        let was_throttled = self.gate.clear_throttled(id);
        self.judge_rate(began, failure, cx);
        if failure.class == FailureClass::Throttled && (was_throttled || self.has_no_trouble(id)) {
            self.gate.mark_throttled(id);
        }

        let Some(delay) = self.fail_job(id, began, failure, cx) else { return };
        let due = self.due_after_failure(id, delay, failure.pause(cx.now), now);
        if self.schedule.is_final_poll() && self.tracker(id).is_some_and(Tracker::is_confirming_refusal) {
            // The final poll goes on until it is clear whether the key or the index is refused.
            self.reschedule(id, Some(now));
        } else {
            self.schedule_after(id, began, due, now);
        }
        self.check_all_ended(id, now);
    }

    /// Takes the end of a poll. Returns when it began; nothing if it comes too late to count.
    fn finish_poll(&mut self, poll: &PollId) -> Option<Instant> {
        let (_, volatile) = self.jobs.volatile_mut(&poll.job)?;
        self.schedule.finish(&mut volatile.place, poll.generation)
    }

    /// The API took a request that began at `began`.
    pub(super) fn on_request_taken(&mut self, began: Instant, cx: &mut Cx<'_>) {
        for id in self.gate.on_taken(began, cx) {
            self.jobs.end_throttle(&id);
            let due = self.jobs.get(&id).and_then(|job| job.volatile.place.due());
            self.reschedule(&id, due);
        }
    }

    /// The API accepted the key. If it was unauthorized, every job is polled again.
    pub(super) fn on_key_accepted(&mut self, cx: &mut Cx<'_>) {
        if !self.key.accept(cx) {
            return;
        }
        let now = cx.now.instant;
        self.gate.reopen(now);
        for id in self.jobs.ids() {
            self.retry_now(&id, now);
        }
    }

    /// The job's tracker takes an answer. Returns whether it is the index that is asked for from
    /// now on.
    fn observe(&mut self, id: &JobId, answer: Answer, cx: &mut Cx<'_>) -> bool {
        let now = cx.now.instant;
        let Some(job) = self.jobs.get_mut(id) else { return false };
        let asked_for_index = job.tracker.index_to_poll().is_some();
        job.volatile.described_at = Some(now);

        let findings = job.tracker.observe(answer, cx.now, self.server);
        let slow = job.tracker.slow(now, self.durations.slow_limit(job.tracker.facts()));
        let turned_to_index = !asked_for_index && job.tracker.index_to_poll().is_some();
        if job.tracker.is_running() {
            self.discovery.on_job_running();
        }
        if let Some(restore) = job.tracker.past_restore() {
            self.durations.learn(restore);
        }

        self.emit_findings(id, findings, cx);
        cx.emit(id, slow);
        turned_to_index
    }

    /// Emits what an observation of a job led to.
    pub(super) fn emit_findings(&self, id: &JobId, findings: Findings, cx: &mut Cx<'_>) {
        if let Some(status) = findings.unknown_status
            && let Some(tracker) = self.tracker(id)
        {
            let title = tracker.settings().name.clone().unwrap_or_else(|| id.to_string());
            let job = id.clone();
            cx.report(|project| Diagnostic::UnknownStatus { project, job, title, status });
        }
        cx.emit(id, findings.drafts);
    }

    fn due_after_answer(&mut self, id: &JobId, cx: &mut Cx<'_>) -> Option<Instant> {
        let now = cx.now.instant;
        let job = self.jobs.get(id)?;
        let interval = job.tracker.rule_after_answer(self.pacing(), now).delay(cx.rng);
        let slow = self.durations.slow_limit(job.tracker.facts());
        (!job.tracker.has_ended()).then(|| job.due_after(interval, slow, now))
    }

    /// Counts the time without any usable answer.
    fn count_unanswered(&mut self, class: FailureClass, now: Instant) {
        self.unanswered_since = if class.is_answer() { None } else { self.unanswered_since.or(Some(now)) };
    }

    /// What a failed poll says about the key.
    fn judge_key(&mut self, id: &JobId, began: Instant, failure: &Failure, cx: &mut Cx<'_>) {
        match failure.class {
            class if self.key.is_outdated(class, began) => {}
            // Says nothing about the key until the job is refused, too.
            class if class.is_refusal() && self.is_of_index(id) && !self.key.access().is_unauthorized() => {
                self.refuse_index(id, failure, cx);
            }
            FailureClass::Unauthorized | FailureClass::Blocked => self.refuse_key(began, failure, cx),
            // The API searched for the job, so it accepted the key.
            FailureClass::NotFound => self.on_key_accepted(cx),
            FailureClass::Throttled
            | FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::WrongProtocol
            | FailureClass::Rejected(_)
            | FailureClass::Permanent
            | FailureClass::Gone => self.on_inconclusive_failure(cx.now.instant),
        }
    }

    /// Whether it is the index of this job that is asked for.
    fn is_of_index(&self, id: &JobId) -> bool {
        self.tracker(id).is_some_and(|tracker| tracker.index_to_poll().is_some())
    }

    fn refuse_index(&mut self, id: &JobId, failure: &Failure, cx: &mut Cx<'_>) {
        // A final poll cannot wait for a gateway.
        let is_final_poll = self.schedule.is_final_poll();
        let apart = self.key.refusals_apart(failure.class, false).filter(|_| !is_final_poll);
        let Some(job) = self.jobs.get_mut(id) else { return };
        let draft = job.tracker.refuse_index(&failure.message, apart.unwrap_or_default(), cx.now.instant);
        cx.emit(id, draft);
    }

    /// Takes a refusal of the key by a request that began at `began`.
    pub(super) fn refuse_key(&mut self, began: Instant, failure: &Failure, cx: &mut Cx<'_>) {
        let now = cx.now.instant;
        match self.key.refuse(began, failure, self.schedule.is_final_poll(), cx) {
            Refusal::First | Refusal::Early => self.confirm_refusal_soon(now),
            Refusal::Same => {}
            Refusal::Confirmed | Refusal::Again => self.gate.hold_until(now + self.cadence.slowest()),
        }
    }

    /// Has the key tried again soon; by another job, if there is one, because that distinguishes
    /// a refused key from a job that alone is refused.
    fn confirm_refusal_soon(&mut self, now: Instant) {
        let again = now + self.key.confirm_after(self.cadence.fastest());
        self.gate.hold_until(again);
        if let Some((due, other)) = self.schedule.first() {
            self.reschedule(&other, Some(due.min(again)));
        }
    }

    /// Takes a failure that says nothing about the key.
    pub(super) fn on_inconclusive_failure(&mut self, now: Instant) {
        self.key.on_inconclusive_failure();
        if self.key.access().is_unauthorized() {
            self.gate.hold_until(now + self.cadence.slowest());
        }
    }

    /// What a failed poll says about the requests that the server takes.
    pub(super) fn judge_rate(&mut self, began: Instant, failure: &Failure, cx: &mut Cx<'_>) {
        match failure.class {
            FailureClass::Throttled => {
                let refused = self.gate.on_throttled(began, failure, cx);
                self.throttle_held_jobs(refused, &failure.message, cx.now.instant);
            }
            FailureClass::NotFound => self.on_request_taken(began, cx),
            FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::WrongProtocol
            | FailureClass::Unauthorized
            | FailureClass::Blocked
            | FailureClass::Rejected(_)
            | FailureClass::Permanent
            | FailureClass::Gone => self.gate.on_failure(cx.now.instant),
        }
    }

    /// Marks the jobs that are due before the server may be asked again.
    fn throttle_held_jobs(&mut self, refused: Refused, reason: &str, now: Instant) {
        for (due, id) in self.schedule.due_between(refused.known_until, self.gate.held_until()) {
            self.throttle_job(&id, due.max(now), reason);
            self.reschedule(&id, Some(due));
        }
    }

    /// A job cannot be polled from `at` on, because the server limits requests, for this reason.
    fn throttle_job(&mut self, id: &JobId, at: Instant, reason: &str) {
        if self.jobs.throttle(id, at, reason) {
            self.gate.mark_throttled(id);
        }
    }

    fn has_no_trouble(&self, id: &JobId) -> bool {
        self.tracker(id).is_some_and(|tracker| tracker.last_error().is_none())
    }

    /// The job's tracker takes a failure. Returns how long to wait for the next poll.
    fn fail_job(
        &mut self,
        id: &JobId,
        began: Instant,
        failure: &Failure,
        cx: &mut Cx<'_>,
    ) -> Option<Duration> {
        let now = cx.now.instant;
        let pause = failure.pause(cx.now);
        let is_asked = !pause.is_zero() && failure.class != FailureClass::Throttled;
        let job = self.jobs.get_mut(id)?;
        job.volatile.asked_until = is_asked.then(|| now + pause);

        let pacing = Pacing { cadence: &self.cadence, history: self.durations.history() };
        let delay = job.tracker.fail(failure, began, now, pacing).delay(cx.rng);
        if self.key.access().is_accepted() && !self.gate.is_paused() {
            cx.emit(id, job.tracker.alarm(cx.now, false));
        }
        Some(delay)
    }

    /// When a job is due after a failed poll, unless that ended it.
    fn due_after_failure(
        &self,
        id: &JobId,
        delay: Duration,
        pause: Duration,
        now: Instant,
    ) -> Option<Instant> {
        let tracker = self.tracker(id)?;
        // The verdict on lasting trouble rests on a fresh answer where one can be had.
        let verdict = tracker.lasting_trouble_at().unwrap_or(now + delay);
        let mut due = (now + delay).min(verdict).max(now + pause);

        if self.key.access().is_suspected() {
            // Another job is polled first, if there is one; else this one, as soon as that can
            // confirm the refusal.
            let is_alone = self.schedule.waiting() == 0;
            let held_until = self.gate.held_until();
            due = if is_alone { held_until } else { due.max(held_until + CONFIRM_AFTER) };
            due = due.max(now + pause);
        }

        (!tracker.has_ended()).then_some(due)
    }

    /// Schedules a job after a poll that began at `began`, with a final poll in mind.
    fn schedule_after(&mut self, id: &JobId, began: Instant, due: Option<Instant>, now: Instant) {
        let at = self.schedule.due_after_poll(began, due, now);
        let reason = at.and_then(|at| self.gate.throttling().reason_at(at)).map(str::to_owned);
        if let Some((at, reason)) = at.zip(reason) {
            self.throttle_job(id, at, &reason);
        }
        let pace = at.map(|at| at.since(now)).unwrap_or_default();
        self.schedule(id, Due { at, pace });
    }
}
