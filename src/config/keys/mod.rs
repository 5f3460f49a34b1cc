//! The keys of the configuration file: what each is called, takes and means.
//!
//! Invariant: each key is declared once, in `declared`. The reader's bounds and defaults, hints,
//! masks, the JSON Schema, the sample and the reference page follow from it; a test fails if one of
//! them has another key or lacks one.

mod declared;
#[cfg(test)]
mod page;
mod sample;
mod schema;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) use self::declared::*;
pub use self::sample::{first_file, first_file_of_service, sample};
pub use self::schema::schema;
use super::sinks::{HOURS, SINK};
use crate::model::duration;

/// The keys of one table of the file.
#[derive(Debug)]
pub(super) struct Table {
    /// How documentation names it.
    pub(super) title: &'static str,
    /// What follows "belongs to" in the hint about a key of this table in another one.
    pub(super) place: Option<&'static str>,
    /// What it is for, for documentation.
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

/// One key of a table.
#[derive(Debug)]
pub(super) struct Key {
    name: &'static str,
    kind: Kind,
    is_required: bool,
    /// It excludes another key, or needs one, or another value than the default of one: the sample
    /// only mentions it.
    is_exclusive: bool,
    /// A key of the same table that cannot stand beside it.
    excluded: Option<&'static str>,
    /// A key of the same table without which it cannot stand.
    needed: Option<&'static str>,
    /// The key and the value of it with which this one is not required.
    unless: Option<(&'static str, &'static str)>,
    /// What it means, for documentation.
    about: &'static str,
    /// A value as the file has it, for documentation; required unless there is a default.
    example: &'static str,
}

/// What a key takes, and what it has if the file does not say.
#[derive(Debug)]
pub(super) enum Kind {
    /// `true` or `false`, which is the default.
    Boolean,
    /// `false`, or `true`, which is the default.
    BooleanOn,
    Integer {
        bounds: RangeInclusive<u32>,
        default: u32,
    },
    /// The number of a TCP port, whose default depends on other keys.
    Port,
    /// Requests per second, within the bounds of [`super::Rate`].
    Rate {
        default: f64,
    },
    Duration {
        bounds: RangeInclusive<Duration>,
        default: Option<Duration>,
    },
    /// An array of durations, each within the bounds.
    Durations {
        bounds: RangeInclusive<Duration>,
        most: usize,
        default: &'static [Duration],
    },
    /// One of the words of a [`crate::model::Keyword`].
    Choice {
        words: fn() -> Vec<&'static str>,
        default: fn() -> Option<&'static str>,
    },
    /// A name for people.
    Label {
        longest: usize,
    },
    /// A text that has a form of its own.
    Text {
        default: Option<&'static str>,
    },
    /// An array of a program and its arguments.
    Command {
        most: usize,
    },
    /// An array of patterns for the names of indexes, with at least so many.
    IndexPatterns {
        least: usize,
    },
    /// An array of patterns for names that people chose.
    NamePatterns {
        longest: usize,
    },
    /// An array of event types and patterns of them.
    Events,
    /// A table of log levels by event type.
    Levels,
    /// An array of ids of restore jobs, or tables with the keys of [`JOB`].
    Jobs,
    /// A boolean, or a table with the keys of [`DISCOVER`].
    Discover,
    /// A table with one of the keys of [`SECRET`], which says where a secret is.
    Secret,
    /// One or several of these.
    Secrets {
        most: usize,
    },
    /// A table of these under free names.
    SecretsByName {
        most: usize,
    },
    /// A template.
    Template,
    /// A table or an array with anything in it, whose texts are templates.
    Tree,
    /// Where a secret is: a name or a path, in place of which the secret itself is sometimes
    /// written.
    SecretPlace,
    /// A table of texts and tables with the keys of [`SECRET`], by the names of headers.
    Headers {
        most: usize,
    },
    /// An address to listen at, or an array of them.
    Listen,
    /// An array of names of hosts.
    Hosts,
    /// A mail address, or an array of them.
    Addresses {
        most: usize,
    },
    /// An array of days of the week, or ranges of them.
    Days,
    /// A table with the keys of [`HOURS`], or an array of them.
    Hours,
    /// An address, which may itself be a secret, or where it is.
    Url,
    /// A text, or a table with these keys. The text may be a secret by mistake.
    OrTable(&'static Table),
    /// A table that stands in one line.
    InLine(&'static Table),
    Table(&'static Table),
    Tables(&'static Table),
    /// Tables with the keys of [`SINK`] and those of its type.
    Sinks,
}

/// What messages may show of the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of it, whatever the keys below.
    Everything,
    /// Templates, numbers and booleans, and all keys below it.
    Templates,
    /// Texts, numbers and booleans, and below it what the keys there allow.
    Texts,
    /// Numbers and booleans, and below it what the keys there allow.
    Numbers,
    /// Nothing: it is a secret, or says where one is.
    Nothing,
}

/// What messages may show of the value of a key, in whatever table it stands: nothing of a secret
/// that was written into the wrong one, and no text at a key that is not declared.
pub(super) fn shown(name: &str) -> Shown {
    find(name).map(|(_, key)| key.kind.shown()).next().unwrap_or(Shown::Numbers)
}

/// Whether messages may show numbers at a key of this name: it is declared, and nowhere as a secret.
pub(super) fn may_show_numbers(name: &str) -> bool {
    find(name).next().is_some() && find(name).all(|(_, key)| key.kind.shown() != Shown::Nothing)
}

/// Whether `word` is a duration, a boolean or a word of a choice that a key of this name takes.
pub(super) fn may_show_word(name: &str, word: &str) -> bool {
    find(name).any(|(_, key)| key.kind.has_word(word))
}

/// Whether a key of this name takes ids of jobs.
pub(super) fn takes_jobs(name: &str) -> bool {
    find(name).any(|(_, key)| matches!(key.kind, Kind::Jobs))
}

/// Where a key belongs that was found in another table, for the hint about it.
pub(super) fn home(name: &str) -> Option<String> {
    let places: Vec<_> = find(name).filter_map(|(table, _)| table.place).collect();
    (!places.is_empty()).then(|| places.join(", or to "))
}

/// The declarations of this name.
fn find(name: &str) -> impl Iterator<Item = (&'static Table, &'static Key)> {
    let declarations = tables().flat_map(|table| table.keys.iter().map(move |key| (table, key)));
    declarations.filter(move |(_, key)| key.name == name)
}

impl Table {
    /// The key of this name, which must be declared here: where this is evaluated by the compiler,
    /// a typo is an error.
    pub(super) const fn key(&self, name: &str) -> &Key {
        let mut at = 0;
        while at < self.keys.len() {
            if is_same(self.keys[at].name, name) {
                return &self.keys[at];
            }
            at += 1;
        }
        panic!("the key is not declared in this table")
    }

    pub(super) fn find(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }
}

/// `==`, for the compiler.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

impl Key {
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            is_required: false,
            is_exclusive: false,
            excluded: None,
            needed: None,
            unless: None,
            about,
            example: "",
        }
    }

    pub(super) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The same key in another table, where this is all to say of it.
    pub(super) const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    pub(super) const fn exclusive(mut self) -> Self {
        self.is_exclusive = true;
        self
    }

    /// It cannot stand beside this key of the same table.
    pub(super) const fn excludes(mut self, name: &'static str) -> Self {
        self.excluded = Some(name);
        self.exclusive()
    }

    /// It cannot stand without this key of the same table, which is exclusive.
    pub(super) const fn needs(mut self, name: &'static str) -> Self {
        self.needed = Some(name);
        self.exclusive()
    }

    /// Required, unless the key `name` of the same table is `value`.
    pub(super) const fn required_unless(mut self, name: &'static str, value: &'static str) -> Self {
        self.unless = Some((name, value));
        self.required()
    }

    pub(super) const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    /// The default of a duration that has one.
    pub(super) const fn duration(&self) -> Duration {
        match self.kind {
            Kind::Duration { default: Some(default), .. } => default,
            _ => panic!("the key is not declared as a duration with a default"),
        }
    }

    pub(super) const fn duration_bounds(&self) -> &RangeInclusive<Duration> {
        match &self.kind {
            Kind::Duration { bounds, .. } | Kind::Durations { bounds, .. } => bounds,
            _ => panic!("the key is not declared as a duration"),
        }
    }

    /// The default of an array of durations.
    pub(super) const fn durations(&self) -> &'static [Duration] {
        match self.kind {
            Kind::Durations { default, .. } => default,
            _ => panic!("the key is not declared as an array of durations"),
        }
    }

    /// The default of a whole number.
    pub(super) const fn integer(&self) -> u32 {
        match self.kind {
            Kind::Integer { default, .. } => default,
            _ => panic!("the key is not declared as a whole number"),
        }
    }

    pub(super) const fn integer_bounds(&self) -> &RangeInclusive<u32> {
        match &self.kind {
            Kind::Integer { bounds, .. } => bounds,
            _ => panic!("the key is not declared as a whole number"),
        }
    }

    /// The default of a rate.
    pub(super) const fn rate(&self) -> f64 {
        match self.kind {
            Kind::Rate { default } => default,
            _ => panic!("the key is not declared as a rate"),
        }
    }

    /// The default of a text that has one.
    pub(super) const fn text(&self) -> &'static str {
        match self.kind {
            Kind::Text { default: Some(default) } => default,
            _ => panic!("the key is not declared as a text with a default"),
        }
    }

    /// The most characters of a name, or entries of an array.
    pub(super) const fn most(&self) -> usize {
        match self.kind {
            Kind::Label { longest } | Kind::NamePatterns { longest } => longest,
            Kind::Durations { most, .. }
            | Kind::Secrets { most }
            | Kind::Command { most }
            | Kind::Addresses { most } => most,
            _ => panic!("the key is not declared with a limit"),
        }
    }

    /// The keys of the table or tables at this key.
    pub(super) fn table(&self) -> &'static Table {
        match self.kind {
            Kind::Table(table) | Kind::Tables(table) | Kind::InLine(table) | Kind::OrTable(table) => table,
            Kind::Jobs => &JOB,
            Kind::Discover => &DISCOVER,
            Kind::Hours => &HOURS,
            Kind::Secret | Kind::Secrets { .. } | Kind::Url => &SECRET,
            Kind::Sinks => &SINK,
            _ => panic!("`{}` is not declared as a table", self.name),
        }
    }
}

impl Kind {
    /// Whether this is a value of a kind that has few, so that it cannot be a secret.
    fn has_word(&self, word: &str) -> bool {
        match self {
            Self::Duration { .. } => duration::parse_up_to(word, duration::LONGEST).is_ok(),
            Self::Boolean | Self::BooleanOn | Self::Discover => matches!(word, "true" | "false"),
            Self::Choice { words, .. } => words().contains(&word),
            _ => false,
        }
    }

    fn shown(&self) -> Shown {
        match self {
            Self::Levels => Shown::Everything,
            Self::Duration { .. }
            | Self::Durations { .. }
            | Self::Choice { .. }
            | Self::Label { .. }
            | Self::Text { .. }
            | Self::IndexPatterns { .. }
            | Self::NamePatterns { .. }
            | Self::Events
            | Self::Listen
            | Self::Hosts
            | Self::Addresses { .. }
            | Self::Days
            | Self::Jobs => Shown::Texts,
            Self::Boolean
            | Self::BooleanOn
            | Self::Integer { .. }
            | Self::Port
            | Self::Rate { .. }
            // An argument may be a secret, though it should not be one.
            | Self::Command { .. }
            | Self::Discover
            | Self::InLine(_)
            | Self::Hours
            | Self::Table(_)
            | Self::Tables(_)
            | Self::Sinks => Shown::Numbers,
            Self::Template | Self::Tree => Shown::Templates,
            Self::Secret
            | Self::Secrets { .. }
            | Self::SecretsByName { .. }
            | Self::SecretPlace
            | Self::Headers { .. }
            | Self::OrTable(_)
            | Self::Url => Shown::Nothing,
        }
    }
}
