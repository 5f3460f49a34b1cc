//! The message and the fields of a log event.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};

use crate::model::time::Now;

/// What one log event has to say.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) message: String,
    /// An event of a job in its published shape.
    pub(super) transition: Option<String>,
    pub(super) others: Map<String, Value>,
}

impl Fields {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    /// The line for people, without time and level.
    pub(super) fn human(&self, metadata: &Metadata<'_>) -> Cow<'_, str> {
        let mut message = Cow::Borrowed(&*self.message);
        // Messages of this program are whole sentences; their fields repeat them for machines.
        if !is_own(metadata) {
            for (name, value) in &self.others {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // Writing to a text does not fail.
                _ = write!(message.to_mut(), " {name}={value}");
            }
        }
        message
    }

    /// The line for machines.
    pub(super) fn json(&self, metadata: &Metadata<'_>, now: Now) -> Value {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), json!(now.wall.to_string()));
        line.insert("level".to_owned(), json!(metadata.level().as_str()));
        line.insert("target".to_owned(), json!(metadata.target()));
        line.insert("message".to_owned(), json!(self.message));
        if let Some(transition) = &self.transition {
            let value = serde_json::from_str(transition).unwrap_or_else(|_| json!(transition));
            line.insert("transition".to_owned(), value);
        }
        line.extend(self.others.clone());
        Value::Object(line)
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing to a text does not fail.
            "message" => drop(write!(self.message, "{value:?}")),
            "transition" => self.transition = Some(format!("{value:?}")),
            _ => self.put(field, json!(format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }
}

/// Whether an event is of this program, and not of a crate below.
pub(super) fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
}
