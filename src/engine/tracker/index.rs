//! The index that a completed job made: whether it serves.
//!
//! Invariant: only a job that completed and is watched until its index is ready has an index that is followed; what was
//! decided about that index once stays decided.

use std::fmt;

use super::{Draft, Findings, Tracker};
use crate::engine::memory::IndexMemory;
use crate::engine::standing::Ending;
use crate::engine::time::Now;
use crate::model::{IndexObservation, Status, TransitionKind, Until};

/// States from which no index comes to serve (`IndexModel` of the API description, and `Failed`, which it does not
/// name). They count even where the answer says that it is ready: one that is being deleted is no place for traffic.
const NEVER_READY: [&str; 4] = ["InitializationFailed", "Failed", "Terminating", "Disabled"];

/// What is known of the index of a job.
#[derive(Debug, Clone, Default)]
pub struct IndexWatch {
    /// The last state that the API told.
    pub(super) state: Option<Status>,
    /// Whether it serves, once that is decided.
    pub(super) verdict: Option<Verdict>,
}

/// What was decided about an index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) is_ready: bool,
    pub(super) observed_at: Now,
}

impl IndexWatch {
    /// The last state that the API told, in its own words.
    pub fn state(&self) -> Option<&Status> {
        self.state.as_ref()
    }

    pub(super) fn remember(&self) -> IndexMemory {
        let verdict = self.verdict.map(|verdict| (verdict.is_ready, verdict.observed_at.wall));
        IndexMemory { state: self.state.clone(), verdict }
    }

    pub(super) fn recall(memory: IndexMemory, now: Now) -> Self {
        let verdict = memory.verdict.map(|(is_ready, wall)| Verdict {
            is_ready,
            observed_at: Now { instant: now.instant_at(wall), wall },
        });
        Self { state: memory.state, verdict }
    }
}

impl fmt::Display for IndexWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.state {
            Some(state) => write!(f, "index {state}"),
            None => f.write_str("index not seen yet"),
        }
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

    /// The name of the index, while it is followed and the name is known.
    pub(in crate::engine) fn followed_index(&self) -> Option<&str> {
        self.facts.target_index_name.as_deref().filter(|_| self.follows_index())
    }

    /// Whether the job is over and its index is not.
    pub(super) fn follows_index(&self) -> bool {
        self.is_in_second_half() && self.index.verdict.is_none()
    }

    /// Whether what is waited for, or was last, is the index.
    pub(super) fn is_in_second_half(&self) -> bool {
        self.until() == Until::Ready && self.end.is_some_and(|end| end.how == Ending::Completed)
    }

    /// Takes a good answer about the index. Returns what it leads to; nothing where the index is not followed.
    pub(super) fn observe_index(&mut self, observation: IndexObservation, now: Now) -> Findings {
        self.answered_at = Some(now.instant);
        if !self.follows_index() {
            return Findings::default();
        }
        let mut drafts = Vec::new();
        if self.unreachable.told {
            let previous_status = self.status.clone();
            drafts.push(Draft { kind: TransitionKind::Recovered, previous_status, reason: None });
        }
        self.forget_trouble();
        let IndexObservation { state, ready, .. } = observation;
        let doomed = state
            .as_ref()
            .is_some_and(|state| NEVER_READY.iter().any(|never| never.eq_ignore_ascii_case(state.as_str())));
        let previous = self.index.state.clone();
        self.index.state = state.or_else(|| previous.clone());
        if doomed || ready {
            let words =
                self.index.state.as_ref().filter(|_| doomed).map(|state| format!("its state is {state}"));
            drafts.push(self.decide(!doomed, previous, words, now));
        }
        Findings { drafts, unknown_status: None }
    }

    /// A completed job was described once more, because it did not say which index it made. Where it still does not,
    /// none can be followed.
    pub(super) fn observe_again(&mut self, name: Option<String>, now: Now) -> Findings {
        if !self.follows_index() || self.facts.target_index_name.is_some() {
            return Findings::default();
        }
        self.facts.target_index_name = name;
        if self.facts.target_index_name.is_some() {
            return Findings::default();
        }
        let reason = "the API does not say which index the restore made".to_owned();
        Findings { drafts: vec![self.decide(false, None, Some(reason), now)], unknown_status: None }
    }

    /// Decides whether the index serves.
    pub(super) fn decide(
        &mut self,
        is_ready: bool,
        previous_status: Option<Status>,
        reason: Option<String>,
        now: Now,
    ) -> Draft {
        self.index.verdict = Some(Verdict { is_ready, observed_at: now });
        let kind = if is_ready { TransitionKind::IndexReady } else { TransitionKind::IndexNotReady };
        Draft { kind, previous_status, reason }
    }
}
