//! The sinks of a file: what all types have in common, and what one file may not have twice.
//!
//! Invariant: the type is read first, and with it which keys there are; a sink of an unknown type
//! is one problem.

use std::collections::HashMap;

use super::route::Filters;
use super::{DesktopSettings, LogSettings, SinkSettings, SinkTarget, Surroundings, defaults, hours};
use crate::config::quote::quoted;
use crate::config::reader::{Finding, Report, Section, Span, Value};
use crate::config::surprise::Surprise;
use crate::config::{SinkType, WebhookFormat};
use crate::model::Keyword as _;

/// What people call mails by.
const MAILS: &[&str] = &["e-mail", "mail", "sendmail", "smtp"];

/// What people expect sinks for that there are none for.
const OTHER_RECEIVERS: &[&str] = &[
    "alertmanager",
    "googlechat",
    "gotify",
    "http",
    "matrix",
    "mattermost",
    "opsgenie",
    "pushover",
    "slack_webhook",
    "telegram",
    "victorops",
];

/// What people call a sink of type `exec`.
const WORDS_FOR_EXEC: &[&str] = &["cmd", "command", "hook", "program", "run", "script", "shell"];

/// Those of [`OTHER_RECEIVERS`] that an example of the format `template` is shipped for, each
/// with its file.
const EXAMPLES: &[(&str, &str)] = &[
    ("googlechat", "google-chat.toml"),
    ("mattermost", "mattermost.toml"),
    ("opsgenie", "jira-service-management.toml"),
    ("pushover", "pushover.toml"),
    ("telegram", "telegram.toml"),
];

/// What to do if this program cannot show notifications.
const NO_DESKTOP: &str = "remove this [[sink]], or run a restore-watch with the feature `desktop`, which `restore-watch --version` names";

/// What distinguishes a sink from others: its type, its place and its name.
struct Identity<'a> {
    kind: SinkType,
    span: Span,
    name: Option<(&'a str, Span)>,
    /// It has a name that was refused.
    is_name_refused: bool,
}

/// Reads `sink` and `sink_defaults` of the top level. The log is a sink whether it is written there
/// or not.
pub(in crate::config) fn read(top: &mut Section<'_>, surroundings: &Surroundings<'_>) -> Vec<SinkSettings> {
    let report = top.report;
    let mut identities = Vec::new();
    let mut sinks = Vec::new();
    let before = report.len();
    let written = top.span_of("sink");
    let defaults = top.section("sink_defaults");
    for mut section in top.sections("sink") {
        if let Some(defaults) = &defaults {
            section.fall_back_on(defaults);
        }
        sinks.extend(sink(section, surroundings, &mut identities));
    }
    if let Some(defaults) = defaults {
        defaults::check(defaults, surroundings.projects);
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
    if !sinks.iter().any(|sink| sink.target.kind() == SinkType::Log) {
        sinks.push(unwritten_log(&sinks));
    }
    sinks
}

/// The log of a configuration that has no sink for it: all events, under a name that no other sink
/// has.
fn unwritten_log(others: &[SinkSettings]) -> SinkSettings {
    let log = SinkSettings::new(SinkTarget::Log(LogSettings::default()));
    let further = (2..).map(|number| format!("{}-{number}", log.name));
    let mut names = std::iter::once(log.name.clone()).chain(further);
    let name = names.find(|name| others.iter().all(|sink| sink.name != *name)).unwrap_or_default();
    SinkSettings { name, ..log }
}

fn sink<'a>(
    mut section: Section<'a>,
    surroundings: &Surroundings<'_>,
    identities: &mut Vec<Identity<'a>>,
) -> Option<SinkSettings> {
    if section.lacks("type") {
        let finding = Finding::new(&section.span, "a sink without a type");
        section.report.push(finding.help(format!("add type = {}", one_of(SinkType::ALL))));
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
    let label = section.label("name");
    let is_name_refused = has_name && label.is_none();
    let name = label.as_ref().map_or(kind.as_str(), |(name, _)| *name).to_owned();
    identities.push(Identity { kind, span: section.span.clone(), name: label, is_name_refused });

    let place_of_events = section.span_of("events");
    let filters = Filters::read(&mut section, kind == SinkType::Log, surroundings.projects);
    let hours = match kind {
        SinkType::Log => {
            hours::refuse(&mut section, "is not for the log, which is written as things happen");
            None
        }
        _ => hours::read(&mut section),
    };
    let report = section.report;
    let target = SinkTarget::read(kind, section, &name, surroundings)?;
    let route = filters.route(target.settings().usual_events());

    if route.events.kinds().is_empty()
        && let Some(at) = place_of_events
    {
        report.warn(&at, &Surprise::SilentLog { sink: &name });
    }
    Some(SinkSettings { name, route, hours, target })
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
        _ => {
            let kind = value.choice()?;
            if kind == SinkType::Desktop && !DesktopSettings::IS_BUILT_IN {
                let fault =
                    format_args!("cannot be {}: {}", quoted("desktop"), DesktopSettings::NOT_BUILT_IN);
                value.refuse(fault, NO_DESKTOP);
            }
            // The other keys of the sink are read all the same, and all problems reported in one go.
            Some(kind)
        }
    }
}

/// `"log", "desktop" or "webhook"`.
fn one_of(kinds: &[SinkType]) -> String {
    let quoted: Vec<_> = kinds.iter().map(|kind| format!("\"{kind}\"")).collect();
    match quoted.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => quoted.concat(),
    }
}

/// What to write in place of a table at the top that is named after a type of sink or a receiver.
pub(in crate::config) fn help_for_table(name: &str) -> Option<String> {
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
    if WORDS_FOR_EXEC.contains(&name.as_str()) {
        return Some(format!("write {place}type = \"exec\" and command = [\"/path/to/program\"]"));
    }
    if MAILS.contains(&name.as_str()) {
        return Some(format!("write {place}type = \"{}\"", SinkType::Email));
    }
    if let Some((_, file)) = EXAMPLES.iter().find(|(receiver, _)| *receiver == name) {
        return Some(format!(
            "write {place}type = \"webhook\" and format = \"template\", as config/sinks/{file} has it"
        ));
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
