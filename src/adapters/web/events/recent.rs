//! The events that were read last, for clients that all want the same ones.
//!
//! Invariant: what is here is a part of the state's order without a gap: each event follows the one
//! before it, and the first one follows `start`.

use super::message::Message;
use crate::model::EventId;

/// How many messages a client gets at once.
pub(super) const PAGE: usize = 100;

/// How many are kept at most: a client that is further behind reads the state for itself.
const KEPT: usize = 2 * PAGE;

#[derive(Debug, Default)]
pub(super) struct Recent {
    /// What the first message follows; none until something was read.
    start: Option<EventId>,
    messages: Vec<Message>,
    /// All that was emitted up to this commit is here.
    commit: u64,
}

impl Recent {
    /// What follows this event, of all that was emitted up to this commit; none if only the state
    /// knows.
    pub(super) fn after(&self, last: EventId, commit: u64) -> Option<Vec<Message>> {
        let next = if self.start == Some(last) {
            0
        } else {
            self.messages.iter().rposition(|message| message.id == last)? + 1
        };
        let later = &self.messages[next..];
        let is_known = !later.is_empty() || commit <= self.commit;
        is_known.then(|| later.iter().take(PAGE).cloned().collect())
    }

    /// Adds what the state had after this event. It was read after this commit, and is shorter than
    /// a page if that was all.
    pub(super) fn add(&mut self, last: EventId, commit: u64, read: &[Message]) {
        let is_all = read.len() < PAGE;
        let end = self.messages.last().map(|message| message.id).or(self.start);
        if end == Some(last) {
            self.messages.extend_from_slice(read);
            self.trim();
        } else if is_all {
            *self = Self { start: Some(last), messages: read.to_vec(), commit };
        } else {
            return;
        }
        if is_all {
            self.commit = self.commit.max(commit);
        }
    }

    fn trim(&mut self) {
        let surplus = self.messages.len().saturating_sub(KEPT);
        if let Some(dropped) = self.messages.drain(..surplus).next_back() {
            self.start = Some(dropped.id);
        }
    }
}
