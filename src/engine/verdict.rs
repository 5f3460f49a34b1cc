//! What the state of the jobs means for those who wait for them: whether it is over, and with which exit code.
//!
//! Invariant: the published precedence of the exit codes lives here and nowhere else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::project::JobView;
use super::standing::{Ending, Standing};
use crate::model::Exit;

/// How a job stands, for a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename_all = "snake_case")]
pub enum Outcome {
    /// Not ended.
    Open,
    /// Ended well.
    Completed,
    /// Ended well, and its index serves, which was waited for.
    Ready,
    /// Ended well, but its index will not serve.
    NotReady,
    /// Ended badly.
    Failed,
    /// Was cancelled.
    Cancelled,
    /// Ended in a state this program does not know.
    Unrecognised,
    /// The API does not know it, or no longer.
    NotFound,
    /// It cannot be asked for as requests are set up: a certificate, a proxy, a scheme.
    Misconfigured,
    /// No good answer for too long.
    Unreachable,
    /// The API refuses the key or the permission.
    Unauthorized,
}

impl Outcome {
    /// The outcome of a job.
    pub fn of(job: &JobView<'_>) -> Self {
        match job.tracker.standing() {
            Standing::Ended(Ending::Completed) => Self::Completed,
            Standing::Ended(Ending::Failed) => Self::Failed,
            Standing::Ended(Ending::Cancelled) => Self::Cancelled,
            Standing::Ended(Ending::Unrecognised) => Self::Unrecognised,
            Standing::Ready => Self::Ready,
            Standing::NotReady => Self::NotReady,
            Standing::Refused => Self::Unauthorized,
            _ if job.refused.is_some() => Self::Unauthorized,
            Standing::Missing => Self::NotFound,
            _ if job.misconfigured.is_some() => Self::Misconfigured,
            Standing::Unreachable => Self::Unreachable,
            Standing::Open => Self::Open,
        }
    }

    /// Its published name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Completed => "completed",
            Self::Ready => "ready",
            Self::NotReady => "not_ready",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unrecognised => "unrecognised",
            Self::NotFound => "not_found",
            Self::Misconfigured => "misconfigured",
            Self::Unreachable => "unreachable",
            Self::Unauthorized => "unauthorized",
        }
    }

    /// Whether the watch of the job is over, because nothing further can become of it.
    pub fn is_end(self) -> bool {
        match self {
            Self::Completed
            | Self::Ready
            | Self::NotReady
            | Self::Failed
            | Self::Cancelled
            | Self::Unrecognised => true,
            Self::Open | Self::NotFound | Self::Misconfigured | Self::Unreachable | Self::Unauthorized => {
                false
            }
        }
    }

    /// Whether it is what was waited for.
    pub fn is_good(self) -> bool {
        self.exit() == Some(Exit::Success)
    }

    /// The exit code it asks for; a job that is open asks for none.
    fn exit(self) -> Option<Exit> {
        match self {
            Self::Open => None,
            Self::Completed | Self::Ready => Some(Exit::Success),
            Self::Failed | Self::Cancelled | Self::NotReady => Some(Exit::Failed),
            Self::Unrecognised => Some(Exit::Unrecognised),
            Self::NotFound => Some(Exit::NotFound),
            Self::Misconfigured => Some(Exit::Config),
            Self::Unreachable => Some(Exit::Unreachable),
            Self::Unauthorized => Some(Exit::Unauthorized),
        }
    }
}

/// Where several exit codes apply, the first of these wins.
const PRECEDENCE: [Exit; 7] = [
    Exit::Failed,
    Exit::Unauthorized,
    Exit::NotFound,
    Exit::Unrecognised,
    Exit::Config,
    Exit::Unreachable,
    Exit::Timeout,
];

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

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
    /// use restore_watch::model::Exit;
    /// use restore_watch::engine::{Condition, Outcome};
    ///
    /// let jobs = [Outcome::Completed, Outcome::Open];
    /// assert_eq!(Condition::Any.judge(&jobs), Some(Exit::Success));
    /// assert_eq!(Condition::All { fail_fast: false }.judge(&jobs), None);
    /// ```
    pub fn judge(self, outcomes: &[Outcome]) -> Option<Exit> {
        let over = !outcomes.contains(&Outcome::Open);
        match self {
            Self::Any if outcomes.iter().any(|outcome| outcome.is_good()) => Some(Exit::Success),
            Self::All { fail_fast: true } if worst(outcomes) != Exit::Success => Some(worst(outcomes)),
            _ => over.then(|| worst(outcomes)),
        }
    }

    /// The exit code of a wait whose time is over. While one job is open, [`Condition::Any`] can still be met, so what
    /// became of the others does not count.
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
    PRECEDENCE.into_iter().find(asked).unwrap_or(Exit::Success)
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
