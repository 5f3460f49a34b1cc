//! The JSON Schema (2020-12) of the configuration file.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::{DISCOVER, HOURS, JOB, Key, Kind, SECRET, SINK, TOP, Table};
use crate::config::choices::SinkType;
use crate::config::{EventFilter, HttpSettings, LogLevel, Rate};
use crate::model::{EventKind, Keyword as _, duration};

/// Durations as `model::duration` reads them.
const DURATION: &str = r"^(0|([0-9][0-9.]*(ms|s|m|h|d|y))+)$";

/// The JSON Schema (2020-12) of the configuration file, read as JSON.
///
/// What depends on several tables or on values of other keys, and bounds of durations, only the reader checks.
pub fn schema() -> Schema {
    let mut schema = json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": concat!(env!("CARGO_PKG_NAME"), " configuration"),
        "description": "The configuration file of `restore-watch run`.",
        "$defs": { "secret": of_secret() },
    });
    if let Value::Object(keys) = of_keys(TOP.keys.iter()) {
        schema.ensure_object().extend(keys);
    }
    schema
}

fn of_table(table: &Table) -> Value {
    let mut schema = of_keys(table.keys.iter());
    schema["title"] = table.title.replace('`', "").into();
    schema["description"] = table.about.into();
    schema
}

/// A table with these keys.
fn of_keys<'a>(keys: impl Iterator<Item = &'a Key> + Clone) -> Value {
    let properties: Map<_, _> = keys.clone().map(|key| (key.name.to_owned(), property(key))).collect();
    let required = keys.clone().filter(|key| key.is_required && key.unless.is_none());
    let required: Vec<_> = required.map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });

    let needed = keys.clone().filter_map(|key| Some((key.name.to_owned(), json!([key.needed?]))));
    let needed: Map<_, _> = needed.collect();
    if !needed.is_empty() {
        schema["dependentRequired"] = needed.into();
    }

    let conditions: Vec<_> = keys.clone().filter_map(condition).chain(keys.filter_map(exclusion)).collect();
    if !conditions.is_empty() {
        schema["allOf"] = conditions.into();
    }
    schema
}

/// What forbids a key beside one that excludes it.
fn exclusion(key: &Key) -> Option<Value> {
    Some(json!({ "not": { "required": [key.name, key.excluded?] } }))
}

/// What demands a key that is required unless another one has a certain value.
fn condition(key: &Key) -> Option<Value> {
    let (other, value) = key.unless?;
    let about = format!("With this value, `{}` is not required.", key.name);
    let is_other = json!({
        "properties": { other: { "const": value, "description": about } },
        "required": [other],
    });
    Some(json!({ "anyOf": [{ "required": [key.name] }, is_other] }))
}

fn property(key: &Key) -> Value {
    let mut schema = of_kind(&key.kind);
    if let Value::Object(fields) = &mut schema {
        fields.insert("description".to_owned(), key.meaning().into());
        if let Some(default) = key.kind.default_json() {
            fields.insert("default".to_owned(), default);
        }
    }
    schema
}

fn of_kind(kind: &Kind) -> Value {
    let secret = json!({ "$ref": "#/$defs/secret" });
    match kind {
        Kind::Boolean | Kind::BooleanOn => json!({ "type": "boolean" }),
        Kind::Integer { bounds, .. } => {
            json!({ "type": "integer", "minimum": bounds.start(), "maximum": bounds.end() })
        }
        Kind::Port => json!({ "type": "integer", "minimum": 1, "maximum": u16::MAX }),
        Kind::Rate { .. } => json!({ "type": "number", "minimum": Rate::MIN, "maximum": Rate::MAX }),
        Kind::Duration { .. } => json!({ "type": "string", "pattern": DURATION }),
        Kind::Durations { most, .. } => array(&json!({ "type": "string", "pattern": DURATION }), Some(*most)),
        Kind::Choice { words, .. } => json!({ "enum": words() }),
        Kind::Label { longest } => json!({ "type": "string", "minLength": 1, "maxLength": longest }),
        Kind::Text { .. } | Kind::Template | Kind::SecretPlace => json!({ "type": "string", "minLength": 1 }),
        Kind::Command { most } => array(&json!({ "type": "string" }), Some(*most)),
        Kind::IndexPatterns { least } => {
            let mut schema = array(&json!({ "type": "string", "minLength": 1 }), None);
            schema["minItems"] = (*least).into();
            schema
        }
        Kind::NamePatterns { .. } | Kind::Hosts | Kind::Days => {
            array(&json!({ "type": "string", "minLength": 1 }), None)
        }
        Kind::Events => array(&json!({ "enum": EventFilter::patterns() }), None),
        Kind::Levels => {
            let types: Vec<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let levels: Vec<_> = LogLevel::ALL.iter().map(|level| level.as_str()).collect();
            json!({
                "type": "object",
                "propertyNames": { "enum": types },
                "additionalProperties": { "enum": levels },
            })
        }
        Kind::Jobs => json!({
            "type": "array",
            "items": { "oneOf": [{ "type": "string", "minLength": 1 }, of_table(&JOB)] },
        }),
        Kind::Discover => json!({ "oneOf": [{ "type": "boolean" }, of_table(&DISCOVER)] }),
        Kind::Hours => {
            let window = of_table(&HOURS);
            json!({ "oneOf": [window, array(&window, None)] })
        }
        Kind::Secret => secret,
        Kind::Secrets { most } => json!({ "oneOf": [secret, array(&secret, Some(*most))] }),
        Kind::Headers { most } => json!({
            "type": "object",
            "maxProperties": most,
            "additionalProperties": { "oneOf": [{ "type": "string", "minLength": 1 }, secret] },
        }),
        Kind::OrTable(table) => {
            let table = if std::ptr::eq(*table, &raw const SECRET) { secret } else { of_table(table) };
            json!({ "oneOf": [{ "type": "string", "minLength": 1 }, table] })
        }
        Kind::SecretsByName { most } => json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": most,
            "additionalProperties": secret,
        }),
        Kind::Tree => json!({ "type": ["object", "array"] }),
        Kind::Addresses { most } => {
            let address = json!({ "type": "string", "minLength": 1 });
            json!({ "oneOf": [address, array(&address, Some(*most))] })
        }
        Kind::Listen => {
            let address = json!({ "type": "string", "minLength": 1 });
            json!({ "oneOf": [address, array(&address, Some(HttpSettings::MOST))] })
        }
        Kind::Url => json!({ "oneOf": [{ "type": "string", "minLength": 1 }, secret] }),
        Kind::Table(table) | Kind::InLine(table) => of_table(table),
        Kind::Tables(table) => json!({ "type": "array", "items": of_table(table) }),
        Kind::Sinks => {
            array(&json!({ "oneOf": SinkType::ALL.iter().copied().map(of_sink).collect::<Vec<_>>() }), None)
        }
    }
}

/// An array with at least one entry.
fn array(items: &Value, most: Option<usize>) -> Value {
    let mut schema = json!({ "type": "array", "items": items, "minItems": 1 });
    if let Some(most) = most {
        schema["maxItems"] = most.into();
    }
    schema
}

/// A sink of this type: its keys are those of every sink and those of the type.
fn of_sink(kind: SinkType) -> Value {
    let further = kind.table();
    let mut schema = of_keys(SINK.keys.iter().chain(further.keys));
    schema["title"] = further.title.replace('`', "").into();
    schema["description"] = further.about.into();
    let about = SINK.key("type").about;
    schema["properties"]["type"] = json!({ "const": kind.as_str(), "description": about });
    schema
}

/// A table with exactly one of the places of a secret.
fn of_secret() -> Value {
    let mut schema = of_table(&SECRET);
    schema["minProperties"] = 1.into();
    schema["maxProperties"] = 1.into();
    schema
}

impl Key {
    /// What it means, with its bounds if it has any.
    pub(super) fn meaning(&self) -> String {
        match self.kind.bounds() {
            Some(bounds) => format!("{} ({bounds}).", self.about.trim_end_matches('.')),
            None => self.about.to_owned(),
        }
    }
}

impl Kind {
    /// The bounds of a value in words.
    fn bounds(&self) -> Option<String> {
        let between = |bounds: &RangeInclusive<Duration>| {
            let [least, most] = [bounds.start(), bounds.end()].map(|bound| duration::written(*bound));
            format!("between {least} and {most}")
        };
        match self {
            Self::Integer { bounds, .. } => Some(format!("between {} and {}", bounds.start(), bounds.end())),
            Self::Rate { .. } => Some(format!("between {} and {}", Rate::MIN, Rate::MAX)),
            Self::Duration { bounds, .. } => Some(between(bounds)),
            Self::Durations { bounds, most, .. } => {
                Some(format!("up to {most} entries, each {}", between(bounds)))
            }
            Self::Addresses { most } => Some(format!("up to {most}")),
            Self::Label { longest } => Some(format!("up to {longest} characters")),
            Self::Headers { most } => Some(format!("up to {most} entries")),
            _ => None,
        }
    }

    /// The default, as the file has it when it is read as JSON.
    pub(super) fn default_json(&self) -> Option<Value> {
        match self {
            Self::Boolean => Some(false.into()),
            Self::BooleanOn => Some(true.into()),
            Self::Integer { default, .. } => Some((*default).into()),
            Self::Rate { default } => Some((*default).into()),
            Self::Duration { default, .. } => default.map(|default| duration::written(default).into()),
            Self::Durations { default, .. } => Some(default.iter().copied().map(duration::written).collect()),
            Self::Choice { default, .. } => default().map(Value::from),
            Self::Text { default } => default.map(Value::from),
            _ => None,
        }
    }
}
