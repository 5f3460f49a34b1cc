//! The index that a completed job made: its state, and whether the key may ask for it.
//!
//! Invariant: what was decided about the index once stays decided. A refusal is held against the
//! index only after the job itself was not refused: the key needs another permission for the one
//! than for the other.

use std::time::Duration;

use super::end::End;
use crate::engine::snapshot::IndexSnapshot;
use crate::model::time::{Instant, Recorded};
use crate::model::{Outcome, Reason, Status};

/// What is known of the index of a job.
#[derive(Debug, Clone, Default)]
pub struct IndexWatch {
    /// Whether the job was watched until its index is ready when it completed. A job that ended
    /// before that was wanted has ended: no further event is emitted for it.
    pub(super) is_wanted: bool,
    /// The last state that the API reported.
    pub(super) state: Option<Status>,
    /// Whether it serves, once that is decided.
    pub(super) end: Option<End>,
    permission: Permission,
}

/// Whether the key may ask for an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Permission {
    /// As far as known.
    #[default]
    Granted,
    /// It was refused the index, first at this time: the job is asked for next, in place of the
    /// index.
    Suspected { since: Instant },
    /// It was refused the index, first at this time, and not the job.
    Confirming { since: Instant },
    /// It was refused the index again, after it was not refused the job. That was emitted.
    Unauthorized,
}

/// What a state of an index decides, and why if its name has to say it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decision {
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
}

impl IndexWatch {
    /// The last state that the API reported, in its own words.
    pub fn state(&self) -> Option<&Status> {
        self.state.as_ref()
    }

    /// Takes a good answer about the index. Returns what it decides, if anything.
    pub(super) fn observe(&mut self, state: Option<Status>, ready: bool) -> Option<Decision> {
        self.permission = Permission::Granted;
        let doom = state.clone().filter(Status::is_never_ready).map(Reason::IndexState);
        self.state = state.or_else(|| self.state.take());

        match (doom, ready) {
            (Some(reason), _) => Some(Decision { outcome: Outcome::NotReady, reason: Some(reason) }),
            (None, true) => Some(Decision { outcome: Outcome::Ready, reason: None }),
            (None, false) => None,
        }
    }

    /// Takes a refusal of the key. Returns whether the key is unauthorized from now on: if it was
    /// not refused the job meanwhile, and the first refusal is at least `apart` ago.
    pub(super) fn refuse(&mut self, apart: Duration, now: Instant) -> bool {
        let was_unauthorized = self.is_unauthorized();
        self.permission = match self.permission {
            Permission::Granted => Permission::Suspected { since: now },
            Permission::Suspected { since } => Permission::Suspected { since },
            Permission::Confirming { since } if now.since(since) < apart => Permission::Suspected { since },
            Permission::Confirming { .. } | Permission::Unauthorized => Permission::Unauthorized,
        };
        self.is_unauthorized() && !was_unauthorized
    }

    /// The API searched for the job, so it accepted the key.
    pub(super) fn confirm_key(&mut self) {
        if let Permission::Suspected { since } = self.permission {
            self.permission = Permission::Confirming { since };
        }
    }

    /// Whether the key may not ask for it.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.permission == Permission::Unauthorized
    }

    /// Whether the job is to be asked for in its place, to see whether the key is refused that,
    /// too.
    pub(super) fn is_suspected(&self) -> bool {
        matches!(self.permission, Permission::Suspected { .. })
    }

    pub(super) fn snapshot(&self) -> IndexSnapshot {
        IndexSnapshot {
            is_wanted: self.is_wanted,
            is_unauthorized: self.is_unauthorized(),
            state: self.state.clone(),
            verdict: self.end.map(|end| (end.outcome == Outcome::Ready, end.observed_at.wall)),
            age: self.end.map(|end| end.age),
            seen_running: self.end.and_then(|end| end.seen_running),
        }
    }

    /// An index that was recorded like this; the job had this age when it was decided whether the
    /// index serves.
    pub(super) fn from_snapshot(snapshot: IndexSnapshot, age: Option<Duration>, record: Recorded) -> Self {
        let end = snapshot.verdict.map(|(is_ready, at)| End {
            outcome: if is_ready { Outcome::Ready } else { Outcome::NotReady },
            observed_at: record.reading(at),
            age: age.unwrap_or_default(),
            seen_running: snapshot.seen_running,
            is_before_watch: false,
        });
        let permission =
            if snapshot.is_unauthorized { Permission::Unauthorized } else { Permission::Granted };
        Self { is_wanted: snapshot.is_wanted, state: snapshot.state, end, permission }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APART: Duration = Duration::from_secs(5);

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn a_state_that_never_serves_wins_over_ready() {
        let mut index = IndexWatch::default();

        let decision = index.observe(Some(Status::parse("terminating")), true).unwrap();

        assert_eq!(decision.outcome, Outcome::NotReady);
        assert_eq!(decision.reason, Some(Reason::IndexState(Status::parse("terminating"))));
    }

    #[test]
    fn an_answer_without_a_state_keeps_the_last_one() {
        let mut index = IndexWatch::default();
        assert_eq!(index.observe(Some(Status::parse("Initializing")), false), None);

        let decision = index.observe(None, true).unwrap();

        assert_eq!(decision, Decision { outcome: Outcome::Ready, reason: None });
        assert_eq!(index.state(), Some(&Status::parse("Initializing")));
    }

    #[test]
    fn a_refusal_counts_after_the_job_was_not_refused() {
        let mut index = IndexWatch::default();

        assert!(!index.refuse(APART, at(0)));
        assert!(index.is_suspected());
        assert!(!index.refuse(APART, at(10)), "the job was not asked for");
        index.confirm_key();
        assert!(!index.is_suspected());
        assert!(index.refuse(APART, at(11)));
        assert!(!index.refuse(APART, at(12)), "once");
    }

    #[test]
    fn refusals_too_close_are_one() {
        let mut index = IndexWatch::default();
        index.refuse(APART, at(0));
        index.confirm_key();

        assert!(!index.refuse(APART, at(4)));
        index.confirm_key();
        assert!(index.refuse(APART, at(5)));
    }

    #[test]
    fn a_good_answer_ends_a_refusal() {
        let mut index = IndexWatch::default();
        index.refuse(Duration::ZERO, at(0));
        index.confirm_key();
        index.refuse(Duration::ZERO, at(1));

        index.observe(None, false);

        assert!(!index.is_unauthorized());
    }
}
