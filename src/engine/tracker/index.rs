//! The part of a job's life in which its index is awaited.
//!
//! Invariant: an index is awaited only if its job completed and was then to be watched until the
//! index is ready.

use std::time::Duration;

use super::end::End;
use super::index_watch::IndexWatch;
use super::{Draft, Findings, Tracker};
use crate::model::time::{Instant, Now, ServerClock};
use crate::model::{EventKind, IndexObservation, Observation, Outcome, Reason, Until};

impl Tracker {
    /// Until when the job is watched.
    pub fn until(&self) -> Until {
        self.settings.until.unwrap_or(self.watch.until)
    }

    /// The index of the job, if it is or was awaited.
    pub fn index(&self) -> Option<&IndexWatch> {
        self.is_in_index_phase().then_some(&self.index)
    }

    /// The name of the index, if that is what is to be polled.
    pub(in crate::engine) fn index_to_poll(&self) -> Option<&str> {
        let name = self.facts.target_index_name.as_deref();
        name.filter(|_| self.awaits_index() && !self.index.is_suspected())
    }

    /// Whether its next answer may be the last about the job, and its index is polled next.
    pub(in crate::engine) fn may_turn_to_index(&self) -> bool {
        self.end.is_none() && self.until() == Until::Ready
    }

    /// Whether the job is polled in place of its index, to see whether the key is refused that,
    /// too.
    pub(in crate::engine) fn is_confirming_refusal(&self) -> bool {
        self.awaits_index() && self.index.is_suspected()
    }

    /// Wants the index also of a job that completed before that was wanted. Returns whether it is
    /// awaited from now on.
    pub(in crate::engine) fn want_index(&mut self) -> bool {
        let had_ended = self.has_ended();
        self.index.is_wanted = true;
        had_ended && !self.has_ended()
    }

    /// Takes a refusal of the key by a poll of the index. Returns the event to emit if that makes
    /// the key unauthorized: see [`IndexWatch::refuse`].
    pub(in crate::engine) fn refuse_index(
        &mut self,
        reason: &str,
        apart: Duration,
        now: Instant,
    ) -> Option<Draft> {
        if !self.index.refuse(apart, now) {
            return None;
        }
        self.health.mark_unreachable_emitted();
        Some(self.draft(EventKind::Unreachable, Some(Reason::Error(reason.to_owned()))))
    }

    /// Whether the job has completed and whether its index serves is still open.
    pub(in crate::engine) fn awaits_index(&self) -> bool {
        self.is_in_index_phase() && self.index.end.is_none()
    }

    /// Whether what is or was polled last is the index.
    pub(super) fn is_in_index_phase(&self) -> bool {
        let is_wanted = self.index.is_wanted && self.until() == Until::Ready;
        is_wanted && self.end.is_some_and(|end| end.outcome == Outcome::Completed)
    }

    /// Takes a good answer about the index, if that is awaited.
    pub(super) fn observe_index(
        &mut self,
        observation: IndexObservation,
        now: Now,
        server: ServerClock,
    ) -> Findings {
        self.health.answered(now.instant);
        if !self.awaits_index() {
            return Findings::default();
        }

        self.age.date(self.facts.created_at, now, server);
        let mut drafts: Vec<_> = self.recover().into_iter().collect();

        let previous_status = self.index.state.clone();
        if let Some(decision) = self.index.observe(observation.state, observation.ready) {
            let kind = self.end_index(decision.outcome, now);
            drafts.extend(kind.map(|kind| Draft { kind, previous_status, reason: decision.reason }));
        }
        self.seen_at = Some(self.age.at(now.instant));
        Findings { drafts, unknown_status: None }
    }

    /// Takes another description of a completed job: it was polled because it did not say which
    /// index it made, or in place of an index that the key was refused.
    pub(super) fn observe_again(&mut self, observation: Observation, now: Now) -> Findings {
        if !self.awaits_index() {
            return Findings::default();
        }
        self.index.confirm_key();

        let known = &mut self.facts.target_index_name;
        if known.is_some() {
            return Findings::default();
        }
        *known = observation.facts.target_index_name;
        if known.is_some() {
            return Findings { drafts: self.recover().into_iter().collect(), unknown_status: None };
        }
        self.health.lack_answers(now.instant, &Reason::IndexUnknown.to_string());
        Findings::default()
    }

    /// Decides whether the index serves. Returns the event that says so.
    pub(super) fn end_index(&mut self, outcome: Outcome, now: Now) -> Option<EventKind> {
        self.index.end = Some(End::new(outcome, now, self.age.at(now.instant), self.seen_at));
        outcome.event()
    }

    /// Ends all trouble with the index. Returns the event to emit if some was emitted.
    fn recover(&mut self) -> Option<Draft> {
        let was_emitted = self.health.recover();
        was_emitted.then(|| self.draft(EventKind::Recovered, None))
    }
}
