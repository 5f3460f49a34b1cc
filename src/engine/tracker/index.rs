//! The index that a completed job made: whether it serves.
//!
//! Invariant: only a job that completed and is watched until its index is ready has an index that is followed; what was
//! decided about that index once stays decided.

use std::time::Duration;

use super::{Draft, Findings, Tracker};
use crate::engine::snapshot::IndexSnapshot;
use crate::engine::standing::Ending;
use crate::model::time::{Instant, Now, Recorded, ServerClock};
use crate::model::{EventKind, IndexObservation, Observation, Reason, Status, Until};

/// States from which no index comes to serve (`IndexModel` of the API description, and `Failed`, which it does not
/// name). They count even where the answer says that it is ready: one that is being deleted is no place for traffic.
const NEVER_READY: [&str; 4] = ["InitializationFailed", "Failed", "Terminating", "Disabled"];

/// What is known of the index of a job.
#[derive(Debug, Clone, Default)]
pub struct IndexWatch {
    /// Whether the job was watched until its index is ready when it completed. What ended before that was wanted has
    /// ended: nothing is told of it any more.
    pub(super) is_wanted: bool,
    /// Whether the key may ask for it.
    pub(super) permission: Permission,
    /// The last state that the API told.
    pub(super) state: Option<Status>,
    /// Whether it serves, once that is decided.
    pub(super) verdict: Option<Verdict>,
}

/// Whether the key may ask for an index. It needs another permission for that than for the job, so a refusal is held
/// against the key only where it is refused the job, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Permission {
    /// As far as known.
    #[default]
    Granted,
    /// It was refused the index, first at this time: the job is asked for next, in its place.
    Doubted(Instant),
    /// It was refused the index, first at this time, and not the job.
    Confirming(Instant),
    /// It was refused the index again, after it was not refused the job. That was told.
    Refused,
}

/// What was decided about an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) is_ready: bool,
    pub(super) observed_at: Now,
    /// The age of the job then.
    pub(super) age: Duration,
}

impl IndexWatch {
    /// The last state that the API told, in its own words.
    pub fn state(&self) -> Option<&Status> {
        self.state.as_ref()
    }

    /// Whether the key may not ask for it.
    pub(super) fn is_refused(&self) -> bool {
        self.permission == Permission::Refused
    }

    pub(super) fn remember(&self) -> IndexSnapshot {
        let verdict = self.verdict.map(|verdict| (verdict.is_ready, verdict.observed_at.wall));
        IndexSnapshot {
            age: self.verdict.map(|verdict| verdict.age),
            is_wanted: self.is_wanted,
            is_refused: self.is_refused(),
            state: self.state.clone(),
            verdict,
        }
    }

    /// An index that was kept like this; the job was this old when it was decided whether it serves.
    pub(super) fn from_snapshot(snapshot: IndexSnapshot, age: Option<Duration>, record: Recorded) -> Self {
        let verdict = snapshot.verdict.map(|(is_ready, at)| Verdict {
            is_ready,
            observed_at: record.reading(at),
            age: age.unwrap_or_default(),
        });
        let permission = if snapshot.is_refused { Permission::Refused } else { Permission::Granted };
        Self { is_wanted: snapshot.is_wanted, permission, state: snapshot.state, verdict }
    }
}

impl Tracker {
    /// Until when the job is watched.
    pub fn until(&self) -> Until {
        self.settings.until.unwrap_or(self.watch.until)
    }

    /// The index of the job, where it is or was followed.
    pub fn index(&self) -> Option<&IndexWatch> {
        self.is_in_second_half().then_some(&self.index)
    }

    /// The name of the index, where that is what is to be asked for.
    pub(in crate::engine) fn followed_index(&self) -> Option<&str> {
        let is_doubted = matches!(self.index.permission, Permission::Doubted(_));
        self.facts.target_index_name.as_deref().filter(|_| self.follows_index() && !is_doubted)
    }

    /// Whether its next answer may turn the watch to its index.
    pub(in crate::engine) fn may_turn_to_index(&self) -> bool {
        self.end.is_none() && self.until() == Until::Ready
    }

    /// Whether the job is over and its index is not.
    pub(super) fn follows_index(&self) -> bool {
        self.is_in_second_half() && self.index.verdict.is_none()
    }

    /// Whether what is waited for, or was last, is the index.
    pub(super) fn is_in_second_half(&self) -> bool {
        let is_wanted = self.index.is_wanted && self.until() == Until::Ready;
        is_wanted && self.end.is_some_and(|end| end.how == Ending::Completed)
    }

    /// Takes a good answer about the index. Returns what it leads to; nothing where the index is not followed.
    pub(super) fn observe_index(
        &mut self,
        observation: IndexObservation,
        now: Now,
        server: ServerClock,
    ) -> Findings {
        self.answered_at = Some(now.instant);
        if !self.follows_index() {
            return Findings::default();
        }
        self.date(now, server);
        let mut drafts: Vec<_> = self.recover().into_iter().collect();
        self.index.permission = Permission::Granted;
        let IndexObservation { state, ready, .. } = observation;
        let doomed = state
            .as_ref()
            .is_some_and(|state| NEVER_READY.iter().any(|never| never.eq_ignore_ascii_case(state.as_str())));
        let previous = self.index.state.clone();
        self.index.state = state.or_else(|| previous.clone());
        if doomed || ready {
            let reason = self.index.state.clone().filter(|_| doomed).map(Reason::IndexState);
            drafts.push(self.decide(!doomed, previous, reason, now));
        }
        Findings { drafts, unknown_status: None }
    }

    /// A completed job was described once more: because it did not say which index it made, or to see whether the key
    /// that is refused its index is refused the job, too.
    pub(super) fn observe_again(&mut self, observation: Observation, now: Now) -> Findings {
        if !self.follows_index() {
            return Findings::default();
        }
        self.vouch_for_the_key();
        let known = &mut self.facts.target_index_name;
        if known.is_some() {
            return Findings::default();
        }
        *known = observation.facts.target_index_name;
        if known.is_some() {
            return Findings { drafts: self.recover().into_iter().collect(), unknown_status: None };
        }
        self.unreachable.extend(now.instant);
        self.last_error = Some(Reason::IndexUnknown.to_string());
        Findings::default()
    }

    /// The key was refused the index. Returns an event to emit: only where it was not refused the job meanwhile, and the
    /// first refusal is at least `apart` ago.
    pub(in crate::engine) fn refuse_index(
        &mut self,
        reason: &str,
        apart: Duration,
        now: Instant,
    ) -> Option<Draft> {
        let before = self.index.permission;
        self.index.permission = match before {
            Permission::Granted => Permission::Doubted(now),
            Permission::Doubted(since) => Permission::Doubted(since),
            Permission::Confirming(since) if now.since(since) < apart => Permission::Doubted(since),
            Permission::Confirming(_) | Permission::Refused => Permission::Refused,
        };
        self.unreachable.told |= self.index.is_refused();
        if !self.index.is_refused() || before == Permission::Refused {
            return None;
        }
        let (previous_status, reason) = (self.status.clone(), Some(Reason::Error(reason.to_owned())));
        Some(Draft { kind: EventKind::Unreachable, previous_status, reason })
    }

    /// The API looked the job up, so it took the key.
    pub(super) fn vouch_for_the_key(&mut self) {
        if let Permission::Doubted(since) = self.index.permission {
            self.index.permission = Permission::Confirming(since);
        }
    }

    /// Whether the job is asked for in place of its index, to see whether the key is refused that, too.
    pub(in crate::engine) fn is_doubted(&self) -> bool {
        self.follows_index() && matches!(self.index.permission, Permission::Doubted(_))
    }

    /// Somebody wants the index of a job followed that completed before that was wanted. Returns whether it is now.
    pub(in crate::engine) fn want_index(&mut self) -> bool {
        let had_ended = self.has_ended();
        self.index.is_wanted = true;
        had_ended && !self.has_ended()
    }

    /// Good answers about the index again, if that is news.
    fn recover(&mut self) -> Option<Draft> {
        let was_told = self.unreachable.told;
        self.forget_trouble();
        let previous_status = self.status.clone();
        was_told.then_some(Draft { kind: EventKind::Recovered, previous_status, reason: None })
    }

    /// Decides whether the index serves.
    pub(super) fn decide(
        &mut self,
        is_ready: bool,
        previous_status: Option<Status>,
        reason: Option<Reason>,
        now: Now,
    ) -> Draft {
        self.index.verdict = Some(Verdict { is_ready, observed_at: now, age: self.age(now.instant) });
        let kind = if is_ready { EventKind::IndexReady } else { EventKind::IndexNotReady };
        Draft { kind, previous_status, reason }
    }
}
