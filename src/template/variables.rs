//! What templates know: the published event, and words about it.

use std::collections::BTreeMap;

use minijinja::Value;
use minijinja::value::{DynObject, Serde};
use serde::Serialize;

use super::environment::ENVIRONMENT;
use crate::model::{Event, EventKind};

/// The variables of one rendering.
#[derive(Debug, Clone)]
pub struct Variables(pub(super) Value);

/// The published event is the documentation of its part: `restore-watch schema transition`.
#[derive(Serialize)]
struct Known<'a> {
    #[serde(flatten)]
    event: &'a Event,
    summary: String,
    heading: &'static str,
    severity: &'static str,
    advice: Option<&'static str>,
    env: &'a BTreeMap<String, String>,
}

impl Variables {
    /// The name of the table of environment variables.
    pub const ENVIRONMENT: &str = "env";

    /// The name of the table of secrets, which is never a variable: see [`super::Node::Secret`].
    pub const SECRETS: &str = "secret";

    /// Those of an event; `env` are the environment variables that the template names.
    pub fn of(event: &Event, env: &BTreeMap<String, String>) -> Self {
        Self(Value::from(Serde(Known {
            event,
            summary: event.presentable_summary(),
            heading: event.kind.heading(),
            severity: event.kind.severity().word(),
            advice: event.kind.advice(),
            env,
        })))
    }

    /// The names of all variables, those within a table after a dot, and of what else an
    /// expression can call.
    pub fn names() -> Vec<String> {
        let env = BTreeMap::new();
        let sample = Event::samples(EventKind::Completed).into_iter().next();
        let known = sample.map(|event| Self::of(&event, &env).0);
        let mut names = Vec::new();
        for (name, value) in known.iter().flat_map(entries) {
            names.extend(entries(&value).map(|(inner, _)| format!("{name}.{inner}")));
            names.push(name);
        }
        names.extend(ENVIRONMENT.globals().map(|(name, _)| name.to_owned()));
        names
    }
}

/// The entries of a table; nothing of another value.
fn entries(value: &Value) -> impl Iterator<Item = (String, Value)> {
    let keys = value.as_object().and_then(DynObject::try_iter_pairs);
    keys.into_iter().flatten().map(|(key, value)| (key.to_string(), value)).collect::<Vec<_>>().into_iter()
}
