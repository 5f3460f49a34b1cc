//! The environment of a command: what it needs of that of this process, and the event in flat form.
//!
//! Invariant: nothing is passed on but what is named here: no API key, no other secret, and nothing
//! by which the system speaks to this process alone. The same event gives the same variables.

use std::borrow::Cow;
use std::ffi::OsString;

use serde_json::Value;

use crate::config::ExecSettings;
use crate::model::Event;

/// What is passed on if it is set: what programs need to find the files of their user, and to write
/// texts and times as the system does.
const PASSED_ON: &[&str] =
    &["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"];

/// Begins the name of each variable about the event.
const PREFIX: &str = "RESTORE_WATCH_";

/// The variables about the event that it publishes: their names, and where the values are.
const PUBLISHED: &[(&str, &str)] = &[
    ("EVENT_ID", "/id"),
    ("EVENT_TYPE", "/type"),
    ("TIMESTAMP", "/timestamp"),
    ("PROJECT", "/project"),
    ("JOB_ID", "/job/id"),
    ("JOB_NAME", "/job/name"),
    ("BACKUP_ID", "/job/backup_id"),
    ("INDEX", "/job/target_index_name"),
    ("STATUS", "/status"),
    ("PREVIOUS_STATUS", "/previous_status"),
    ("ELAPSED_SECONDS", "/elapsed_seconds"),
    ("ELAPSED_UPPER_BOUND_SECONDS", "/elapsed_upper_bound_seconds"),
    ("REASON", "/reason"),
];

/// The longest value, in bytes: Linux starts no program with a variable of 128 KiB (execve(2),
/// `MAX_ARG_STRLEN`).
const LONGEST: usize = 16 * 1024;

/// All variables of a command that is run for this event by the sink of this name.
pub(super) fn of(event: &Event, sink: &str, names_projects: bool) -> Vec<(String, OsString)> {
    let passed_on = PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)));
    let path = ("PATH".to_owned(), ExecSettings::PATH.into());
    let about = about(event, sink, names_projects).into_iter();
    let about = about.map(|(name, value)| (format!("{PREFIX}{name}"), value.into()));
    passed_on.chain([path]).chain(about).collect()
}

/// The variables about the event. A fact that it does not have is an empty text, so that a script
/// that refuses unset variables (`set -u`) can use each.
fn about(event: &Event, sink: &str, names_projects: bool) -> Vec<(&'static str, String)> {
    // Nothing in an event can fail to be written.
    let published = serde_json::to_value(event).unwrap_or_default();
    let of_event = PUBLISHED.iter().map(|(name, place)| {
        let value = match published.pointer(place) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        (*name, value)
    });

    let summary = if names_projects { event.summary_with_project() } else { event.summary() };
    let severity = event.kind.severity().word();
    let further = [("SUMMARY", summary), ("SEVERITY", severity.to_owned()), ("SINK", sink.to_owned())];
    of_event.chain(further).map(|(name, value)| (name, fit(&value).into_owned())).collect()
}

/// A text as a variable can hold it: without NUL characters, and not too long.
fn fit(text: &str) -> Cow<'_, str> {
    let cut = &text[..text.floor_char_boundary(LONGEST)];
    if cut.contains('\0') { cut.replace('\0', "\u{fffd}").into() } else { cut.into() }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_events;
    use super::*;

    #[test]
    fn variables_of_an_event() {
        let shown = |event: &Event| {
            let lines =
                about(event, "hook", false).into_iter().map(|(name, value)| format!("{name}={value}\n"));
            lines.collect::<String>()
        };

        insta::assert_snapshot!(shown(&sample_events::failed()), @"
        EVENT_ID=01a20846-fe00-7000-8000-000000000000
        EVENT_TYPE=restore_job.failed
        TIMESTAMP=2026-11-23T12:00:00.500Z
        PROJECT=EU & co
        JOB_ID=rj-2
        JOB_NAME=
        BACKUP_ID=
        INDEX=docs_*v2*
        STATUS=Failed
        PREVIOUS_STATUS=Failed
        ELAPSED_SECONDS=
        ELAPSED_UPPER_BOUND_SECONDS=5400.0
        REASON=<b>no & why</b>
        SUMMARY=restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <b>no & why</b>
        SEVERITY=error
        SINK=hook
        ");
        let of_project = shown(&sample_events::unauthorized());
        assert!(of_project.contains("JOB_ID=\n") && of_project.contains("INDEX=\n"), "{of_project}");
    }

    #[test]
    fn each_published_fact_is_where_it_is_read() {
        let event = serde_json::to_value(sample_events::completed()).unwrap();

        for (name, place) in PUBLISHED {
            assert!(event.pointer(place).is_some(), "{name}");
        }
    }

    #[test]
    fn nothing_else_is_passed_on() {
        let names: Vec<_> =
            of(&sample_events::test(), "hook", true).into_iter().map(|(name, _)| name).collect();

        // Cargo and the harness set many.
        assert!(std::env::vars().count() > PASSED_ON.len());
        let of_event = |name: &str| name.starts_with(PREFIX);
        let others: Vec<_> = names.iter().map(String::as_str).filter(|name| !of_event(name)).collect();
        assert!(others.iter().all(|name| *name == "PATH" || PASSED_ON.contains(name)), "{others:?}");
    }

    #[test]
    fn values_fit_into_an_environment() {
        let long = "é".repeat(LONGEST);

        assert_eq!(fit("a\0b"), "a\u{fffd}b");
        assert_eq!(fit(&long).len(), LONGEST);
    }
}
