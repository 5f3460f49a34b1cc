//! `type = "log"`: events as lines of the log.

use toml::de::DeValue;

use super::events;
use super::{EventFilter, Meaning, TargetSettings};
use crate::config::keys::{Key, Kind, Table, choice, default};
use crate::config::quote::quoted;
use crate::config::reader::{Finding, Section, Value};
use crate::config::{LogFormat, LogLevel};
use crate::model::EventKind;

pub(in crate::config) static KEYS: Table = Table {
    title: "`[[sink]]` with `type = \"log\"`",
    place: Some("a log"),
    about: "The log of the process, on standard error. It gets all events if no such sink is written.",
    keys: &[
        Key::new(
            "format",
            choice::<LogFormat>(default::<LogFormat>),
            "The format of a line: `\"json\"` writes an object per line.",
        ),
        Key::new("levels", Kind::Levels, "Levels that differ from the built-in ones, by event type.")
            .example("{ \"restore_job.failed\" = \"error\" }"),
    ],
};

#[derive(Debug, Clone, Default)]
pub struct LogSettings {
    /// How lines look.
    pub format: LogFormat,
    /// Levels that differ from the built-in ones, by event type.
    pub levels: Vec<(EventKind, LogLevel)>,
}

impl LogSettings {
    pub(super) fn read(mut section: Section<'_>) -> Self {
        let format = section.choice("format").unwrap_or_default();
        let levels = section.take("levels").map(|value| levels(&value)).unwrap_or_default();
        section.finish();
        Self { format, levels }
    }
}

impl TargetSettings for LogSettings {
    fn usual_events(&self) -> EventFilter {
        EventFilter::all()
    }

    fn meaning(&self) -> Meaning {
        Meaning::new(match self.format {
            LogFormat::Human => "log on standard error, for people",
            LogFormat::Json => "log on standard error, as JSON",
        })
    }
}

fn levels(value: &Value<'_>) -> Vec<(EventKind, LogLevel)> {
    const HELP: &str = "write levels = { \"restore_job.failed\" = \"error\" }";
    let mut levels = Vec::new();
    for (name, span, value) in value.entries(HELP).unwrap_or_default() {
        let kind = EventKind::parse(name);
        match value.inner {
            // What `restore_job.failed = "error"` without quotes makes.
            DeValue::Table(_) if kind.is_none() && EventKind::nouns().contains(&name) => {
                let finding = Finding::new(&span, format!("{} is no event by itself", quoted(name)));
                value
                    .report
                    .push(finding.help("put the event in quotes: \"restore_job.failed\" = \"error\""));
            }
            _ => {
                let level = value.choice();
                if kind.is_none() {
                    events::unknown(name, &span, value.report, &EventFilter::types());
                }
                levels.extend(kind.zip(level));
            }
        }
    }
    levels
}
