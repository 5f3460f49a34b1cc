//! How a person names a thing that has an id: by the id, by its name, or by how the id begins.
//!
//! Invariant: an id is preferred to a name, and a name to the beginning of an id, so that nothing
//! stands in the way of what is named in full. A whole id stands for no longer one, also if nothing
//! has it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{JobId, is_uuid};

/// The fewest characters of an id that stand for it: as in `git` and `docker`.
pub const SHORTEST_PREFIX: usize = 4;

/// What a person typed to name a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference(String);

/// How a reference names a thing. The better match is the greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// Its id begins so.
    Prefix,
    Name,
    Id,
}

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution<T> {
    /// All that have this id, else all that have this name, else the one whose id begins so. Empty
    /// if there is none.
    Found(Vec<T>),
    /// Several ids begin so.
    Ambiguous(Vec<T>),
}

impl Reference {
    /// Blanks around it are left out, and a UUID is read in upper and lower case.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        Self(JobId::new(text).map_or_else(|_| text.to_owned(), |id| id.to_string()))
    }

    /// What was typed, with the id in its canonical form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How ids begin that it may stand for; none if it is too short or a whole id itself. Upper and
    /// lower case are the same in a UUID, and only there.
    pub fn prefixes(&self) -> impl Iterator<Item = String> {
        let is_whole = JobId::new(self.0.as_str()).is_ok_and(|id| id.has_known_form());
        let is_prefix = self.0.chars().count() >= SHORTEST_PREFIX && !is_whole;
        let may_begin_a_uuid = self.0.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let of_uuid = may_begin_a_uuid.then(|| self.0.to_ascii_lowercase()).filter(|text| *text != self.0);
        [Some(self.0.clone()), of_uuid].into_iter().flatten().filter(move |_| is_prefix)
    }

    /// How it names a thing with this id and name, if it does.
    pub fn matches(&self, id: &str, name: Option<&str>) -> Option<Match> {
        let begins = || self.prefixes().any(|prefix| id.starts_with(&prefix));
        match () {
            () if id == self.0 => Some(Match::Id),
            () if name.is_some_and(|name| name == self.0) => Some(Match::Name),
            () if begins() => Some(Match::Prefix),
            () => None,
        }
    }

    /// Whether it names a thing with this id and name clearly enough for a change that cannot be
    /// undone: in full, or by the beginning of a UUID. The beginning of another id may be a whole id
    /// of something that is gone.
    pub fn is_clear(&self, id: &str, name: Option<&str>) -> bool {
        match self.matches(id, name) {
            Some(Match::Id | Match::Name) => true,
            Some(Match::Prefix) => is_uuid(id),
            None => false,
        }
    }

    /// What it names of these things, each with its id and name.
    pub fn resolve<T>(
        &self,
        things: impl IntoIterator<Item = T>,
        names: impl Fn(&T) -> (&str, Option<&str>),
    ) -> Resolution<T> {
        let mut best = None;
        let mut found = Vec::new();
        for thing in things {
            let (id, name) = names(&thing);
            let how = self.matches(id, name);
            if how.is_none() || how < best {
                continue;
            }
            if how > best {
                best = how;
                found.clear();
            }
            found.push(thing);
        }

        let has_one_id = found.windows(2).all(|pair| names(&pair[0]).0 == names(&pair[1]).0);
        match best {
            Some(Match::Prefix) if !has_one_id => Resolution::Ambiguous(found),
            _ => Resolution::Found(found),
        }
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::new(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THINGS: [(&str, Option<&str>); 5] = [
        ("670e8400-e29b-41d4-a716-446655440001", Some("nightly")),
        ("670e9999-e29b-41d4-a716-446655440002", Some("nightly")),
        ("rj-1", None),
        ("rj-10", Some("rj-1")),
        ("rj-10", Some("of another project")),
    ];

    fn resolved(text: &str) -> Resolution<usize> {
        Reference::new(text).resolve(0..THINGS.len(), |at| THINGS[*at])
    }

    #[test]
    fn the_best_match_counts() {
        for (text, found) in [
            ("rj-1", &[2][..]),
            ("rj-10", &[3, 4]),
            ("nightly", &[0, 1]),
            ("670e84", &[0]),
            ("670E84", &[0]),
            (" 670E8400-E29B-41D4-A716-446655440001 ", &[0]),
            ("other", &[]),
            ("RJ-1", &[]),
            ("", &[]),
        ] {
            assert_eq!(resolved(text), Resolution::Found(found.to_vec()), "{text:?}");
        }
    }

    #[test]
    fn a_prefix_of_several_ids_is_ambiguous() {
        assert_eq!(resolved("670e"), Resolution::Ambiguous(vec![0, 1]));
    }

    #[test]
    fn a_whole_id_stands_for_no_longer_one() {
        for text in ["rj-1", "rj-10", "670E8400-e29b-41d4-a716-446655440001"] {
            assert_eq!(Reference::new(text).prefixes().next(), None, "{text}");
            assert_eq!(Reference::new(text).matches(&format!("{text}0"), None), None, "{text}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_uuid_is_clear() {
        let is_clear = |text: &str, id: &str| Reference::new(text).is_clear(id, Some("nightly"));

        for (text, id) in [("670E", THINGS[0].0), ("job-1", "job-1"), ("nightly", "job-1")] {
            assert!(is_clear(text, id), "{text}");
        }
        assert_eq!(Reference::new("job-1").matches("job-10", None), Some(Match::Prefix));
        for text in ["job-1", "other"] {
            assert!(!is_clear(text, "job-10"), "{text}");
        }
    }

    #[test]
    fn a_short_text_is_no_prefix() {
        assert_eq!(resolved("670"), Resolution::Found(Vec::new()));
        assert_eq!(Reference::new("rj-").prefixes().next(), None);
    }
}
