//! The ends of restores that wait for one sink, the oldest first.
//!
//! Invariant: an alarm is raised once while ends wait for too long, and again only after a time in
//! which none did. A limit that passed while the process did not run proves nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use super::queues::OrderingKey;
use crate::model::EventId;
use crate::model::time::Instant;

/// Time after which an end of a restore that is not delivered is an error: until then, most
/// receivers answer again.
const LIMIT: Duration = Duration::from_mins(10);

#[derive(Debug)]
pub(super) struct WaitingEnds {
    /// By the time at which they were emitted.
    waiting: BTreeMap<(Instant, EventId), OrderingKey>,
    /// No alarm is raised before.
    not_before: Instant,
    is_raised: bool,
}

impl WaitingEnds {
    pub(super) fn new(now: Instant) -> Self {
        Self { waiting: BTreeMap::new(), not_before: now + LIMIT, is_raised: false }
    }

    pub(super) fn insert(&mut self, emitted_at: Instant, event: EventId, key: OrderingKey) {
        self.waiting.insert((emitted_at, event), key);
    }

    pub(super) fn remove(&mut self, emitted_at: Instant, event: EventId, now: Instant) {
        self.waiting.remove(&(emitted_at, event));

        let waits_too_long = self.oldest().is_some_and(|(since, ..)| now.since(since) >= LIMIT);
        if self.is_raised && !waits_too_long {
            self.is_raised = false;
            self.not_before = now + LIMIT;
        }
    }

    /// The time until `now` does not count.
    pub(super) fn start_over(&mut self, now: Instant) {
        self.not_before = self.not_before.max(now + LIMIT);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The one that waits longest: since when, and where it is.
    pub(super) fn oldest(&self) -> Option<(Instant, EventId, &OrderingKey)> {
        self.waiting.first_key_value().map(|((since, event), key)| (*since, *event, key))
    }

    /// Since when one waits for too long, once that was an alarm.
    pub(super) fn overdue_since(&self) -> Option<Instant> {
        self.oldest().filter(|_| self.is_raised).map(|(since, ..)| since)
    }

    /// When the next alarm is due.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        let (since, ..) = self.oldest().filter(|_| !self.is_raised)?;
        Some((since + LIMIT).max(self.not_before))
    }

    /// Takes the alarm if it is due. Returns whether it was.
    pub(super) fn take_alarm(&mut self, now: Instant) -> bool {
        let is_due = self.next_alarm().is_some_and(|at| at <= now);
        self.is_raised |= is_due;
        is_due
    }
}
