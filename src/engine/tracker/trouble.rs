//! What failed polls of a job mean, and after how long: the one place that decides when it is lost.
//!
//! | last poll of             | answer | is          | counts after        | of failures |
//! |--------------------------|--------|-------------|---------------------|-------------|
//! | a job or index not seen  | 404    | not found   | `not_found_grace`   | 404s only   |
//! | a job seen before        | 404    | lost        | `unreachable_after` | of any kind |
//! | an index seen before     | 404    | lost        | `unreachable_after` | 404s only   |
//! | a completed job          | 404    | unreachable | `unreachable_after` | of any kind |
//! | any of these             | other  | unreachable | `unreachable_after` | of any kind |
//!
//! - A 404 for what was never seen is no outage: the API works, and the job may appear at any
//!   moment.
//! - A 404 for a job that was seen is an outage like any other until it counts: the API's answers
//!   are not always consistent. Then the last failure gives the outage its name, lost or
//!   unreachable.
//! - A 404 for an index ends its watch, so only 404s lead there. While they last, they alone
//!   decide; any other failure begins their count again.
//! - A completed job is asked for in place of its index. Its 404 says nothing about the index.
//! - Once 404s for what was never seen have lasted for half of `unreachable_after`, they end an
//!   outage that was counted before them: one failure after that begins a new outage. Before that
//!   they do not, so that an outage that answers now this and now that is still one.

use std::time::Duration;

use crate::config::WatchSettings;
use crate::engine::FailureClass;
use crate::model::Outcome;

/// What a poll asked for, and whether the API ever knew it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Job { seen: bool },
    Index { seen: bool },
    CompletedJob,
}

/// What the last failed poll says is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    NotFound,
    Lost,
    IndexLost,
    Unreachable,
}

impl Trouble {
    pub(super) fn of(asked: Asked, class: FailureClass) -> Self {
        match class {
            FailureClass::NotFound => match asked {
                Asked::Job { seen: false } | Asked::Index { seen: false } => Self::NotFound,
                Asked::Job { seen: true } => Self::Lost,
                Asked::Index { seen: true } => Self::IndexLost,
                Asked::CompletedJob => Self::Unreachable,
            },
            FailureClass::Transient
            | FailureClass::Throttled
            | FailureClass::Misconfigured
            | FailureClass::WrongProtocol
            | FailureClass::Unauthorized
            | FailureClass::Blocked
            | FailureClass::Rejected(_)
            | FailureClass::Permanent
            | FailureClass::Gone => Self::Unreachable,
        }
    }

    /// How long it lasts until it counts.
    pub(super) fn limit(self, watch: &WatchSettings) -> Duration {
        match self {
            Self::NotFound => watch.not_found_grace,
            Self::Lost | Self::IndexLost | Self::Unreachable => watch.unreachable_after,
        }
    }

    /// Whether only 404s in a row count towards it.
    pub(super) fn needs_only_404s(self) -> bool {
        match self {
            Self::NotFound | Self::IndexLost => true,
            Self::Lost | Self::Unreachable => false,
        }
    }

    /// Whether it is time without a good answer. A 404 for what was never seen is a good one in
    /// this sense.
    pub(super) fn is_outage(self) -> bool {
        self != Self::NotFound
    }

    /// Whether it ends an outage from before, once it has lasted for this long.
    pub(super) fn ends_outage(self, lasted: Duration, watch: &WatchSettings) -> bool {
        !self.is_outage() && lasted >= watch.unreachable_after / 2
    }

    /// The outcome of a job once it counts.
    pub(super) fn outcome(self) -> Outcome {
        match self {
            Self::NotFound | Self::Lost | Self::IndexLost => Outcome::NotFound,
            Self::Unreachable => Outcome::Unreachable,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const TEN_MINUTES: Duration = Duration::from_mins(10);

    fn watch() -> WatchSettings {
        WatchSettings { not_found_grace: MINUTE, unreachable_after: TEN_MINUTES, ..WatchSettings::default() }
    }

    #[test]
    fn the_table_of_404s() {
        for (asked, trouble, limit, only_404s, outcome) in [
            (Asked::Job { seen: false }, Trouble::NotFound, MINUTE, true, Outcome::NotFound),
            (Asked::Index { seen: false }, Trouble::NotFound, MINUTE, true, Outcome::NotFound),
            (Asked::Job { seen: true }, Trouble::Lost, TEN_MINUTES, false, Outcome::NotFound),
            (Asked::Index { seen: true }, Trouble::IndexLost, TEN_MINUTES, true, Outcome::NotFound),
            (Asked::CompletedJob, Trouble::Unreachable, TEN_MINUTES, false, Outcome::Unreachable),
        ] {
            let found = Trouble::of(asked, FailureClass::NotFound);

            assert_eq!(found, trouble, "{asked:?}");
            assert_eq!(found.limit(&watch()), limit, "{asked:?}");
            assert_eq!(found.needs_only_404s(), only_404s, "{asked:?}");
            assert_eq!(found.outcome(), outcome, "{asked:?}");
        }
    }

    #[test]
    fn any_other_failure_is_an_outage() {
        for asked in [Asked::Job { seen: false }, Asked::Index { seen: true }, Asked::CompletedJob] {
            for class in [FailureClass::Transient, FailureClass::Throttled, FailureClass::Permanent] {
                assert_eq!(Trouble::of(asked, class), Trouble::Unreachable, "{asked:?} {class:?}");
            }
        }
    }

    #[test]
    fn only_404s_of_the_unseen_end_an_outage() {
        let half = TEN_MINUTES / 2;
        let just_less = half.saturating_sub(Duration::from_nanos(1));

        assert!(Trouble::NotFound.ends_outage(half, &watch()));
        assert!(!Trouble::NotFound.ends_outage(just_less, &watch()));
        assert!(!Trouble::Lost.ends_outage(TEN_MINUTES, &watch()));
    }
}
