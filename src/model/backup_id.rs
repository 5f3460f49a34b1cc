//! The id of a backup.

use std::fmt;

use super::{is_invisible, is_uuid};

/// The id of a backup, an opaque text. A UUID is kept in lower case, like that of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupId(String);

/// Why a text cannot be the id of a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupIdError {
    #[error("a backup id cannot be empty")]
    Empty,
    #[error("a backup id has at most {} bytes, this one has {bytes}", BackupId::MAX_LEN)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It has white space, or a character that nothing shows.
    #[error("a backup id has no spaces, line breaks or invisible characters")]
    BadCharacter,
    /// It is `.` or `..`, which would name another resource.
    #[error("`.` and `..` are not backup ids")]
    Dots,
    /// It is an address.
    #[error("this is an address; the id of the backup is wanted")]
    Address,
}

impl BackupId {
    /// The longest id that is accepted, in bytes.
    pub const MAX_LEN: usize = 256;

    pub fn parse(text: &str) -> Result<Self, BackupIdError> {
        match text.trim() {
            "" => Err(BackupIdError::Empty),
            "." | ".." => Err(BackupIdError::Dots),
            text if text.len() > Self::MAX_LEN => Err(BackupIdError::TooLong { bytes: text.len() }),
            text if text.contains("://") => Err(BackupIdError::Address),
            text if text.contains(|c: char| c.is_whitespace() || is_invisible(c)) => {
                Err(BackupIdError::BadCharacter)
            }
            text if is_uuid(text) => Ok(Self(text.to_ascii_lowercase())),
            text => Ok(Self(text.to_owned())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the API means this backup by `text`.
    pub fn is(&self, text: &str) -> bool {
        Self::parse(text).is_ok_and(|other| other == *self)
    }
}

impl fmt::Display for BackupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_id_is_refused() {
        for (text, error) in [
            (" ", BackupIdError::Empty),
            ("..", BackupIdError::Dots),
            ("a b", BackupIdError::BadCharacter),
            ("a\u{200b}b", BackupIdError::BadCharacter),
            ("https://app.pinecone.io/b", BackupIdError::Address),
        ] {
            assert_eq!(BackupId::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(BackupId::parse(&"b".repeat(257)), Err(BackupIdError::TooLong { bytes: 257 }));
    }

    #[test]
    fn a_uuid_is_one_id_in_upper_and_lower_case() {
        let id = BackupId::parse("670E8400-E29B-41D4-A716-446655440000").unwrap();

        assert_eq!(id.as_str(), "670e8400-e29b-41d4-a716-446655440000");
        assert!(id.is("670E8400-e29b-41d4-a716-446655440000"));
        assert!(!BackupId::parse("B-1").unwrap().is("b-1"));
    }
}
