//! Whether a sink is within its hours.
//!
//! Invariant: what holds is read off the wall clock of each input, so a clock that is set, or a
//! machine that was suspended, neither delays an opening nor sends anything outside the hours.

use std::time::Duration;

use jiff::Timestamp;

use crate::config::{Hours, Phase};
use crate::model::time::{Instant, Now, wall_between};

/// The wall clock may be set while nothing else happens: how often it is looked at while
/// deliveries are held.
const RECHECK: Duration = Duration::from_secs(30);

/// Whether a sink is open, as of the last input.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// What the hours say of now; none if there are no hours.
    phase: Option<Phase>,
    /// When the sink opens, if it is closed.
    opens_at: Option<Instant>,
    /// When it opened last.
    opened_at: Option<Instant>,
    checked_at: Instant,
    /// Until when it is closed, as that is recorded.
    recorded: Option<Timestamp>,
}

impl Opening {
    /// As it was recorded.
    pub(super) fn from_snapshot(closed_until: Option<Timestamp>) -> Self {
        Self { recorded: closed_until, ..Self::default() }
    }

    /// The hours may be others than before.
    pub(super) fn start_over(&mut self) {
        self.phase = None;
    }

    /// Looks at the wall clock. Returns whether the sink opened.
    pub(super) fn follow(&mut self, hours: Option<&Hours>, now: Now) -> bool {
        let was_closed = self.is_closed();
        self.checked_at = now.instant;
        // The hours are only looked at when the clock leaves what is known of them.
        let is_known = |phase: &Phase| phase.since <= now.wall && now.wall < phase.until;
        let known = self.phase.filter(is_known);
        self.phase = known.or_else(|| hours.map(|hours| hours.phase(now.wall)));

        let closed_until = self.closed_until();
        self.opens_at = closed_until.map(|until| now.instant + wall_between(now.wall, until));
        let is_open_since = self.phase.filter(|phase| phase.is_open).map(|phase| phase.since);
        let opened = was_closed && closed_until.is_none();
        if opened {
            self.opened_at = Some(now.instant);
        } else if let (None, Some(since)) = (self.opened_at, is_open_since) {
            self.opened_at = Some(now.instant.back(wall_between(since, now.wall)));
        }
        opened
    }

    pub(super) fn is_closed(&self) -> bool {
        self.opens_at.is_some()
    }

    /// When it opens, if it is closed.
    pub(super) fn opens_at(&self) -> Option<Instant> {
        self.opens_at
    }

    /// The same by the wall clock.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.phase.filter(|phase| !phase.is_open).map(|phase| phase.until)
    }

    /// What is to be recorded of it.
    pub(super) fn snapshot(&self) -> Option<Timestamp> {
        if self.phase.is_some() { self.closed_until() } else { self.recorded }
    }

    /// When it opened last: what was held until then did not wait for the receiver.
    pub(super) fn opened_at(&self) -> Option<Instant> {
        self.opened_at
    }

    /// When the wall clock is to be looked at again, if it is closed.
    pub(super) fn next_check(&self) -> Option<Instant> {
        Some((self.checked_at + RECHECK).min(self.opens_at?))
    }

    /// Whether the record says something else. From then on, it counts as written.
    pub(super) fn take_change(&mut self) -> bool {
        let closed_until = self.closed_until();
        std::mem::replace(&mut self.recorded, closed_until) != closed_until
    }
}
