//! Which sinks there are, and which events they get if the file does not say it.

use super::read;
use crate::config::{EventFilter, SinkSettings};
use crate::model::EventKind;
use crate::model::Keyword as _;

/// The sinks of a file that has these, each with its type, its name and its events.
fn sinks(text: &str) -> Vec<(&'static str, String, EventFilter)> {
    let settings = read(&format!("jobs = ['a']\n{text}")).unwrap();
    let of =
        |sink: &SinkSettings| (sink.target.kind().as_str(), sink.name.clone(), sink.route.events.clone());
    settings.sinks.iter().map(of).collect()
}

/// The log among them.
fn log(text: &str) -> (String, EventFilter) {
    let mut logs = sinks(text).into_iter().filter(|(kind, ..)| *kind == "log");
    let (_, name, events) = logs.next().expect("a log");
    assert_eq!(logs.next(), None);
    (name, events)
}

#[test]
fn the_log_is_a_sink_whether_it_is_written_or_not() {
    let webhook = "[[sink]]\ntype = 'webhook'\nurl = 'https://hooks.example'\n";

    for (text, name, events) in [
        ("", "log", EventFilter::all()),
        (webhook, "log", EventFilter::all()),
        (&format!("{webhook}name = 'log'"), "log-2", EventFilter::all()),
        (&format!("{webhook}[[sink]]\ntype = 'log'\nname = 'journal'"), "journal", EventFilter::all()),
        (&format!("{webhook}[[sink]]\ntype = 'log'\nevents = []"), "log", EventFilter::none()),
        (
            "[[sink]]\ntype = 'log'\nevents = ['restore_job.failed']",
            "log",
            EventFilter::from_patterns(["restore_job.failed"]).unwrap(),
        ),
    ] {
        assert_eq!(log(text), (name.to_owned(), events), "{text}");
    }
}

#[test]
fn formats_for_people_get_ends_and_trouble_by_default() {
    let of = |text: &str| sinks(text).remove(0).2;
    let webhook =
        |format: &str| format!("[[sink]]\ntype = 'webhook'\nurl = 'https://x'\nformat = '{format}'\n");

    for format in ["standard", "cloudevents"] {
        assert_eq!(of(&webhook(format)), EventFilter::all(), "{format}");
    }
    for format in ["slack", "discord", "teams", "ntfy"] {
        assert_eq!(of(&webhook(format)), EventFilter::for_people(), "{format}");
        assert_eq!(of(&(webhook(format) + "events = ['*']")), EventFilter::all(), "{format}");
    }
    assert_eq!(of(&(webhook("template") + "body = 'x'")), EventFilter::for_people());
    let routed = webhook("pagerduty") + "routing_key = { env = 'KEY' }";
    assert_eq!(of(&routed), EventFilter::for_people());
    let desktop = of("[[sink]]\ntype = 'desktop'");
    assert_eq!(desktop, EventFilter::for_people());
    assert!(desktop.wants(EventKind::Overdue) && !desktop.wants(EventKind::Watched));
}
