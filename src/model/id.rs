//! Names of things: jobs, projects and sinks.

use std::fmt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Placeholder, is_invisible};

/// The id of a restore job, an opaque string. Copies are cheap.
///
/// The API documents UUIDs, but other forms (`rj-…`) are in use, so only what cannot be an id is
/// refused. A UUID is one id however it is written: it is kept in lower case, as RFC 9562 has it
/// (section 4). Of all other ids, upper and lower case differ.
///
/// Invariant: an id has no white space and no invisible character, so it can be shown as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(Arc<str>);

impl JobId {
    /// The longest id that is accepted, in bytes.
    pub const MAX_LEN: usize = 256;

    /// The id that the API or this program writes as `text`.
    pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
        let mut text = text.into();
        match text {
            _ if text.is_empty() => Err(IdError::Empty),
            _ if text.len() > Self::MAX_LEN => Err(IdError::TooLong { bytes: text.len() }),
            _ if text.chars().any(|c| c.is_whitespace() || c.is_control()) => Err(IdError::BadCharacter),
            // A URL path made of `.` or `..` names another resource, however it is encoded.
            _ if text == "." || text == ".." => Err(IdError::Dots),
            _ => {
                if let Some(invisible) = text.chars().find(|c| is_invisible(*c)) {
                    return Err(IdError::Invisible(invisible));
                }
                if is_uuid(&text) {
                    text.make_ascii_lowercase();
                }
                Ok(Self(text.into()))
            }
        }
    }

    /// The id that a person or another program gives as `text`, on the command line, in a file or
    /// at the control socket. What is given by mistake in place of an id is refused here, and not
    /// after a wait for a job that is not found.
    pub fn given(text: &str) -> Result<Self, IdError> {
        match Mistake::find(text) {
            Some(mistake) if text.len() <= Self::MAX_LEN => Err(IdError::Mistake(mistake)),
            _ => Self::new(text),
        }
    }

    /// The id that was committed as `text`. Earlier versions of this program took ids with
    /// invisible characters; each stands for itself as U+FFFD here.
    pub fn committed(text: &str) -> Result<Self, IdError> {
        let visible =
            |c: char| if is_invisible(c) && !c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        Self::new(text.chars().map(visible).collect::<String>())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has one of the forms that the API is known to give ids: any text may be an id, but
    /// one of another form is more likely to be something else.
    pub fn has_known_form(&self) -> bool {
        is_uuid(&self.0) || self.0.starts_with("rj-")
    }
}

/// Whether `text` is a UUID in its usual form: 8, 4, 4, 4 and 12 hexadecimal digits.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Serialize for JobId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for JobId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::committed(&String::deserialize(deserializer)?).map_err(D::Error::custom)
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
    /// The text has a character that nothing shows, or one that reorders what is shown.
    #[error("a restore job id has no invisible characters, this one has {}", name_of(*.0))]
    Invisible(char),
    /// The text is `.` or `..`.
    #[error("`.` and `..` are not restore job ids")]
    Dots,
    /// The text is something else that was given by mistake.
    #[error(transparent)]
    Mistake(Mistake),
}

impl IdError {
    /// What to do about it, where that is known.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Empty | Self::TooLong { .. } | Self::BadCharacter | Self::Dots => None,
            Self::Invisible(_) => Some("type the id, or copy it from another place"),
            Self::Mistake(mistake) => Some(mistake.help()),
        }
    }
}

/// What is given by mistake in place of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// An address.
    #[error("this is an address; the id of the restore job is wanted")]
    Address,
    /// What programs print in place of a value that they do not have.
    #[error("`{0}` is no restore job id, but what a program prints for a value that it does not have")]
    NoValue(&'static str),
    /// A placeholder that was to be replaced.
    #[error("a restore job id has no placeholder like {0}: nothing replaces it here")]
    Placeholder(Placeholder),
    /// Quotes around the id.
    #[error("a restore job id is not in quotes, this one has {0}")]
    Quotes(char),
    /// Brackets around it, as JSON has them.
    #[error("a restore job id is not in brackets or braces, this one has {0}")]
    Brackets(char),
    /// Several ids, or a line of a table.
    #[error("a restore job id has no `{0}`")]
    Separator(char),
}

impl Mistake {
    fn find(text: &str) -> Option<Self> {
        const NO_VALUES: [&str; 5] = ["null", "None", "nil", "undefined", "NaN"];
        const BRACKETS: [char; 4] = ['{', '}', '[', ']'];
        const QUOTES: [char; 8] = ['"', '\'', '`', '“', '”', '„', '‘', '’'];
        // Within an id they may be a part of it.
        let ends = [text.chars().next(), text.chars().next_back()];
        let at_an_end = |marks: &[char]| ends.into_iter().flatten().find(|c| marks.contains(c));
        if text.contains("://") {
            return Some(Self::Address);
        }
        if let Some(word) = NO_VALUES.into_iter().find(|word| word.eq_ignore_ascii_case(text)) {
            return Some(Self::NoValue(word));
        }
        let separator = text.chars().find(|c| matches!(c, ',' | ';')).map(Self::Separator);
        let placeholder = Placeholder::find(text).map(Self::Placeholder);
        placeholder
            .or_else(|| at_an_end(&BRACKETS).map(Self::Brackets))
            .or_else(|| at_an_end(&QUOTES).map(Self::Quotes))
            .or(separator)
    }

    fn help(self) -> &'static str {
        match self {
            Self::Address => "copy the id alone, as `pc` or the console shows it",
            Self::NoValue(_) => {
                "did the command that was to print the id fail, or is its field called otherwise?"
            }
            Self::Placeholder(_) => "give the id itself; a shell replaces variables in \"…\", and not in '…'",
            Self::Quotes(_) => "give the id without quotes; `jq -r` prints texts without them",
            Self::Brackets(_) => {
                "give the id alone; JSON that has a restore_job_id is read from standard input: restore-watch wait -"
            }
            Self::Separator(_) => "ids are given apart: with spaces in between, or one a line",
        }
    }
}

/// How a message calls an invisible character.
fn name_of(c: char) -> String {
    let name = match c {
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero width space",
        '\u{200c}' | '\u{200d}' | '\u{2060}' => "zero width joiner",
        '\u{feff}' => "byte order mark",
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "mark of the direction of text"
        }
        _ => return format!("U+{:04X}", u32::from(c)),
    };
    format!("U+{:04X} ({name})", u32::from(c))
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
    /// The name a user gives a sink. The sink's pending deliveries are kept under it. Copies are cheap.
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
            ("a\u{200b}", IdError::Invisible('\u{200b}')),
            ("\u{202e}a", IdError::Invisible('\u{202e}')),
        ] {
            assert_eq!(JobId::new(bad), Err(why), "{bad:?}");
        }
        assert_eq!(JobId::new("x".repeat(257)), Err(IdError::TooLong { bytes: 257 }));
    }
    #[test]
    fn a_uuid_is_one_id_however_it_is_written() {
        let lower = JobId::new("670e8400-e29b-41d4-a716-446655440001").unwrap();
        let upper = "670E8400-E29B-41D4-A716-446655440001";
        assert_eq!(JobId::new(upper), Ok(lower.clone()));
        assert_eq!(JobId::given(upper), Ok(lower.clone()));
        assert_eq!(serde_json::from_str::<JobId>(&format!("\"{upper}\"")).unwrap(), lower);
        assert_eq!(lower.to_string(), upper.to_lowercase());
        // Another form is another id, as far as is known.
        for other in ["RJ-1", "670E8400E29B41D4A716446655440001", "670E8400-E29B-41D4-A716-44665544000G"] {
            assert_eq!(JobId::new(other).unwrap().as_str(), other);
        }
    }

    #[test]
    fn mistakes_in_place_of_an_id_are_named() {
        for (given, mistake) in [
            ("https://app.pinecone.io/a", Mistake::Address),
            ("null", Mistake::NoValue("null")),
            ("none", Mistake::NoValue("None")),
            ("undefined", Mistake::NoValue("undefined")),
            ("${JOB}", Mistake::Placeholder(Placeholder::Braced)),
            ("<your-restore-job-id>", Mistake::Placeholder(Placeholder::Angled)),
            ("{{ .Values.job }}", Mistake::Placeholder(Placeholder::Template)),
            ("\"670e8400-e29b-41d4-a716-446655440001\"", Mistake::Quotes('"')),
            ("'rj-1'", Mistake::Quotes('\'')),
            ("`rj-1`", Mistake::Quotes('`')),
            ("“rj-1”", Mistake::Quotes('“')),
            ("\"rj-1\",", Mistake::Quotes('"')),
            ("rj-1,", Mistake::Separator(',')),
            ("rj-1;rj-2", Mistake::Separator(';')),
            ("{\"restore_job_id\": \"rj-1\"}", Mistake::Brackets('{')),
            ("[\"rj-1\"]", Mistake::Brackets('[')),
            ("[object", Mistake::Brackets('[')),
        ] {
            assert_eq!(JobId::given(given), Err(IdError::Mistake(mistake)), "{given}");
        }
        for good in
            ["rj-1", "a/b?c=d%", "日本", "none-such", "nullable", "cGNza19rCg==", "a$b", "it's", "a[1]b"]
        {
            assert!(JobId::given(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn messages_name_what_was_found() {
        let message = |text: &str| JobId::given(text).unwrap_err().to_string();
        assert_eq!(
            message("rj-1\u{200b}"),
            "a restore job id has no invisible characters, this one has U+200B (zero width space)"
        );
        assert!(message("\u{115f}").ends_with("this one has U+115F"));
        assert_eq!(message("\"rj-1\""), "a restore job id is not in quotes, this one has \"");
        assert_eq!(
            message("$JOB"),
            "a restore job id has no placeholder like $NAME: nothing replaces it here"
        );
    }

    #[test]
    fn ids_that_an_earlier_version_committed_are_read() {
        let id = serde_json::from_str::<JobId>("\"rj-1\u{200b}\"").unwrap();
        assert_eq!(id.as_str(), "rj-1\u{fffd}");
        assert_eq!(JobId::committed("\"rj-1\"").unwrap().as_str(), "\"rj-1\"");
        assert_eq!(JobId::committed("a b"), Err(IdError::BadCharacter));
    }
}
