//! Why an event was emitted or a delivery ended, if nothing else says it.
//!
//! Invariant: the texts are the published `reason` of an [`Event`](super::Event) or of a delivery;
//! they are made here and nowhere else.

use std::fmt;
use std::time::Duration;

use super::{RestoreGroup, SilenceId, Status, duration};

/// Why an event was emitted, or a delivery ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The last error, in the words of the API or of the connection to it.
    Error(String),
    /// The restore takes longer than the configured limit.
    SlowerThanLimit(Duration),
    /// The restore takes longer than most past restores of its group, or of its project.
    SlowerThanPast {
        /// The configured part of them, 0 to 1.
        quantile: f64,
        /// How many are known.
        restores: usize,
        /// That part of them took this long at most.
        took: Duration,
        /// What they have in common; none if they are all restores of the project.
        group: Option<RestoreGroup>,
    },
    /// The index is in a state from which no index becomes ready.
    IndexState(Status),
    /// The restore completed, but it is not known which index it made.
    IndexUnknown,
    /// The delivery is to a sink that was disabled for this reason.
    SinkDisabled(String),
    /// The delivery was dropped by a person.
    DroppedByHand,
    /// The end of the restore was delivered before it, to a receiver that keeps the present state.
    Superseded,
    /// The event was emitted while this silence was in force.
    Silenced { id: SilenceId, comment: String },
    /// The event was emitted outside the hours of the sink, which drops such events.
    OutsideHours,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(message) => f.write_str(message),
            Self::SlowerThanLimit(limit) => {
                write!(f, "longer than slow_after = {}", duration::written(*limit))
            }
            Self::SlowerThanPast { quantile, restores, took, group } => {
                // It was written in percent, and not every fraction is a binary one.
                let percent = (quantile * 1e8).round() / 1e6;
                let took = duration::human(*took);
                let of = group.as_ref().map(|group| format!(" of {group}")).unwrap_or_default();
                write!(f, "longer than {percent} % of the past {restores} restores{of} ({took})")
            }
            Self::IndexState(state) => write!(f, "its state is {state}"),
            Self::IndexUnknown => f.write_str("the API does not say which index the restore made"),
            Self::SinkDisabled(why) => write!(f, "the sink is disabled: {why}"),
            Self::DroppedByHand => f.write_str("dropped by hand"),
            Self::Superseded => f.write_str("superseded by the end of its restore"),
            Self::Silenced { id, comment } => write!(f, "silenced by {id}: {comment}"),
            Self::OutsideHours => f.write_str("outside the hours of the sink"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_texts() {
        let took = Duration::from_mins(19);
        for (reason, text) in [
            (Reason::Error("HTTP 500".to_owned()), "HTTP 500"),
            (Reason::SlowerThanLimit(Duration::from_hours(2)), "longer than slow_after = 2h"),
            (
                Reason::SlowerThanPast { quantile: 0.95, restores: 20, took, group: None },
                "longer than 95 % of the past 20 restores (19m 00s)",
            ),
            (
                Reason::SlowerThanPast { quantile: 0.999, restores: 200, took, group: None },
                "longer than 99.9 % of the past 200 restores (19m 00s)",
            ),
            (
                Reason::SlowerThanPast {
                    quantile: 0.95,
                    restores: 24,
                    took,
                    group: Some(RestoreGroup::Index("orders".to_owned())),
                },
                "longer than 95 % of the past 24 restores of orders (19m 00s)",
            ),
            (Reason::IndexState(Status::parse("Terminating")), "its state is Terminating"),
            (Reason::IndexUnknown, "the API does not say which index the restore made"),
            (Reason::SinkDisabled("HTTP 410".to_owned()), "the sink is disabled: HTTP 410"),
            (Reason::DroppedByHand, "dropped by hand"),
            (Reason::Superseded, "superseded by the end of its restore"),
            (
                Reason::Silenced { id: SilenceId::FIRST.next(), comment: "maintenance".to_owned() },
                "silenced by 2: maintenance",
            ),
            (Reason::OutsideHours, "outside the hours of the sink"),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }
}
