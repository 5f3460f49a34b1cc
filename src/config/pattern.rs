//! Names with `*` and `?` for what may be anything.

use std::fmt;

use wildmatch::WildMatch;

/// A pattern for the name of an index: `*` stands for any characters or none, `?` for one, all else
/// for itself. Upper and lower case differ.
// It is compiled once: a status or a history compares it with thousands of names.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexPattern(WildMatch);

impl Eq for IndexPattern {}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty.
    #[error("is empty")]
    Empty,
    /// It is longer than any that can match.
    #[error("has more than {} characters", IndexPattern::LONGEST)]
    Long,
    /// No name of an index has this in it.
    #[error("has {0:?} in it, which no name of an index has")]
    Character(char),
}

impl IndexPattern {
    /// The most characters: names of indexes have up to 45 (`CreateIndexRequest` of the API
    /// description).
    pub const LONGEST: usize = 64;

    /// Reads a pattern: letters, digits, `-`, `_`, `.`, `*` and `?`.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let is_fine = |letter: &char| letter.is_ascii_alphanumeric() || "-_.*?".contains(*letter);
        match text.chars().find(|letter| !is_fine(letter)) {
            _ if text.is_empty() => Err(PatternError::Empty),
            Some(letter) => Err(PatternError::Character(letter)),
            None if text.len() > Self::LONGEST => Err(PatternError::Long),
            None => Ok(Self(WildMatch::new(text))),
        }
    }

    /// Whether a name matches, as a whole.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl fmt::Display for IndexPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pattern for a name that people chose, of a project or a job: like [`IndexPattern`], of any
/// characters.
#[derive(Debug, Clone, PartialEq)]
pub struct NamePattern(WildMatch);

impl Eq for NamePattern {}

impl NamePattern {
    /// The pattern that is written like this. Each text is one: whether a name can be like it is
    /// for the caller to check.
    pub fn new(text: &str) -> Self {
        Self(WildMatch::new(text))
    }

    /// Whether a name matches, as a whole.
    pub fn matches(&self, name: &str) -> bool {
        self.0.matches(name)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_matches_the_whole_name() {
        for (pattern, matching, other) in [
            ("prod-*", &["prod-a", "prod-"][..], &["prod", "a-prod-b", "Prod-a"][..]),
            ("*", &["a"], &[]),
            ("docs", &["docs"], &["docs2", "doc", ""]),
            ("doc?-v?", &["docs-v1"], &["docs-v12", "doc-v1"]),
            ("*-v*-*", &["a-v1-b", "a-v-v-"], &["a-v1", "v-a"]),
            ("a*b*b", &["abb", "axbxbb"], &["ab", "abbc"]),
        ] {
            let pattern = IndexPattern::parse(pattern).unwrap();
            for name in matching {
                assert!(pattern.matches(name), "{pattern} {name}");
            }
            for name in other {
                assert!(!pattern.matches(name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn pattern_of_names_has_any_characters() {
        let pattern = NamePattern::new("Team *: prod/e?");

        assert!(pattern.matches("Team Ä: prod/eu"));
        assert!(!pattern.matches("team Ä: prod/eu") && !pattern.matches("Team Ä: prod/eu2"));
        assert_eq!(pattern.to_string(), "Team *: prod/e?");
    }

    #[test]
    fn bad_pattern_is_refused() {
        assert_eq!(IndexPattern::parse(""), Err(PatternError::Empty));
        assert_eq!(IndexPattern::parse("prod/[ab]"), Err(PatternError::Character('/')));
        assert_eq!(IndexPattern::parse(&"a".repeat(65)), Err(PatternError::Long));
    }
}
