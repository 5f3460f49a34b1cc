//! `[[sink]]`: where transitions go.
//!
//! Invariant: the type is read first, and with it which keys there are; a sink of an unknown type is one problem.

use std::collections::HashMap;
use std::path::Path;

use toml::de::DeValue;

use super::project::LONGEST_NAME;
use super::report::{Finding, Report, Span};
use super::section::Section;
use super::value::Value;
use super::webhook;
use crate::config::redaction::{nearest, quoted};
use crate::config::{DesktopSettings, EventFilter, LogLevel, LogSettings, SinkSettings, WebhookSettings};
use crate::model::{Keyword as _, TransitionKind, keywords};

/// The keys of all types together.
const KEYS: &[&str] = &[
    "name",
    "events",
    "format",
    "levels",
    "url",
    "allow_http",
    "block_private",
    "signing_secret",
    "retry_schedule",
];

/// Patterns that stand for all kinds of a noun, or for all.
const PATTERNS: &[&str] = &["*", "restore_job.*", "index.*", "project.*"];

const EVENTS: &str = "write events = [\"restore_job.*\"]";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Log,
    Desktop,
    Webhook,
}

keywords!(Type { Log = "log", Desktop = "desktop", Webhook = "webhook" });

/// A sink as far as it can be told from others: where it is, and what it calls itself.
struct Card<'a> {
    kind: Type,
    span: Span,
    name: Option<(&'a str, Span)>,
    /// It has a name that was refused.
    refused: bool,
}

/// Reads `sink` of the top level; one log sink if it is absent. Relative paths start at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path) -> Vec<SinkSettings> {
    let report = top.report;
    let mut cards = Vec::new();
    let mut sinks = Vec::new();
    let before = report.len();
    let written = top.span_of("sink");
    for section in top.sections("sink") {
        sinks.extend(sink(section, base, &mut cards));
    }
    only_one_log(&cards, report);
    unique_names(&cards, report);
    match written {
        None => sinks.push(SinkSettings::Log(LogSettings::default())),
        Some(span) if sinks.is_empty() && report.len() == before => {
            report.push(Finding::new(&span, "`sink` is empty").help("remove it to log all, or add [[sink]]"));
        }
        Some(_) => {}
    }
    sinks
}

fn sink<'a>(mut section: Section<'a>, base: &Path, cards: &mut Vec<Card<'a>>) -> Option<SinkSettings> {
    if section.lacks("type") {
        let finding = Finding::new(&section.span, "a sink without a type");
        section.report.push(finding.help("add type = \"log\", \"desktop\" or \"webhook\""));
    }
    let Some(kind) = section.take("type").and_then(|value| value.choice::<Type>()) else {
        section.expect(KEYS);
        section.finish();
        return None;
    };
    let has_name = section.has("name");
    let name = section.label("name", LONGEST_NAME);
    let refused = has_name && name.is_none();
    let given = name.as_ref().map_or(kind.as_str(), |(name, _)| *name).to_owned();
    cards.push(Card { kind, span: section.span.clone(), name, refused });
    let events = section.take("events").map(|value| events(&value));
    let or_all = |events: Option<Option<EventFilter>>| events.unwrap_or_else(|| Some(EventFilter::all()));
    match kind {
        Type::Log => {
            let format = section.take("format").and_then(|value| value.choice());
            let levels = section.take("levels").map(|value| levels(&value)).unwrap_or_default();
            section.finish();
            let format = format.unwrap_or_default();
            Some(SinkSettings::Log(LogSettings { name: given, events: or_all(events)?, format, levels }))
        }
        Type::Desktop => {
            section.finish();
            let events = events.unwrap_or_else(|| Some(EventFilter::ends()))?;
            Some(SinkSettings::Desktop(DesktopSettings { name: given, events }))
        }
        Type::Webhook => {
            let webhook = webhook::read(section, base)?;
            let events = or_all(events)?;
            Some(SinkSettings::Webhook(WebhookSettings { name: given, events, ..webhook }))
        }
    }
}

fn only_one_log(cards: &[Card<'_>], report: &Report) {
    let mut logs = cards.iter().filter(|card| card.kind == Type::Log);
    let Some(first) = logs.next() else { return };
    for card in logs {
        let finding = Finding::new(&card.span, "a second sink of type \"log\"; there is one log");
        report.push(
            finding.see("the first is on line", &first.span).help("join the two, with all their `events`"),
        );
    }
}

fn unique_names(cards: &[Card<'_>], report: &Report) {
    let mut seen: HashMap<&str, &Card<'_>> = HashMap::new();
    for card in cards.iter().filter(|card| !card.refused) {
        let (name, span) = match &card.name {
            Some((name, span)) => (*name, span),
            None => (card.kind.as_str(), &card.span),
        };
        let first = *seen.entry(name).or_insert(card);
        // Two logs are a problem already, and names do not solve it.
        if first.span == card.span || (card.kind == Type::Log && first.kind == Type::Log) {
            continue;
        }
        let message = match card.name {
            Some(_) => format!("a second sink has the name {}", quoted(name)),
            None => format!("a second sink is called {} because it has no name", quoted(name)),
        };
        let finding = Finding::new(span, message).see("the first is on line", &first.span);
        report.push(finding.help("give each sink its own `name`: deliveries are kept under it"));
    }
}

fn events(value: &Value<'_>) -> Option<EventFilter> {
    let entries = value.array(EVENTS)?;
    if entries.is_empty() {
        value.refuse("is empty, so this sink would be told nothing", EVENTS);
        return None;
    }
    let patterns: Vec<_> = entries.iter().filter_map(pattern).collect();
    if patterns.len() < entries.len() { None } else { EventFilter::from_patterns(patterns).ok() }
}

/// A pattern that matches something.
fn pattern<'a>(entry: &Value<'a>) -> Option<&'a str> {
    let text = entry.string()?;
    if EventFilter::from_patterns([text]).is_ok() {
        return Some(text);
    }
    unknown_kind(text, &entry.span, entry.report, PATTERNS);
    None
}

/// Reports a text that names no kind of transition.
fn unknown_kind(text: &str, span: &Span, report: &Report, patterns: &[&'static str]) {
    let kinds = || TransitionKind::ALL.iter().map(|kind| kind.as_str());
    let verb = |text: &str| kinds().find(|kind| kind.split_once('.').is_some_and(|(_, verb)| verb == text));
    let near = verb(text).or_else(|| nearest(text, kinds().chain(patterns.iter().copied())));
    let all =
        || kinds().chain(patterns.iter().copied()).map(|kind| format!("\"{kind}\"")).collect::<Vec<_>>();
    let help = near.map_or_else(
        || format!("the events are {}", all().join(", ")),
        |near| format!("did you mean \"{near}\"?"),
    );
    report.push(Finding::new(span, format!("unknown event {}", quoted(text))).help(help));
}

fn levels(value: &Value<'_>) -> Vec<(TransitionKind, LogLevel)> {
    const HELP: &str = "write levels = { \"restore_job.failed\" = \"error\" }";
    let Some(section) = value.table_or("a table", HELP) else { return Vec::new() };
    let mut levels = Vec::new();
    for (name, span, value) in section.entries() {
        let kind = TransitionKind::parse(name);
        match value.inner {
            // What `restore_job.failed = "error"` without quotes makes.
            DeValue::Table(_) if kind.is_none() && matches!(name, "restore_job" | "index" | "project") => {
                let finding = Finding::new(&span, format!("{} is no event by itself", quoted(name)));
                value
                    .report
                    .push(finding.help("put the event in quotes: \"restore_job.failed\" = \"error\""));
            }
            _ => {
                let level = value.choice();
                if kind.is_none() {
                    unknown_kind(name, &span, value.report, &[]);
                }
                levels.extend(kind.zip(level));
            }
        }
    }
    levels
}
