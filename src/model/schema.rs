//! How the words of the program describe themselves as JSON Schema.
//!
//! Invariant: a word's schema takes whatever its serialized form can be, and its names come from where that form takes
//! them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{EventId, EventKind, JobId, ProjectName, Status};

/// Stands for [`jiff::Timestamp`] in descriptions.
pub enum DateTime {}

macro_rules! word {
    ($name:ident, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            // Where it stands, a description says what it is there; a reference would have two.
            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

word!(DateTime, json_schema!({ "type": "string", "format": "date-time" }));

word!(JobId, json_schema!({ "type": "string", "minLength": 1, "maxLength": JobId::MAX_LEN }));

word!(ProjectName, json_schema!({ "type": "string" }));

word!(EventId, json_schema!({ "type": "string", "format": "uuid" }));

// Any text the API sends is passed on.
word!(Status, {
    let known = [Status::Pending, Status::Completed, Status::Failed, Status::Cancelled];
    json_schema!({ "type": "string", "examples": known.each_ref().map(Status::as_str) })
});

word!(EventKind, {
    let kinds = EventKind::ALL.iter().copied().chain([EventKind::Test]);
    names(kinds.map(|kind| (kind.as_str(), kind.meaning())))
});

/// One of these names, each with what it means.
pub fn names<'a>(names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Schema {
    let name =
        |(name, meaning): (&str, &str)| serde_json::json!({ "const": name, "description": meaning.trim() });
    let names: Vec<_> = names.into_iter().map(name).collect();
    json_schema!({ "type": "string", "oneOf": names })
}
