//! The deliveries of one ordering key to one sink.

use std::collections::VecDeque;

use super::rejected::Rejections;
use crate::engine::commit_queue::EventHeader;
use crate::model::time::Instant;
use crate::model::{EventId, EventKind};

/// The deliveries of one ordering key, the next one first. It may be empty while the end of the
/// last one is being committed.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) pending: VecDeque<PendingDelivery>,
    pub(super) waits_for: WaitsFor,
    /// How many deliveries were added.
    added: u64,
}

/// What the first delivery of a queue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitsFor {
    /// The time of its next attempt.
    Attempt(Instant),
    /// The answer to the attempt under way.
    Answer,
    /// The commit of the end of the delivery before.
    Commit,
}

#[derive(Debug)]
pub(super) struct PendingDelivery {
    pub(super) event: EventId,
    pub(super) kind: EventKind,
    /// Its place in the order in which those of its queue were added.
    number: u64,
    pub(super) emitted_at: Instant,
    pub(super) attempts: u32,
    pub(super) reason: Option<String>,
    /// How the receiver rejected it, as far as that still counts.
    pub(super) rejections: Option<Rejections>,
}

impl Queue {
    /// A queue with room for one delivery, because most have no more.
    pub(super) fn of_one(pending: PendingDelivery, due: Instant) -> Self {
        let waits_for = WaitsFor::Attempt(due);
        let mut queue = Self { pending: VecDeque::with_capacity(1), waits_for, added: 0 };
        queue.push(pending);
        queue
    }

    /// Adds a delivery after all others.
    pub(super) fn push(&mut self, pending: PendingDelivery) {
        self.pending.push_back(PendingDelivery { number: self.added, ..pending });
        self.added += 1;
    }

    /// The place of a delivery.
    pub(super) fn place(&self, event: EventId) -> Option<usize> {
        self.pending.iter().position(|pending| pending.event == event)
    }

    /// Moves the end of a job before its earlier events. Returns whether it did.
    pub(super) fn let_the_end_overtake(&mut self) -> bool {
        let end = self.pending.iter().position(PendingDelivery::is_end).filter(|at| *at > 0);
        let Some(end) = end.and_then(|at| self.pending.remove(at)) else { return false };
        // What waits behind the end is not attempted meanwhile.
        if let Some(overtaken) = self.pending.front_mut() {
            overtaken.rejections = None;
        }
        self.pending.push_front(end);
        true
    }

    /// Takes out what the first delivery overtook.
    pub(super) fn take_overtaken(&mut self) -> VecDeque<PendingDelivery> {
        let Some(first) = self.pending.front().map(|first| first.number) else { return VecDeque::new() };
        let (overtaken, others) =
            std::mem::take(&mut self.pending).into_iter().partition(|pending| pending.number < first);
        self.pending = others;
        overtaken
    }
}

impl PendingDelivery {
    pub(super) fn new(header: &EventHeader, emitted_at: Instant) -> Self {
        Self {
            event: header.event,
            kind: header.kind,
            number: 0,
            emitted_at,
            attempts: 0,
            reason: None,
            rejections: None,
        }
    }

    /// Whether it is the end of a restore, or of the watch of its index.
    pub(super) fn is_end(&self) -> bool {
        self.kind.is_terminal()
    }
}
