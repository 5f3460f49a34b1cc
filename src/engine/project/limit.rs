//! A server that limits the project: when it is asked again, and how much from then on.
//!
//! Invariant: it is left alone for as long as it asks; a row of refusals is one; who waits for nothing but a turn is not out of
//! reach.

use std::time::Duration;

use super::Project;
use crate::engine::Diagnostic;
use crate::engine::retry::Backoff;
use crate::model::JobId;
use crate::model::time::Instant;

/// A server is left alone because it limits the project.
#[derive(Debug, Clone)]
pub(super) struct Throttle {
    /// Until then.
    pub(super) until: Instant,
    /// What it said.
    pub(super) reason: String,
    /// Whether it did not say for how long, so that this is by our own backoff.
    pub(super) is_backoff: bool,
}

impl Project {
    /// The server limits the project: it is left alone for as long as the server asks, or with exponential backoff
    /// where it does not say how long. Afterwards it is asked less, once for each row of such answers: a server that
    /// counts by the minute may go on refusing until the minute is over, whatever the rate.
    pub(super) fn throttle(
        &mut self,
        began: Instant,
        pause: Duration,
        reason: &str,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) {
        let is_news = self.began_after_throttle(began);
        if is_news {
            self.throttles = self.throttles.saturating_add(1);
            self.last_throttle = Some(now);
        }
        let is_backoff = pause.is_zero();
        let pause = if is_backoff { Backoff::POLL.delay(self.throttles, pause, rng) } else { pause };
        self.hold_until(now + pause);
        let before = self.throttled.take().filter(|_| !is_news);
        let told_until = before.as_ref().map(|throttle| throttle.until);
        // A longer time that was asked for before still holds.
        let is_backoff =
            is_backoff && !before.is_some_and(|throttle| !throttle.is_backoff && throttle.until > now);
        self.throttled = Some(Throttle { until: self.held_until, reason: reason.to_owned(), is_backoff });
        self.adaptive_rate.refused(is_news && self.throttles == 1, reason, self.held_until);
        self.is_changed = true;
        for (due, id) in self.held_from(told_until) {
            self.starve(&id, due.max(now), reason);
            self.schedule(&id, Some(due));
        }
    }

    /// What is due from `told_until` on, or at all, and not polled before the server is asked again. Those due earlier
    /// were told so by the first of a row of refusals: the others of that row would tell all of them the same.
    fn held_from(&self, told_until: Option<Instant>) -> Vec<(Instant, JobId)> {
        let Some((_, any)) = self.first() else { return Vec::new() };
        // Of one time, the ids may be lower than this one.
        let just_before = told_until.unwrap_or_default().back(Duration::from_nanos(1));
        let due = self.queue.range((just_before, any)..).map(|(place, _)| place);
        due.take_while(|(due, _)| *due < self.held_until).cloned().collect()
    }

    /// The server took a request that began at `began`.
    pub(super) fn take_well(&mut self, began: Instant, now: Instant) {
        if self.throttles > 0 && self.began_after_throttle(began) {
            self.throttles = 0;
            self.feed();
        }
        self.is_changed |= self.adaptive_rate.taken(now);
    }

    /// A job cannot be polled from `at` on, because the server asked to be left alone, for this reason.
    pub(super) fn starve(&mut self, id: &JobId, at: Instant, reason: &str) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        if job.tracker.last_error().is_none() {
            self.starved.insert(id.clone());
        }
        job.tracker.mark_throttled(at, reason);
    }

    /// The server takes requests again. What waits from now on waits for its turn, however long that takes at the rate
    /// that was learned: that is not for want of an answer.
    fn feed(&mut self) {
        for id in self.starved.clone() {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            job.tracker.reset_streaks();
            let due = job.due;
            self.schedule(&id, due);
        }
    }

    /// Whether a poll that began at `began` can tell what came of the last time that the server limited the project.
    fn began_after_throttle(&self, began: Instant) -> bool {
        self.last_throttle.is_none_or(|last| began > last)
    }

    /// What is to be said about the rate: once when it is cut, once when the configured one holds again.
    pub(in crate::engine) fn take_rate_note(&mut self) -> Option<Diagnostic> {
        let refusal = self.adaptive_rate.refusal();
        if refusal.is_some() == self.is_cut_told {
            return None;
        }
        self.is_cut_told = refusal.is_some();
        let (project, per_second) = (self.name.clone(), self.adaptive_rate.per_second());
        Some(match refusal {
            Some(reason) => {
                let (configured, reason) = (self.adaptive_rate.configured(), reason.to_owned());
                Diagnostic::RateCut { project, per_second, configured, reason }
            }
            None => Diagnostic::RateRestored { project, per_second },
        })
    }
}
