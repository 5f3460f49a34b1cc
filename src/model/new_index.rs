//! A new index, as a restore is asked to make it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The name of an index that does not exist yet.
///
/// Invariant: it is what the API documents: 1 to 45 of `a` to `z`, digits and hyphens, with no
/// hyphen at either end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexName(String);

impl IndexName {
    /// The longest name.
    pub const MAX_LEN: usize = 45;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IndexName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        match text {
            _ if !(1..=Self::MAX_LEN).contains(&text.len()) => {
                Err("the name of an index has 1 to 45 characters")
            }
            _ if !text.chars().all(is_plain) => {
                Err("the name of an index has lower-case letters, digits and hyphens only")
            }
            _ if text.starts_with('-') || text.ends_with('-') => {
                Err("the name of an index starts and ends with a letter or a digit")
            }
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for IndexName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A new index: its name, and what it does not take over from its backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIndex {
    pub name: IndexName,
    /// Tags in place of those of the backup; if there are none, the index has those of the backup.
    pub tags: BTreeMap<String, String>,
    /// Whether it cannot be deleted until that is switched off.
    pub deletion_protection: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_api_documents() {
        for name in ["a", "docs-search-2", &"x".repeat(45)] {
            assert_eq!(name.parse::<IndexName>().unwrap().as_str(), name);
        }
        for name in ["", &"x".repeat(46), "Docs", "docs_search", "../docs", "-docs", "docs-"] {
            assert!(name.parse::<IndexName>().is_err(), "{name}");
        }
    }
}
