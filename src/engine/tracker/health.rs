//! What polls say about how well a job, or its index, can be watched.
//!
//! Invariant: trouble is emitted once, and only once it has lasted for its limit; a good answer
//! ends it. Only the table in [`trouble`](super::trouble) decides what counts for how long.

use std::time::Duration;

use super::absence::Absence;
use super::trouble::Trouble;
use crate::config::WatchSettings;
use crate::engine::retry::Backoff;
use crate::model::Outcome;
use crate::model::time::{Instant, earliest};

/// Failed polls since the last good answer.
#[derive(Debug, Clone)]
pub(super) struct Health {
    /// What the last failed poll says; none if no poll failed since the last good answer.
    pub(super) trouble: Option<Trouble>,
    /// Failures towards trouble that needs 404s only.
    pub(super) not_found: Streak,
    /// Time without a good answer.
    pub(super) unreachable: Streak,
    /// Failed polls in a row; 404s for what was never seen are none.
    pub(super) failures: u32,
    /// By what the poll after the last failed one is due, as far as this process knows.
    pub(super) backoff: Backoff,
    pub(super) last_error: Option<String>,
    /// When the last poll that failed did, as far as this process knows.
    pub(super) failed_at: Option<Instant>,
    /// When the API last gave a good answer.
    pub(super) answered_at: Option<Instant>,
    pub(super) absence: Absence,
}

/// A poll that failed.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailedPoll<'a> {
    pub(super) trouble: Trouble,
    pub(super) reason: &'a str,
    pub(super) began: Instant,
}

/// Failures in a row, and whether that was emitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Streak {
    pub(super) since: Option<Instant>,
    pub(super) emitted: bool,
}

/// How polls go on after a failed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// By the longest interval: the trouble was emitted.
    Slowest,
    /// By the cadence of something that was first not found then: it may appear at any moment.
    UntilFound {
        since: Instant,
    },
    Backoff,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            trouble: None,
            not_found: Streak::default(),
            unreachable: Streak::default(),
            failures: 0,
            backoff: Backoff::POLL,
            last_error: None,
            failed_at: None,
            answered_at: None,
            absence: Absence::default(),
        }
    }
}

impl Health {
    /// Takes a failed poll: there is no good answer since it began, not only since it failed.
    pub(super) fn fail(&mut self, failed: FailedPoll<'_>, now: Instant, watch: &WatchSettings) {
        let FailedPoll { trouble, reason, began } = failed;
        self.trouble = Some(trouble);
        self.last_error = Some(reason.to_owned());
        self.failed_at = Some(now);

        if trouble.needs_only_404s() {
            self.not_found.extend(began);
        } else {
            self.not_found.since = None;
        }

        if trouble.is_outage() {
            self.unreachable.extend(began);
            self.failures = self.failures.saturating_add(1);
            return;
        }
        self.failures = 0;
        let lasted = now.since(self.not_found.since.unwrap_or(now));
        if self.not_found.emitted || trouble.ends_outage(lasted, watch) {
            self.unreachable.since = None;
        }
    }

    /// There is no good answer from `since` on, for this reason, although no poll failed.
    pub(super) fn lack_answers(&mut self, since: Instant, reason: &str) {
        self.trouble = Some(Trouble::Unreachable);
        self.last_error = Some(reason.to_owned());
        self.not_found.since = None;
        self.unreachable.extend(since);
    }

    /// The API gave a good answer about something that may not be what is waited for.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answered_at = Some(now);
    }

    /// Ends all trouble. Returns whether some was emitted.
    pub(super) fn recover(&mut self) -> bool {
        let was_emitted = self.is_emitted();
        *self = Self {
            backoff: self.backoff,
            failed_at: self.failed_at,
            answered_at: self.answered_at,
            ..Self::default()
        };
        was_emitted
    }

    /// Counts all trouble from its next failure on. What was emitted stays so.
    pub(super) fn reset_streaks(&mut self) {
        self.failures = 0;
        self.not_found.since = None;
        self.unreachable.since = None;
    }

    /// Takes a time in which nothing was watched out of all trouble.
    pub(super) fn shift_by(&mut self, time: Duration) {
        for streak in [&mut self.not_found, &mut self.unreachable] {
            streak.since = streak.since.map(|since| since + time);
        }
    }

    /// When trouble has lasted and is to be emitted, if no good answer comes before.
    pub(super) fn lasting_at(&self, watch: &WatchSettings) -> Option<Instant> {
        earliest([self.not_found_at(watch), self.unreachable_at(watch)])
    }

    /// Takes the trouble that is to be emitted at `now`, if there is any.
    pub(super) fn take_lasting(&mut self, now: Instant, watch: &WatchSettings) -> Option<Trouble> {
        let has_come = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if has_come(self.not_found_at(watch)) {
            self.not_found.emitted = true;
        } else if has_come(self.unreachable_at(watch)) {
            self.unreachable.emitted = true;
        } else {
            return None;
        }
        Some(self.trouble.unwrap_or(Trouble::Unreachable))
    }

    /// That it is unreachable was emitted for another reason than the time that passed.
    pub(super) fn mark_unreachable_emitted(&mut self) {
        self.unreachable.emitted = true;
    }

    /// The outcome of a job that has not ended. The last failure names an outage that was emitted.
    pub(super) fn outcome(&self) -> Outcome {
        match self.trouble {
            _ if self.not_found.emitted => Outcome::NotFound,
            Some(trouble @ Trouble::Lost) if self.unreachable.emitted => trouble.outcome(),
            _ if self.unreachable.emitted => Outcome::Unreachable,
            _ => Outcome::Open,
        }
    }

    /// How polls go on, if the last one failed.
    pub(super) fn retry(&self) -> Option<Retry> {
        match (self.trouble?, self.not_found.since) {
            (Trouble::NotFound, Some(_)) if self.is_emitted() => Some(Retry::Slowest),
            (Trouble::NotFound, Some(since)) => Some(Retry::UntilFound { since }),
            (Trouble::Lost, _) if self.unreachable.emitted => Some(Retry::Slowest),
            _ => (self.failures > 0).then_some(Retry::Backoff),
        }
    }

    fn is_emitted(&self) -> bool {
        self.not_found.emitted || self.unreachable.emitted
    }

    fn not_found_at(&self, watch: &WatchSettings) -> Option<Instant> {
        self.not_found.due(self.trouble?.limit(watch))
    }

    /// While 404s alone are counted, they decide.
    fn unreachable_at(&self, watch: &WatchSettings) -> Option<Instant> {
        let trouble = self.trouble.unwrap_or(Trouble::Unreachable);
        self.unreachable.due(trouble.limit(watch)).filter(|_| self.not_found.since.is_none())
    }
}

impl Streak {
    /// Another failure at `now`; the streak counts from its first one.
    fn extend(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// When it has lasted for `limit` and is still to be emitted.
    fn due(&self, limit: Duration) -> Option<Instant> {
        self.since.filter(|_| !self.emitted).map(|since| since + limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    fn watch() -> WatchSettings {
        WatchSettings {
            not_found_grace: Duration::from_secs(60),
            unreachable_after: Duration::from_secs(600),
            ..WatchSettings::default()
        }
    }

    fn fail(health: &mut Health, trouble: Trouble, began: u64, now: u64) {
        health.fail(FailedPoll { trouble, reason: "no", began: at(began) }, at(now), &watch());
    }

    /// The health after these failures, each of a poll that took no time.
    fn after(failures: &[(u64, Trouble)]) -> Health {
        let mut health = Health::default();
        for (second, trouble) in failures {
            fail(&mut health, *trouble, *second, *second);
        }
        health
    }

    #[test]
    fn trouble_is_emitted_once_it_has_lasted() {
        for (trouble, seconds) in [
            (Trouble::NotFound, 60),
            (Trouble::Lost, 600),
            (Trouble::IndexLost, 600),
            (Trouble::Unreachable, 600),
        ] {
            let mut health = after(&[(1, trouble)]);

            assert_eq!(health.lasting_at(&watch()), Some(at(1 + seconds)), "{trouble:?}");
            assert_eq!(health.take_lasting(at(seconds), &watch()), None);
            assert_eq!(health.take_lasting(at(1 + seconds), &watch()), Some(trouble));
            assert_eq!(health.take_lasting(at(9999), &watch()), None, "{trouble:?} once");
        }
    }

    #[test]
    fn an_outage_counts_from_the_begin_of_its_first_poll() {
        let mut health = Health::default();

        fail(&mut health, Trouble::Unreachable, 1, 11);
        fail(&mut health, Trouble::Unreachable, 12, 22);

        assert_eq!(health.lasting_at(&watch()), Some(at(601)));
    }

    #[test]
    fn the_last_failure_names_an_outage() {
        let mixed = [(0, Trouble::Unreachable), (300, Trouble::Lost)];

        let mut health = after(&mixed);

        assert_eq!(health.take_lasting(at(600), &watch()), Some(Trouble::Lost));
        assert_eq!(health.outcome(), Outcome::NotFound);
        fail(&mut health, Trouble::Unreachable, 700, 700);
        assert_eq!(health.outcome(), Outcome::Unreachable);
    }

    #[test]
    fn other_failures_restart_the_count_of_404s() {
        for trouble in [Trouble::NotFound, Trouble::IndexLost] {
            let mut health = after(&[(0, trouble), (50, Trouble::Unreachable), (51, trouble)]);

            assert_eq!(health.not_found.since, Some(at(51)));
            assert_eq!(health.take_lasting(at(60), &watch()), None);
        }
    }

    #[test]
    fn lasting_404s_of_the_unseen_end_an_outage() {
        let outage = (0, Trouble::Unreachable);

        let early = after(&[outage, (10, Trouble::NotFound), (309, Trouble::NotFound)]);
        let late = after(&[outage, (10, Trouble::NotFound), (310, Trouble::NotFound)]);

        assert_eq!(early.unreachable.since, Some(at(0)));
        assert_eq!(late.unreachable.since, None);
    }

    #[test]
    fn an_outage_is_not_due_while_404s_decide() {
        let health = after(&[(0, Trouble::Unreachable), (590, Trouble::IndexLost)]);

        assert_eq!(health.lasting_at(&watch()), Some(at(1190)));
    }

    #[test]
    fn polls_go_on_by_what_is_wrong() {
        let emitted = |trouble| {
            let mut health = after(&[(0, trouble)]);
            health.take_lasting(at(600), &watch());
            health.retry()
        };

        assert_eq!(Health::default().retry(), None);
        assert_eq!(after(&[(7, Trouble::NotFound)]).retry(), Some(Retry::UntilFound { since: at(7) }));
        assert_eq!(after(&[(7, Trouble::Lost)]).retry(), Some(Retry::Backoff));
        assert_eq!(after(&[(7, Trouble::Unreachable)]).retry(), Some(Retry::Backoff));
        assert_eq!(emitted(Trouble::NotFound), Some(Retry::Slowest));
        assert_eq!(emitted(Trouble::Lost), Some(Retry::Slowest));
        assert_eq!(emitted(Trouble::Unreachable), Some(Retry::Backoff));
    }

    #[test]
    fn polls_of_the_unseen_slow_down_after_an_outage() {
        let mut health = after(&[(0, Trouble::Unreachable)]);
        health.take_lasting(at(600), &watch());

        fail(&mut health, Trouble::NotFound, 601, 601);

        assert_eq!(health.retry(), Some(Retry::Slowest));
        assert_eq!(health.outcome(), Outcome::Unreachable);
    }

    #[test]
    fn a_recovery_is_emitted_only_after_trouble_was() {
        let mut short = after(&[(0, Trouble::Unreachable)]);
        let mut long = short.clone();
        long.take_lasting(at(600), &watch());

        assert!(!short.recover());
        assert!(long.recover());
        assert!(!long.recover());
        assert_eq!((long.outcome(), long.last_error), (Outcome::Open, None));
    }

    #[test]
    fn reset_streaks_keep_what_was_emitted() {
        let mut health = after(&[(0, Trouble::Unreachable)]);
        health.take_lasting(at(600), &watch());

        health.reset_streaks();

        assert_eq!(health.outcome(), Outcome::Unreachable);
        assert_eq!((health.lasting_at(&watch()), health.retry()), (None, None));
    }

    #[test]
    fn time_without_a_watch_is_no_trouble() {
        let mut health = after(&[(0, Trouble::Unreachable)]);

        health.shift_by(Duration::from_secs(3600));

        assert_eq!(health.lasting_at(&watch()), Some(at(4200)));
    }
}
