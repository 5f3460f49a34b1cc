//! `[[project]]`.

use super::{API, CADENCE, LONGEST_NAME, WATCH};
use crate::config::keys::{Key, Kind, Table};

pub(in crate::config) static PROJECT: Table = Table {
    title: "`[[project]]`",
    place: Some("a [[project]]"),
    about: "A project with an API key of its own. The file says where the key is read from, never the key itself.",
    keys: &[
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "The name of the project, unique in the file.",
        )
        .required()
        .example("\"production\""),
        Key::new(
            "api_key",
            Kind::Secret,
            "Where the API key is read from. Default: `{ env = \"PINECONE_API_KEY\" }`.",
        )
        .example("{ credential = \"pinecone-api-key\" }"),
        Key::new("jobs", Kind::Jobs, "As at the top level, for this project.").example(
            "[{ id = \"94a63aeb-9dd1-4f3c-b0a4-6c8f0a0f2f11\", name = \"nightly\", deadline = \"2h\" }]",
        ),
        Key::new("discover", Kind::Discover, "As at the top level, for this project.")
            .example("{ indexes = [\"prod-*\"], exclude = [\"*-scratch\"], max_jobs = 500 }"),
        Key::new("api", Kind::Table(&API), "Settings that differ from `[api]` for this project."),
        Key::new("cadence", Kind::Table(&CADENCE), "Settings that differ from `[cadence]` for this project."),
        Key::new("watch", Kind::Table(&WATCH), "Settings that differ from `[watch]` for this project."),
    ],
};
