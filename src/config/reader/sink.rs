//! `[[sink]]`: where events go.
//!
//! Invariant: the type is read first, and with it which keys there are; a sink of an unknown type
//! is one problem.

use std::collections::HashMap;
use std::path::Path;

use toml::de::DeValue;

use super::report::{Finding, Report, Span};
use super::section::Section;
use super::value::Value;
use super::webhook;
use crate::config::quote::quoted;
use crate::config::surprise::Surprise;
use crate::config::typo::nearest;
use crate::config::{
    DesktopSettings, EventFilter, LogLevel, LogSettings, SinkSettings, SinkType, UrlSource, WebhookFormat,
    WebhookSettings,
};
use crate::model::{EventKind, Keyword as _};

/// What people expect sinks for that there are none for.
const OTHER_RECEIVERS: &[&str] = &[
    "alertmanager",
    "command",
    "email",
    "exec",
    "googlechat",
    "gotify",
    "http",
    "mail",
    "matrix",
    "mattermost",
    "opsgenie",
    "pagerduty",
    "pushover",
    "script",
    "slack_webhook",
    "smtp",
    "telegram",
    "victorops",
];

const EVENTS: &str = "write events = [\"restore_job.*\"]";

/// What distinguishes a sink from others: its type, its place and its name.
struct Identity<'a> {
    kind: SinkType,
    span: Span,
    name: Option<(&'a str, Span)>,
    /// It has a name that was refused.
    is_name_refused: bool,
}

/// Reads `sink` of the top level. The log is a sink whether it is written there or not. Relative
/// paths start at `base`.
pub(super) fn read(top: &mut Section<'_>, base: &Path) -> Vec<SinkSettings> {
    let report = top.report;
    let mut identities = Vec::new();
    let mut sinks = Vec::new();
    let before = report.len();
    let written = top.span_of("sink");
    for section in top.sections("sink") {
        sinks.extend(sink(section, base, &mut identities));
    }

    only_one_log(&identities, report);
    unique_names(&identities, report);

    match written {
        None => report.warn_of_file(&Surprise::OnlyLog),
        Some(span) if sinks.is_empty() && report.len() == before => {
            report.push(Finding::new(&span, "`sink` is empty").help("remove it to log all, or add [[sink]]"));
        }
        Some(_) => {}
    }
    if !sinks.iter().any(|sink| matches!(sink, SinkSettings::Log(_))) {
        sinks.push(SinkSettings::Log(unwritten_log(&sinks)));
    }
    sinks
}

/// The log of a configuration that has no sink for it: all events, under a name that no other sink
/// has.
fn unwritten_log(others: &[SinkSettings]) -> LogSettings {
    let log = LogSettings::default();
    let further = (2..).map(|number| format!("{}-{number}", log.name));
    let mut names = std::iter::once(log.name.clone()).chain(further);
    let name = names.find(|name| others.iter().all(|sink| sink.name() != name)).unwrap_or_default();
    LogSettings { name, ..log }
}

fn sink<'a>(
    mut section: Section<'a>,
    base: &Path,
    identities: &mut Vec<Identity<'a>>,
) -> Option<SinkSettings> {
    if section.lacks("type") {
        let finding = Finding::new(&section.span, "a sink without a type");
        section.report.push(finding.help("add type = \"log\", \"desktop\" or \"webhook\""));
    }
    let kind = section.take("type").and_then(|value| sink_type(&value));
    let Some(kind) = kind else {
        for kind in SinkType::ALL {
            section.extend(kind.table());
        }
        section.finish_undecided();
        return None;
    };
    section.extend(kind.table());

    let has_name = section.has("name");
    let name = section.label("name");
    let is_name_refused = has_name && name.is_none();
    let given = name.as_ref().map_or(kind.as_str(), |(name, _)| *name).to_owned();
    identities.push(Identity { kind, span: section.span.clone(), name, is_name_refused });
    let events = section.take("events").map(|value| events(&value, kind));
    let or = |default: EventFilter| events.unwrap_or(Some(default));

    match kind {
        SinkType::Log => log(section, given, or(EventFilter::all())).map(SinkSettings::Log),
        SinkType::Desktop => {
            section.finish();
            let events = or(EventFilter::for_people())?;
            Some(SinkSettings::Desktop(DesktopSettings { name: given, events }))
        }
        SinkType::Webhook => {
            let format_or_url = section.span_of("format").or_else(|| section.span_of("url"));
            let report = section.report;
            let webhook = webhook::read(section, base)?;
            if let (Some(at), UrlSource::Given(url)) = (format_or_url, &webhook.url)
                && let Some(expected) = url.expected_instead_of(webhook.format)
            {
                report.warn(&at, &Surprise::Format { sink: &given, format: webhook.format, expected });
            }
            let events = or(EventFilter::of_format(webhook.format))?;
            Some(SinkSettings::Webhook(WebhookSettings { name: given, events, ..webhook }))
        }
    }
}

/// Reads what only the log has.
fn log(mut section: Section<'_>, name: String, events: Option<EventFilter>) -> Option<LogSettings> {
    let place_of_events = section.span_of("events");
    let report = section.report;
    let format = section.choice("format").unwrap_or_default();
    let levels = section.take("levels").map(|value| levels(&value)).unwrap_or_default();
    section.finish();

    let events = events?;
    if events.kinds().is_empty()
        && let Some(at) = place_of_events
    {
        report.warn(&at, &Surprise::SilentLog { sink: &name });
    }
    Some(LogSettings { name, events, format, levels })
}

fn sink_type(value: &Value<'_>) -> Option<SinkType> {
    match value.inner.as_str() {
        Some(word)
            if SinkType::from_word(word).is_none()
                && let Some(help) = help_for_receiver(word, "") =>
        {
            value.refuse(format_args!("cannot be {}", quoted(word)), help);
            None
        }
        _ => value.choice(),
    }
}

/// What to write in place of a table at the top that is named after a type of sink or a receiver.
pub(super) fn help_for_table(name: &str) -> Option<String> {
    const SINK: &str = "[[sink]] with ";
    let kind = SinkType::from_word(&name.to_lowercase());
    kind.map(|kind| format!("write {SINK}type = \"{kind}\"")).or_else(|| help_for_receiver(name, SINK))
}

/// What to write for a receiver of this name, which people take for a type of sink; `place` stands
/// before its keys.
fn help_for_receiver(name: &str, place: &str) -> Option<String> {
    let name = name.to_lowercase();
    if let Some(format) = WebhookFormat::from_word(&name) {
        return Some(format!("write {place}type = \"webhook\" and format = \"{format}\""));
    }
    let formats =
        || WebhookFormat::ALL.iter().map(|format| format!("\"{format}\"")).collect::<Vec<_>>().join(", ");
    OTHER_RECEIVERS.contains(&name.as_str()).then(|| {
        format!(
            "there is no such sink; write {place}type = \"webhook\" and post to a program that passes events on (the \
             formats are {})",
            formats()
        )
    })
}

fn only_one_log(sinks: &[Identity<'_>], report: &Report) {
    let mut logs = sinks.iter().filter(|sink| sink.kind == SinkType::Log);
    let Some(first) = logs.next() else { return };
    for second in logs {
        let finding = Finding::new(&second.span, "a second sink of type \"log\"; there is one log");
        report.push(
            finding.see("the first is on line", &first.span).help("join the two, with all their `events`"),
        );
    }
}

fn unique_names(sinks: &[Identity<'_>], report: &Report) {
    let mut seen: HashMap<&str, &Identity<'_>> = HashMap::new();
    for sink in sinks.iter().filter(|sink| !sink.is_name_refused) {
        let (name, span) = match &sink.name {
            Some((name, span)) => (*name, span),
            None => (sink.kind.as_str(), &sink.span),
        };
        let first = *seen.entry(name).or_insert(sink);
        // Two logs are a problem already, and names do not solve it.
        if first.span == sink.span || (sink.kind == SinkType::Log && first.kind == SinkType::Log) {
            continue;
        }

        let message = match sink.name {
            Some(_) => format!("a second sink has the name {}", quoted(name)),
            None => format!("a second sink is called {} because it has no name", quoted(name)),
        };
        let finding = Finding::new(span, message).see("the first is on line", &first.span);
        report.push(finding.help("give each sink its own `name`: deliveries are kept under it"));
    }
}

/// The events of a sink of this type. The log is a sink unless it is written otherwise, so it alone
/// can be switched off.
fn events(value: &Value<'_>, kind: SinkType) -> Option<EventFilter> {
    let entries = value.array(EVENTS)?;
    if entries.is_empty() && kind == SinkType::Log {
        return Some(EventFilter::none());
    }
    if entries.is_empty() {
        value.refuse("is empty, so this sink would receive no events", EVENTS);
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
    unknown_event(text, &entry.span, entry.report, &EventFilter::patterns());
    None
}

/// Reports a text that is none of these event types and patterns.
fn unknown_event(text: &str, span: &Span, report: &Report, known: &[String]) {
    let known = || known.iter().map(String::as_str);
    let verb = |text: &str| known().find(|event| event.split_once('.').is_some_and(|(_, verb)| verb == text));
    let near = verb(text).or_else(|| nearest(text, known()));
    let all = || known().map(|event| format!("\"{event}\"")).collect::<Vec<_>>().join(", ");
    let help =
        near.map_or_else(|| format!("the events are {}", all()), |near| format!("did you mean \"{near}\"?"));
    report.push(Finding::new(span, format!("unknown event {}", quoted(text))).help(help));
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
                    unknown_event(name, &span, value.report, &EventFilter::types());
                }
                levels.extend(kind.zip(level));
            }
        }
    }
    levels
}
