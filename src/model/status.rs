//! What the API calls the state of a restore job, or of an index.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// States from which no index comes to serve (`IndexModel` of the API description, and `Failed`,
/// which it does not name). They count even if the answer says that it is ready: one that is being
/// deleted is no place for traffic.
const NEVER_READY: [&str; 4] = ["InitializationFailed", "Failed", "Terminating", "Disabled"];

/// The status of a restore job, compared without regard to case.
///
/// A running restore reports `Pending`. The first three other values are terminal; any further text
/// is kept as it was sent and is not terminal. That of an index is most often such a text, such as
/// `Initializing` or `Ready`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Waiting or running.
    Pending,
    /// Ended well.
    Completed,
    /// Ended badly.
    Failed,
    /// Was stopped.
    Cancelled,
    /// A text that this program does not know, as it was sent.
    Other(String),
}

impl Status {
    /// Reads a status as the API sends it.
    pub fn parse(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "pending" => Self::Pending,
            "completed" => Self::Completed,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            _ => Self::Other(text.to_owned()),
        }
    }

    /// The documented spelling, or the text as it was sent.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "Pending",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Cancelled => "Cancelled",
            Self::Other(text) => text,
        }
    }

    /// Whether the API ends a job with this status.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Whether an index in this state never comes to serve.
    pub fn is_never_ready(&self) -> bool {
        NEVER_READY.iter().any(|never| never.eq_ignore_ascii_case(self.as_str()))
    }

    /// Whether both are the same status, letter case aside.
    pub fn same_as(&self, other: &Self) -> bool {
        self.as_str().eq_ignore_ascii_case(other.as_str())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::parse(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_does_not_matter() {
        for text in ["Completed", "completed", "COMPLETED", "cOmPlEtEd"] {
            assert_eq!(Status::parse(text), Status::Completed);
        }
        assert!(Status::parse("FAILED").is_terminal());
        assert!(Status::parse("cancelled").is_terminal());
        assert!(!Status::parse("pending").is_terminal());
    }

    #[test]
    fn unknown_text_is_kept_and_not_terminal() {
        let status = Status::parse("InProgress");
        assert_eq!(status.as_str(), "InProgress");
        assert!(!status.is_terminal());
        assert!(status.same_as(&Status::parse("inprogress")));
        assert!(!Status::parse("").is_terminal());
    }
}
