//! Messages for a topic of ntfy: plain text for a phone screen, the rest in headers.
//!
//! Invariant: the topic is in no body and no header: it is a password (docs.ntfy.sh, "Publishing").

use std::time::Duration;

use super::Format;
use super::markup::{Markup, plain};
use crate::adapters::sinks::card::{Card, Label};
use crate::model::{Event, EventKind, Severity};

/// 60 requests at once, then one in 5 s (docs.ntfy.sh, "Limitations", the defaults of a server).
/// This lets some 75 messages through without a pause; 5 s would make the last of ten restores that
/// end together wait for most of a minute.
const SPACING: Duration = Duration::from_secs(1);

/// The summary, in bytes. A whole message has 4,096 at most, or it becomes an attachment
/// (docs.ntfy.sh, "Limitations"); this, the facts and the advice stay below.
const MAX_SUMMARY: usize = 2000;

/// The value of a fact, in bytes; see [`MAX_SUMMARY`].
const MAX_FACT: usize = 500;

/// The facts worth a phone screen: the rest is in the summary, or can wait.
const FACTS: [Label; 2] = [Label::Project, Label::Backup];

const MARKUP: Markup = Markup { escape: plain, measure: str::len };

#[derive(Debug)]
pub(super) struct Ntfy;

impl Format for Ntfy {
    fn body(&self, event: &Event) -> Vec<u8> {
        message(&Card::new(event)).into_bytes()
    }

    // ntfy reads no markup unless a header asks for it.
    fn content_type(&self) -> &'static str {
        "text/plain; charset=utf-8"
    }

    fn headers(&self, kind: EventKind) -> Vec<(&'static str, &'static str)> {
        headers(kind).to_vec()
    }

    fn spacing(&self) -> Duration {
        SPACING
    }
}

fn message(card: &Card) -> String {
    let summary = MARKUP.fit(&card.summary, MAX_SUMMARY);
    let facts = card.facts.iter().filter(|(label, _)| FACTS.contains(label));
    let facts = facts.map(|(label, value)| format!("\n{}: {}", label.text(), MARKUP.fit(value, MAX_FACT)));
    let advice = card.advice.map(|advice| format!("\n\n{advice}"));
    [summary].into_iter().chain(facts).chain(advice).collect()
}

/// The title, the priority, and an emoji by its name (docs.ntfy.sh, "Message title", "Message
/// priority", "Tags & emojis").
fn headers(kind: EventKind) -> [(&'static str, &'static str); 3] {
    let (priority, tag) = match kind.severity() {
        Severity::Success => ("default", "white_check_mark"),
        Severity::Error => ("high", "rotating_light"),
        Severity::Warning => ("default", "warning"),
        // At low priority a phone stays silent, and a test would not show whether it can ring.
        Severity::Info if kind == EventKind::Test => ("default", "information_source"),
        Severity::Info => ("low", "information_source"),
    };
    [("Title", kind.heading()), ("Priority", priority), ("Tags", tag)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::sample_events;
    use super::*;

    #[test]
    fn completed() {
        insta::assert_snapshot!(shown(&sample_events::completed()), @"
        Title: Restore completed
        Priority: default
        Tags: white_check_mark

        restore nightly (rj-1) into index docs completed after 6.0s
        Backup: bk-1

        Wait until the index is ready before you send traffic to it: a completed restore is no promise that it serves.
        ");
    }

    #[test]
    fn failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @"
        Title: Restore failed
        Priority: high
        Tags: rotating_light

        restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <b>no & why</b>
        Project: EU & co

        The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.
        ");
    }

    #[test]
    fn unauthorized() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r"
        Title: Pinecone refuses the API key
        Priority: high
        Tags: rotating_light

        project EU & co: the API refuses the key or its permission: HTTP 403: Forbidden
        Project: EU & co

        Check that the API key is still valid and has the permission control::backups::list. The watch goes on, but slowly. A new key in a file is used after restore-watch reload.
        ");
    }

    #[test]
    fn test() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r"
        Title: Test of restore-watch, nothing happened
        Priority: default
        Tags: information_source

        a test of restore-watch; no restore is meant

        If you can read this, the sink works. There is nothing to do.
        ");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn limits_are_kept(event in sample_events::any_event()) {
            let message = message(&Card::new(&event));
            prop_assert!((1..=4096).contains(&message.len()), "{}", message.len());
            prop_assert!(message.lines().count() <= 5);
        }
    }

    fn shown(event: &Event) -> String {
        let headers = headers(event.kind).map(|(name, value)| format!("{name}: {value}")).join("\n");
        format!("{headers}\n\n{}", message(&Card::new(event)))
    }
}
