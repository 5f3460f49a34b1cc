//! How a job stands or ended: one published word, from the engine to the screen.
//!
//! Invariant: the words are the variants' names in snake case, for JSON, schema, text and state
//! alike. Each question about an outcome is answered here by an exhaustive match, so that a new one
//! is forgotten nowhere.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error;
use serde::{Deserialize, Serialize};

use super::{Elapsed, EventKind, Exit, Status};

/// How a job stands, for a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
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

/// A part of a report for people, in the order in which these come: what needs attention is
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// Ended badly, or cannot be asked for.
    Failed,
    /// Not ended.
    Running,
    /// Ended well.
    Succeeded,
}

impl Outcome {
    /// All outcomes, in the order of their declaration.
    pub const ALL: [Self; 11] = [
        Self::Open,
        Self::Completed,
        Self::Ready,
        Self::NotReady,
        Self::Failed,
        Self::Cancelled,
        Self::Unrecognised,
        Self::NotFound,
        Self::Misconfigured,
        Self::Unreachable,
        Self::Unauthorized,
    ];

    /// The part of a report that a job with this outcome belongs to.
    pub fn section(self) -> Section {
        match self.exit() {
            None => Section::Running,
            Some(Exit::Success) => Section::Succeeded,
            Some(_) => Section::Failed,
        }
    }

    /// Whether nothing further can become of the job, so that its watch is over.
    pub fn is_final(self) -> bool {
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
    pub fn is_success(self) -> bool {
        self.exit() == Some(Exit::Success)
    }

    /// The exit code of a wait for this job alone; none while the job is open.
    pub fn exit(self) -> Option<Exit> {
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

    /// The event of a job that announces it. None if no event does, or one of the whole project.
    pub fn event(self) -> Option<EventKind> {
        match self {
            Self::Completed => Some(EventKind::Completed),
            Self::Failed => Some(EventKind::Failed),
            Self::Cancelled => Some(EventKind::Cancelled),
            Self::Unrecognised => Some(EventKind::Unrecognised),
            Self::Ready => Some(EventKind::IndexReady),
            Self::NotReady => Some(EventKind::IndexNotReady),
            Self::NotFound => Some(EventKind::NotFound),
            Self::Unreachable => Some(EventKind::Unreachable),
            Self::Open | Self::Misconfigured | Self::Unauthorized => None,
        }
    }

    /// What happened, in a few words: those of the event that announces it, if one does.
    pub fn heading(self) -> &'static str {
        match (self, self.event()) {
            (_, Some(event)) => event.heading(),
            (Self::Unauthorized, None) => EventKind::ProjectUnauthorized.heading(),
            (Self::Misconfigured, None) => "The API cannot be reached as configured",
            (_, None) => "Restore not ended",
        }
    }

    /// The title of a card about a job: what happened to what.
    pub fn title_for(self, label: &str, elapsed: Elapsed) -> String {
        match (self, self.event()) {
            (_, Some(event)) => event.title_for(label, elapsed),
            (Self::Open, None) => format!("{label}: not ended"),
            (_, None) => self.heading().to_owned(),
        }
    }

    /// The word as a text for people has it, such as `not found`.
    pub fn label(self) -> String {
        self.to_string().replace('_', " ")
    }

    /// In words for people: with what the API last said of the job and of its index, if that says
    /// more.
    pub fn in_words(
        self,
        status: Option<&Status>,
        index_state: Option<&Status>,
        last_error: Option<&str>,
    ) -> String {
        let index = || match index_state {
            Some(state) => format!("index {state}"),
            None => "index not seen yet".to_owned(),
        };
        match (self, status) {
            // A completed job is open only while its index is awaited.
            (Self::Open, Some(Status::Completed)) => format!("{}, {}", Status::Completed, index()),
            (Self::Open, Some(status)) => status.to_string(),
            (Self::Open, None) => "not seen yet".to_owned(),
            // After an error, the last state is not what decided it.
            (Self::NotReady, _) if last_error.is_none() => index(),
            (Self::NotReady, _) => "index not ready".to_owned(),
            (Self::Unrecognised, Some(status)) => format!("ended as {status}"),
            _ => self.label(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl FromStr for Outcome {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        Self::deserialize(word.into_deserializer())
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome::*;
    use super::*;

    const ALL: [(Outcome, &str); 11] = [
        (Open, "open"),
        (Completed, "completed"),
        (Ready, "ready"),
        (NotReady, "not_ready"),
        (Failed, "failed"),
        (Cancelled, "cancelled"),
        (Unrecognised, "unrecognised"),
        (NotFound, "not_found"),
        (Misconfigured, "misconfigured"),
        (Unreachable, "unreachable"),
        (Unauthorized, "unauthorized"),
    ];

    #[test]
    fn the_published_words_round_trip() {
        for (outcome, word) in ALL {
            assert_eq!(outcome.to_string(), word);
            assert_eq!(word.parse(), Ok(outcome));
            assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("{word:?}"));
        }
        assert!("exploded".parse::<Outcome>().is_err());
    }

    #[test]
    fn all_outcomes_are_in_the_order_of_their_declaration() {
        for (at, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, at);
            assert_eq!(outcome, ALL[at].0);
        }
    }

    #[test]
    fn words_are_padded_like_any_text() {
        assert_eq!(format!("{Ready:<9}|"), "ready    |");
    }

    #[test]
    fn every_final_outcome_has_an_event_that_ends_the_watch() {
        for (outcome, word) in ALL {
            let is_end = outcome.event().is_some_and(EventKind::is_terminal);
            assert_eq!(outcome.is_final(), is_end, "{word}");
        }
    }

    #[test]
    fn an_outcome_has_the_heading_of_its_event() {
        for (outcome, heading) in [
            (Completed, "Restore completed"),
            (NotReady, "Index did not become ready"),
            (Unauthorized, "Pinecone refuses the API key"),
            (Misconfigured, "The API cannot be reached as configured"),
            (Open, "Restore not ended"),
        ] {
            assert_eq!(outcome.heading(), heading);
        }
    }

    #[test]
    fn a_title_says_what_happened_to_what() {
        let took = Elapsed::Exact(std::time::Duration::from_secs(40));
        for (outcome, elapsed, title) in [
            (Completed, took, "docs: restored in 40s"),
            (Completed, Elapsed::Unknown, "docs: restore completed"),
            (Ready, took, "docs: index ready"),
            (Failed, took, "docs: restore failed"),
            (Open, took, "docs: not ended"),
            (Unauthorized, took, "Pinecone refuses the API key"),
        ] {
            assert_eq!(outcome.title_for("docs", elapsed), title);
        }
    }

    #[test]
    fn every_outcome_but_open_asks_for_an_exit_code() {
        for (outcome, word) in ALL {
            assert_eq!(outcome.exit().is_none(), outcome == Open, "{word}");
        }
    }

    #[test]
    fn words_for_people_say_what_is_known() {
        let pending = Some(Status::Pending);
        let completed = Some(Status::Completed);
        let other = |text: &str| Some(Status::parse(text));
        for (outcome, status, index_state, last_error, words) in [
            (Open, None, None, None, "not seen yet"),
            (Open, pending.clone(), None, None, "Pending"),
            (Open, other("Exploded"), None, None, "Exploded"),
            (Open, completed.clone(), None, None, "Completed, index not seen yet"),
            (
                Open,
                completed.clone(),
                other("Initializing"),
                Some("HTTP 500"),
                "Completed, index Initializing",
            ),
            (NotReady, completed.clone(), other("Terminating"), None, "index Terminating"),
            (NotReady, completed.clone(), other("Ready"), Some("HTTP 404"), "index not ready"),
            (Unrecognised, other("Exploded"), None, None, "ended as Exploded"),
            (NotFound, pending, None, Some("HTTP 404"), "not found"),
            (Completed, completed, None, None, "completed"),
        ] {
            let found = outcome.in_words(status.as_ref(), index_state.as_ref(), last_error);
            assert_eq!(found, words, "{outcome:?}");
        }
    }
}
