//! Names of things: jobs, projects and sinks.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The id of a restore job, an opaque string. Copies are cheap.
///
/// The API documents UUIDs, but other forms (`rj-…`) are in use, so only what cannot be an id is refused: an empty
/// text, one longer than [`JobId::MAX_LEN`] bytes, and one with white space or control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The longest id that is accepted, in bytes.
    pub const MAX_LEN: usize = 256;

    /// Checks `text` and makes it an id.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let text = text.into();
        match text {
            _ if text.is_empty() => Err(IdError::Empty),
            _ if text.len() > Self::MAX_LEN => Err(IdError::TooLong { bytes: text.len() }),
            _ if text.chars().any(|c| c.is_whitespace() || c.is_control()) => Err(IdError::BadCharacter),
            // A URL path made of `.` or `..` names another resource, however it is encoded.
            _ if text == "." || text == ".." => Err(IdError::Dots),
            _ => Ok(Self(text.into())),
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a text cannot be the id of a restore job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is empty.
    #[error("a restore job id cannot be empty")]
    Empty,
    /// The text is longer than [`JobId::MAX_LEN`].
    #[error("a restore job id has at most {} bytes, this one has {bytes}", JobId::MAX_LEN)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The text has white space or control characters.
    #[error("a restore job id has no spaces, line breaks or control characters")]
    BadCharacter,
    /// The text is `.` or `..`.
    #[error("`.` and `..` are not restore job ids")]
    Dots,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// This name. Any text will do; the configuration refuses empty and repeated ones.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into().into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::new)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name! {
    /// The name a user gives a project: one API key and its endpoint. Copies are cheap.
    ProjectName
}

name! {
    /// The name a user gives a sink. What is owed to a sink is kept under it. Copies are cheap.
    SinkName
}

impl ProjectName {
    /// The name of the project that top-level `jobs` and the command line belong to.
    pub const DEFAULT: &'static str = "default";
}

impl Default for ProjectName {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_opaque_but_not_absurd() {
        for good in ["670e8400-e29b-41d4-a716-446655440001", "rj-1", "a/b?c", "日本"] {
            assert_eq!(JobId::new(good).map(|id| id.as_str().to_owned()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("", IdError::Empty),
            ("a b", IdError::BadCharacter),
            ("a\nb", IdError::BadCharacter),
            ("a\u{0}", IdError::BadCharacter),
            ("..", IdError::Dots),
        ] {
            assert_eq!(JobId::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(JobId::new("x".repeat(257)), Err(IdError::TooLong { bytes: 257 }));
    }
}
