//! When a wait is over, and with which exit code.
//!
//! Invariant: the exit code of several jobs is the first in the published order,
//! [`Exit::PRECEDENCE`].

use crate::model::{Exit, Outcome};

/// What a wait waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Every job completes, or every index serves.
    All {
        /// End as soon as that has become impossible.
        fail_fast: bool,
    },
    /// One does.
    Any,
}

impl Condition {
    /// The exit code of a wait whose jobs stand like this; none while it goes on.
    ///
    /// ```
    /// use restore_watch::engine::Condition;
    /// use restore_watch::model::{Exit, Outcome};
    ///
    /// let jobs = [Outcome::Completed, Outcome::Open];
    /// assert_eq!(Condition::Any.judge(&jobs), Some(Exit::Success));
    /// assert_eq!(Condition::All { fail_fast: false }.judge(&jobs), None);
    /// ```
    pub fn judge(self, outcomes: &[Outcome]) -> Option<Exit> {
        let over = !outcomes.contains(&Outcome::Open);
        match self {
            Self::Any if outcomes.iter().any(|outcome| outcome.is_success()) => Some(Exit::Success),
            Self::All { fail_fast: true } if worst(outcomes) != Exit::Success => Some(worst(outcomes)),
            _ => over.then(|| worst(outcomes)),
        }
    }

    /// The exit code of a wait whose time is over. While one job is open, [`Condition::Any`] can
    /// still be met, so what became of the others does not count.
    pub fn judge_at_timeout(self, outcomes: &[Outcome]) -> Exit {
        match (self.judge(outcomes), self) {
            (Some(exit), _) => exit,
            (None, Self::Any) => Exit::Timeout,
            (None, Self::All { .. }) => match worst(outcomes) {
                Exit::Success => Exit::Timeout,
                other => other,
            },
        }
    }
}

/// The first code in the order of precedence that any outcome asks for.
fn worst(outcomes: &[Outcome]) -> Exit {
    let asked = |exit: &Exit| outcomes.iter().any(|outcome| outcome.exit() == Some(*exit));
    Exit::PRECEDENCE.into_iter().find(asked).unwrap_or(Exit::Success)
}

#[cfg(test)]
mod tests {
    use super::Outcome::{
        Cancelled, Completed, Failed, Misconfigured, NotFound, NotReady, Open, Ready, Unauthorized,
        Unreachable, Unrecognised,
    };
    use super::*;

    const ALL: Condition = Condition::All { fail_fast: false };
    const FAST: Condition = Condition::All { fail_fast: true };

    #[test]
    fn while_jobs_are_open() {
        for (condition, outcomes, exit) in [
            (ALL, &[Open][..], None),
            (ALL, &[Open, Completed], None),
            (ALL, &[Open, Failed], None),
            (FAST, &[Open, Completed], None),
            (FAST, &[Open, Failed], Some(Exit::Failed)),
            (FAST, &[Open, NotFound], Some(Exit::NotFound)),
            (Condition::Any, &[Open, Failed], None),
            (Condition::Any, &[Open, Failed, Completed], Some(Exit::Success)),
        ] {
            assert_eq!(condition.judge(outcomes), exit, "{condition:?} {outcomes:?}");
        }
    }

    #[test]
    fn once_all_is_over() {
        for (outcomes, all, any) in [
            (&[Completed][..], Exit::Success, Exit::Success),
            (&[Cancelled], Exit::Failed, Exit::Failed),
            (&[Ready, Completed], Exit::Success, Exit::Success),
            (&[Ready, NotReady], Exit::Failed, Exit::Success),
            (&[NotReady, Unauthorized], Exit::Failed, Exit::Failed),
            (&[Completed, Unreachable], Exit::Unreachable, Exit::Success),
            (&[Unreachable, Unrecognised], Exit::Unrecognised, Exit::Unrecognised),
            (&[Unreachable, Misconfigured], Exit::Config, Exit::Config),
            (&[Misconfigured, Unrecognised], Exit::Unrecognised, Exit::Unrecognised),
            (&[Misconfigured, Completed], Exit::Config, Exit::Success),
            (&[Unreachable, Unrecognised, NotFound], Exit::NotFound, Exit::NotFound),
            (&[Unrecognised, NotFound, Unauthorized], Exit::Unauthorized, Exit::Unauthorized),
            (&[NotFound, Unauthorized, Failed], Exit::Failed, Exit::Failed),
        ] {
            assert_eq!(ALL.judge(outcomes), Some(all), "{outcomes:?}");
            assert_eq!(Condition::Any.judge(outcomes), Some(any), "{outcomes:?}");
        }
    }

    #[test]
    fn when_time_is_over() {
        for (condition, outcomes, exit) in [
            (ALL, &[Open][..], Exit::Timeout),
            (ALL, &[Open, Completed], Exit::Timeout),
            (ALL, &[Open, Failed], Exit::Failed),
            (ALL, &[Open, Unreachable], Exit::Unreachable),
            (ALL, &[Completed], Exit::Success),
            (Condition::Any, &[Open, Failed], Exit::Timeout),
            (Condition::Any, &[Failed, Failed], Exit::Failed),
            (Condition::Any, &[Open], Exit::Timeout),
        ] {
            assert_eq!(condition.judge_at_timeout(outcomes), exit, "{condition:?} {outcomes:?}");
        }
    }
}
