//! Tags of a new index, as the command line has them.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::cli::Failure;

/// `KEY=VALUE`.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    key: String,
    value: String,
}

impl FromStr for Tag {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some(("", _)) => Err("the key of a tag is missing; write it like team=search"),
            Some((key, value)) => Ok(Self { key: key.to_owned(), value: value.to_owned() }),
            None => Err("a tag has a key and a value; write it like team=search"),
        }
    }
}

/// All tags; a key can be given once.
pub(super) fn all(tags: &[Tag]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for Tag { key, value } in tags {
        if all.insert(key.clone(), value.clone()).is_some() {
            return Err(Failure::usage(format!("the tag `{}` is given twice", key.escape_debug())));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<(String, String)>, String> {
        let tags = texts.iter().map(|text| text.parse().map_err(str::to_owned));
        let tags: Vec<Tag> = tags.collect::<Result<_, _>>()?;
        all(&tags).map(|tags| tags.into_iter().collect()).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_tag_is_split_at_its_first_equals_sign() {
        let tags = read(&["team=search", "a=b=c", "empty="]).unwrap();

        let pairs: Vec<_> = tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "b=c"), ("empty", ""), ("team", "search")]);
    }

    #[test]
    fn malformed_and_repeated_tags_are_refused() {
        assert!(read(&["team"]).unwrap_err().contains("like team=search"));
        assert!(read(&["=search"]).unwrap_err().contains("the key of a tag is missing"));
        assert!(read(&["a=1", "a=1"]).unwrap_err().contains("the tag `a` is given twice"));
    }
}
