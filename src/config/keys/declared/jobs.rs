//! Which jobs are watched: the entries of `jobs`, and `discover`.

use std::time::Duration;

use super::{TEXT, choice, no_default};
use crate::config::keys::{Key, Kind, Table};
use crate::model::{Until, duration};

pub(in crate::config) static JOB: Table = Table {
    title: "A job",
    place: Some("a job"),
    about: "An entry of `jobs` with more than an id.",
    keys: &[
        Key::new("id", TEXT, "The id of the restore job.")
            .required()
            .example("\"94a63aeb-9dd1-4f3c-b0a4-6c8f0a0f2f11\""),
        Key::new("name", Kind::Label { longest: 128 }, "The name that messages show.").example("\"nightly\""),
        Key::new(
            "deadline",
            Kind::Duration { bounds: Duration::from_millis(1)..=duration::MAX, default: None },
            "How long after its start the job is overdue, which is an event.",
        )
        .example("\"2h\""),
        Key::new("until", choice::<Until>(no_default), "`until` of `[watch]`, for this job.")
            .example("\"ready\""),
    ],
};

pub(in crate::config) static DISCOVER: Table = Table {
    title: "`discover` as a table",
    place: Some("`discover`, as in discover = { indexes = [\"prod-*\"] }"),
    about: "Which unfinished restores are watched. In a pattern, `*` matches any characters or none, `?` one character.",
    keys: &[
        Key::new(
            "indexes",
            Kind::IndexPatterns { least: 1 },
            "Only restores into an index whose name matches one of these patterns.",
        )
        .example("[\"prod-*\"]"),
        Key::new(
            "exclude",
            Kind::IndexPatterns { least: 1 },
            "No restore into an index whose name matches one of these patterns.",
        )
        .example("[\"*-scratch\"]"),
        // A million takes about 1.5 GiB of memory.
        Key::new(
            "max_jobs",
            Kind::Integer { bounds: 1..=1_000_000, default: 10_000 },
            "The maximum number of unfinished jobs that are watched because of `discover`.",
        ),
    ],
};
