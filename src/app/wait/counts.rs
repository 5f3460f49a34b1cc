//! How many restores stand how, in words: `22 completed, 1 failed, 17 running`.

use crate::model::{Outcome, Status};

/// How a restore stands, as a count names it; in the order in which counts are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Ready,
    Completed,
    Failed,
    Cancelled,
    NotReady,
    Unrecognised,
    NotFound,
    Unauthorized,
    Unreachable,
    Misconfigured,
    AwaitsIndex,
    Running,
    NotSeen,
}

impl Standing {
    const ALL: [Self; 13] = [
        Self::Ready,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::NotReady,
        Self::Unrecognised,
        Self::NotFound,
        Self::Unauthorized,
        Self::Unreachable,
        Self::Misconfigured,
        Self::AwaitsIndex,
        Self::Running,
        Self::NotSeen,
    ];

    /// The standing of a restore with this outcome, of which the API last said this.
    pub(super) fn of(outcome: Outcome, status: Option<&Status>) -> Self {
        match (outcome, status) {
            (Outcome::Open, None) => Self::NotSeen,
            // A completed restore is open only while its index is awaited.
            (Outcome::Open, Some(Status::Completed)) => Self::AwaitsIndex,
            (Outcome::Open, Some(_)) => Self::Running,
            (Outcome::Completed, _) => Self::Completed,
            (Outcome::Ready, _) => Self::Ready,
            (Outcome::NotReady, _) => Self::NotReady,
            (Outcome::Failed, _) => Self::Failed,
            (Outcome::Cancelled, _) => Self::Cancelled,
            (Outcome::Unrecognised, _) => Self::Unrecognised,
            (Outcome::NotFound, _) => Self::NotFound,
            (Outcome::Misconfigured, _) => Self::Misconfigured,
            (Outcome::Unreachable, _) => Self::Unreachable,
            (Outcome::Unauthorized, _) => Self::Unauthorized,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::NotReady => "with an index that is not ready",
            Self::Unrecognised => "ended in an unknown state",
            Self::NotFound => "not found",
            Self::Unauthorized => "unauthorized",
            Self::Unreachable => "unreachable",
            Self::Misconfigured => "misconfigured",
            Self::AwaitsIndex => "waiting for the index",
            Self::Running => "running",
            Self::NotSeen => "not seen yet",
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Self::AwaitsIndex | Self::Running | Self::NotSeen)
    }
}

/// How many restores stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts([usize; Standing::ALL.len()]);

impl FromIterator<Standing> for Counts {
    fn from_iter<T: IntoIterator<Item = Standing>>(standings: T) -> Self {
        let mut counts = Self::default();
        for standing in standings {
            counts.0[standing as usize] += 1;
        }
        counts
    }
}

impl Counts {
    pub(super) fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// How many are not decided.
    pub(super) fn open(&self) -> usize {
        self.of(Standing::is_open)
    }

    /// `22 completed, 1 failed, 17 running`
    pub(super) fn words(&self) -> String {
        let all = Standing::ALL.into_iter().map(|standing| (standing, ""));
        self.list(all)
    }

    /// The same without those of a standing.
    pub(super) fn words_without(&self, left_out: Standing) -> String {
        let others = Standing::ALL.into_iter().filter(|standing| *standing != left_out);
        self.list(others.map(|standing| (standing, "")))
    }

    pub(super) fn count(&self, standing: Standing) -> usize {
        self.0[standing as usize]
    }

    /// Of all of these, those that are not `shown`, the open ones first:
    /// `15 more running, 22 completed`.
    pub(super) fn rest_in_words(&self, shown: &Self) -> String {
        let mut rest = *self;
        for (count, shown) in rest.0.iter_mut().zip(shown.0) {
            *count = count.saturating_sub(shown);
        }

        let (open, decided): (Vec<_>, Vec<_>) = Standing::ALL.into_iter().partition(|each| each.is_open());
        let more = |standing| (standing, if shown.count(standing) > 0 { "more " } else { "" });
        rest.list(open.into_iter().chain(decided).map(more))
    }

    fn list(&self, standings: impl Iterator<Item = (Standing, &'static str)>) -> String {
        let known = standings.filter(|(standing, _)| self.count(*standing) > 0);
        let words =
            known.map(|(standing, more)| format!("{} {more}{}", self.count(standing), standing.words()));
        words.collect::<Vec<_>>().join(", ")
    }

    fn of(&self, is_counted: impl Fn(Standing) -> bool) -> usize {
        Standing::ALL.into_iter().filter(|each| is_counted(*each)).map(|each| self.count(each)).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::*;

    fn counts(counts: &[(Standing, usize)]) -> Counts {
        counts.iter().flat_map(|(standing, count)| repeat_n(*standing, *count)).collect()
    }

    #[test]
    fn standings_are_listed_in_their_order() {
        for (place, standing) in Standing::ALL.into_iter().enumerate() {
            assert_eq!(standing as usize, place, "{standing:?}");
        }
        assert!(Standing::ALL.is_sorted());
    }

    #[test]
    fn counts_name_what_there_is() {
        let all = counts(&[(Standing::Running, 17), (Standing::Completed, 22), (Standing::Failed, 1)]);

        assert_eq!(all.words(), "22 completed, 1 failed, 17 running");
        assert_eq!(all.words_without(Standing::Completed), "1 failed, 17 running");
        assert_eq!((all.total(), all.open()), (40, 17));
    }

    #[test]
    fn the_rest_is_what_is_not_shown() {
        let all = counts(&[(Standing::Running, 17), (Standing::Completed, 22), (Standing::Failed, 1)]);
        let shown = counts(&[(Standing::Running, 2), (Standing::Failed, 1)]);

        assert_eq!(all.rest_in_words(&shown), "15 more running, 22 completed");
        assert_eq!(all.rest_in_words(&all), "");
    }
}
