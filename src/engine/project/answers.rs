//! What answers and failures of polls say about a job, its project and the key.

use std::time::Duration;

use jiff::Timestamp;

use super::{Project, ProjectEvent};
use crate::config::WatchSettings;
use crate::engine::access::Refusal;
use crate::engine::slow::SlowLimit;
use crate::engine::tracker::{Draft, Findings, Tracker};
use crate::engine::{Answer, Failure, FailureClass};
use crate::model::JobId;
use crate::model::time::{Instant, Now};

/// How long a first refusal is left alone at least before it is confirmed, unless jobs are polled more often.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// How many times as long as one of the API a refusal without a body of the API counts as trouble that passes.
const BLOCKED: u32 = 12;

impl Project {
    /// Takes the end of a poll. Returns when it began; nothing for an answer that comes too late to count.
    pub(in crate::engine) fn finish_poll(&mut self, id: &JobId, generation: u64) -> Option<Instant> {
        let job = self.jobs.get_mut(id)?;
        let polling = job.polling.take_if(|polling| polling.generation == generation)?;
        self.in_flight -= 1;
        self.changed.insert(id.clone());
        Some(polling.since)
    }

    /// Takes a good answer.
    pub(in crate::engine) fn observe(
        &mut self,
        id: &JobId,
        began: Instant,
        answer: Answer,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> (Findings, Option<ProjectEvent>) {
        self.unanswered_since = None;
        self.misconfiguration.end();
        self.starved.remove(id);
        self.take_well(began, now.instant);
        let news = self.accept(now.instant);
        let Some(job) = self.jobs.get_mut(id) else { return (Findings::default(), news) };
        let asked_for_index = job.tracker.index_to_poll().is_some();
        job.described_at = Some(now.instant);
        let mut findings = job.tracker.observe(answer, now, self.server);
        findings.drafts.extend(job.tracker.slow(now.instant, self.slow.as_ref()));
        self.has_seen_one_run |= job.tracker.is_running();
        if let Some((from, to)) = job.tracker.lasted() {
            self.learn(from, to);
        }
        let Some(job) = self.jobs.get_mut(id) else { return (findings, news) };
        if !asked_for_index && job.tracker.index_to_poll().is_some() {
            // The index is looked at as soon as it matters, also by those who look for the last time.
            self.schedule_by(id, Some(now.instant), Duration::ZERO);
            return (findings, news);
        }
        let interval = job.tracker.next_interval(now.instant, &self.cadence, &self.duration_history, rng);
        let due =
            (!job.tracker.has_ended()).then(|| job.due_after(interval, self.slow.as_ref(), now.instant));
        self.schedule_after(id, began, due, now.instant);
        self.see_whether_all_ended(id, now.instant);
        (findings, news)
    }

    /// A restore of the project ran from then to then.
    pub(super) fn learn(&mut self, from: Timestamp, to: Timestamp) {
        if self.duration_history.learn(from, to) {
            self.is_changed = true;
            self.slow = SlowLimit::find(self.watch.slow_after, &self.duration_history);
        }
    }

    /// Takes a failed poll.
    pub(in crate::engine) fn fail(
        &mut self,
        id: &JobId,
        began: Instant,
        failure: &Failure,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> (Vec<Draft>, Option<ProjectEvent>) {
        let pause = failure.pause(now);
        let mut drafts = Vec::new();
        let clocks = now;
        let now = now.instant;
        self.judge_setup(began, failure, now);
        self.unanswered_since = match failure.class {
            FailureClass::Throttled
            | FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::Blocked => self.unanswered_since.or(Some(now)),
            FailureClass::Unauthorized
            | FailureClass::NotFound
            | FailureClass::Permanent
            | FailureClass::Gone => None,
        };
        let news = match failure.class {
            class if class.is_refusal() && self.key_since.is_some_and(|since| began < since) => None,
            // Says nothing about the key until the job is refused, too.
            class if class.is_refusal() && self.is_of_index(id) && !self.access.is_refused() => {
                drafts.extend(self.refuse_index(id, failure, now));
                None
            }
            FailureClass::Unauthorized | FailureClass::Blocked => self.refuse(began, failure, now),
            // The API looked the job up, so it took the key.
            FailureClass::NotFound => self.accept(now),
            FailureClass::Throttled
            | FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::Permanent
            | FailureClass::Gone => {
                self.shrug(now);
                None
            }
        };
        let was_starved = self.starved.remove(id);
        match failure.class {
            FailureClass::Throttled => self.throttle(began, pause, &failure.message, now, rng),
            FailureClass::NotFound => self.take_well(began, now),
            // It says nothing about what the server takes.
            FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::Unauthorized
            | FailureClass::Blocked
            | FailureClass::Permanent
            | FailureClass::Gone => self.adaptive_rate.failed(now),
        }
        let Some(job) = self.jobs.get_mut(id) else { return (Vec::new(), news) };
        let asked = !pause.is_zero() && failure.class != FailureClass::Throttled;
        job.asked_until = asked.then(|| now + pause);
        if failure.class == FailureClass::Throttled && (was_starved || job.tracker.last_error().is_none()) {
            self.starved.insert(id.clone());
        }
        let delay = job.tracker.fail(failure, began, now, &self.cadence, &self.duration_history, rng);
        if self.access.is_accepted() && self.paused_since.is_none() {
            drafts.extend(job.tracker.alarm(clocks, false));
        }
        // The verdict on lasting trouble rests on a fresh answer where one can be had.
        let verdict = job.tracker.lasting_trouble_at().unwrap_or(now + delay);
        let mut due = (now + delay).min(verdict).max(now + pause);
        if self.access.is_suspected() {
            // Another job is polled first, if there is one; else this one, as soon as that can confirm the refusal.
            let alone = self.queue.is_empty();
            due = if alone { self.held_until } else { due.max(self.held_until + CONFIRM_AFTER) };
            due = due.max(now + pause);
        }
        let due = (!job.tracker.has_ended()).then_some(due);
        if job.tracker.is_confirming_refusal() && self.final_poll.is_some() {
            // The last look goes on until it is clear what is refused.
            self.schedule(id, Some(now));
        } else {
            self.schedule_after(id, began, due, now);
        }
        self.see_whether_all_ended(id, now);
        (drafts, news)
    }

    /// Whether it is the index of this job that is asked for.
    fn is_of_index(&self, id: &JobId) -> bool {
        self.tracker(id).is_some_and(|tracker| tracker.index_to_poll().is_some())
    }

    fn refuse_index(&mut self, id: &JobId, failure: &Failure, now: Instant) -> Option<Draft> {
        // Nor may a last look of an index wait for a gateway.
        let apart = self.refusals_apart(failure.class).filter(|_| self.final_poll.is_none());
        self.jobs.get_mut(id)?.tracker.refuse_index(&failure.message, apart.unwrap_or_default(), now)
    }

    /// How far apart two refusals are at least, of which the second is of this class, so that the key counts as refused. A
    /// last look has no time to lose.
    fn refusals_apart(&self, class: FailureClass) -> Option<Duration> {
        let grace = self.watch.unauthorized_grace;
        match class {
            FailureClass::Unauthorized if self.final_poll.is_some() => Some(Duration::ZERO),
            FailureClass::Unauthorized => Some(grace),
            FailureClass::Blocked => Some(grace.saturating_mul(BLOCKED)),
            _ => None,
        }
    }

    /// Takes a refusal of the key by a poll that began at `began`.
    pub(super) fn refuse(&mut self, began: Instant, failure: &Failure, now: Instant) -> Option<ProjectEvent> {
        let (reason, apart) = (&failure.message, self.refusals_apart(failure.class).unwrap_or_default());
        let refusal = self.access.refuse(began, apart, reason, now);
        match refusal {
            Refusal::First | Refusal::Early => self.confirm_soon(now),
            Refusal::Same => {}
            Refusal::Confirmed | Refusal::Again => self.hold_until(now + self.cadence.slowest()),
        }
        self.is_changed |= refusal == Refusal::Confirmed;
        (refusal == Refusal::Confirmed).then(|| ProjectEvent::Unauthorized(reason.to_owned()))
    }

    /// Has the key tried again soon; by another job, if there is one, because that tells a refused key from a job that
    /// alone is refused.
    fn confirm_soon(&mut self, now: Instant) {
        // A long grace is no reason to ask nothing: one that is still early is followed by another.
        let grace = self.watch.unauthorized_grace.min(WatchSettings::MAX_UNAUTHORIZED_GRACE);
        let again = now + grace.max(self.cadence.fastest().min(CONFIRM_AFTER));
        self.hold_until(again);
        if let Some((due, other)) = self.first() {
            self.schedule(&other, Some(due.min(again)));
        }
    }

    /// If this job has ended and no other is open, the next scan shows whether that is so.
    pub(super) fn see_whether_all_ended(&mut self, id: &JobId, now: Instant) {
        let has_ended = self.tracker(id).is_none_or(Tracker::has_ended);
        if has_ended
            && self.open() == 0
            && let Some(finder) = &mut self.finder
        {
            finder.all_ended(now);
        }
    }

    /// Takes an answer that shows that the key is accepted. Where it was refused, every job is looked at again.
    pub(super) fn accept(&mut self, now: Instant) -> Option<ProjectEvent> {
        if !self.access.accept() {
            return None;
        }
        self.held_until = now;
        self.free_since = now;
        self.is_changed = true;
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.retry_now(&id, now);
        }
        Some(ProjectEvent::Recovered)
    }

    /// Takes a failure that says nothing about the key.
    pub(super) fn shrug(&mut self, now: Instant) {
        self.access.interrupt();
        if self.access.is_refused() {
            self.hold_until(now + self.cadence.slowest());
        }
    }
}
