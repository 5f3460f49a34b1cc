//! The JSON Schemas of the model's types that are written as one text.
//!
//! Invariant: a schema accepts every serialized form of its type, and takes its names from where
//! the serialized form takes them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::event_id::EventId;
use super::{EventKind, JobId, ProjectName, SinkName, Status};

/// Stands for [`jiff::Timestamp`] in descriptions.
pub enum DateTime {}

/// Implements [`JsonSchema`] for a type that is written as one text.
macro_rules! text_schema {
    ($name:ident, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            // A field that holds it has a description of its own, which would clash with that of a
            // reference.
            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

text_schema!(DateTime, json_schema!({ "type": "string", "format": "date-time" }));

text_schema!(JobId, json_schema!({ "type": "string", "minLength": 1, "maxLength": JobId::MAX_LEN }));

text_schema!(ProjectName, json_schema!({ "type": "string" }));

text_schema!(SinkName, json_schema!({ "type": "string" }));

text_schema!(EventId, json_schema!({ "type": "string", "format": "uuid" }));

// No list of names: any text that the API sends is passed on.
text_schema!(Status, {
    let known = [Status::Pending, Status::Completed, Status::Failed, Status::Cancelled];
    json_schema!({ "type": "string", "examples": known.each_ref().map(Status::as_str) })
});

text_schema!(EventKind, {
    names(EventKind::ALL_AND_TEST.iter().map(|kind| (kind.as_str(), kind.meaning())))
});

/// The schema of a text that is one of these names, each with its meaning.
pub fn names<'a>(names: impl IntoIterator<Item = (&'a str, &'a str)>) -> Schema {
    let name = |(name, meaning): (&str, &str)| serde_json::json!({ "const": name, "description": meaning });
    let names: Vec<_> = names.into_iter().map(name).collect();
    json_schema!({ "type": "string", "oneOf": names })
}
