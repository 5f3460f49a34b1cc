//! Messages for Slack's incoming webhooks: Block Kit, and a plain text for notifications.
//!
//! Invariant: no text from outside can mention a user or make a link: `&`, `<` and `>` are escaped
//! everywhere, and `verbatim` stops Slack from finding links by itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::Format;
use super::markup::{Markup, utf16};
use crate::adapters::sinks::card::{Card, Label};
use crate::model::{Event, Severity};

/// One message a second for each incoming webhook, short bursts aside (docs.slack.dev, "Rate
/// limits", "Posting messages").
const SPACING: Duration = Duration::from_secs(1);

/// The plain text of a header block (docs.slack.dev, "Header block": at most 150 characters).
const MAX_HEADER: usize = 150;

/// The text of a section block (docs.slack.dev, "Section block": at most 3,000 characters). The
/// same is kept for the text beside the blocks, which Slack would cut at 40,000.
const MAX_TEXT: usize = 3000;

/// How many fields a section block has (docs.slack.dev, "Section block": at most 10).
const MAX_FIELDS: usize = 10;

/// The text of a field (docs.slack.dev, "Section block": at most 2,000 characters).
const MAX_FIELD: usize = 2000;

/// Escapes are measured as they are written; whether Slack measures them so is not documented.
const MARKUP: Markup = Markup { escape, measure: utf16 };

#[derive(Debug)]
pub(super) struct Slack;

impl Format for Slack {
    fn body(&self, event: &Event) -> Vec<u8> {
        message(&Card::new(event), event).to_string().into_bytes()
    }

    fn spacing(&self) -> Duration {
        SPACING
    }
}

fn message(card: &Card, event: &Event) -> Value {
    let header = MARKUP.fit(&format!("{} {}", symbol(card.severity), card.heading), MAX_HEADER);

    let mut summary = json!({ "type": "section", "text": text(&MARKUP.fit(&card.summary, MAX_TEXT)) });
    let fields: Vec<_> = card.facts.iter().take(MAX_FIELDS).map(field).collect();
    // Slack refuses an empty list.
    if !fields.is_empty() {
        summary["fields"] = Value::Array(fields);
    }

    let mut blocks =
        vec![json!({ "type": "header", "text": { "type": "plain_text", "text": header } }), summary];
    blocks.extend(card.advice.map(|advice| json!({ "type": "section", "text": text(advice) })));
    let footer = format!("restore-watch · {} · {:.0}", event.kind, event.timestamp);
    blocks.push(json!({ "type": "context", "elements": [text(&footer)] }));

    json!({ "text": MARKUP.fit(&format!("{}: {}", card.heading, card.summary), MAX_TEXT), "blocks": blocks })
}

fn field((label, value): &(Label, String)) -> Value {
    let label = format!("*{}*\n", label.text());
    let room = MAX_FIELD - utf16(&label);
    text(&(label + &MARKUP.fit(value, room)))
}

fn text(escaped: &str) -> Value {
    json!({ "type": "mrkdwn", "text": escaped, "verbatim": true })
}

/// What has a meaning to Slack (docs.slack.dev, "Formatting message text", "Escaping text"). There
/// is no escape for `*` and `_`, which at worst make a text bold.
fn escape(written: &mut String, c: char) {
    match c {
        '&' => written.push_str("&amp;"),
        '<' => written.push_str("&lt;"),
        '>' => written.push_str("&gt;"),
        _ => written.push(c),
    }
}

/// Replaces the color that messages made of blocks do not have.
fn symbol(severity: Severity) -> &'static str {
    match severity {
        Severity::Success => "✅",
        Severity::Error => "❌",
        Severity::Warning => "⚠️",
        Severity::Info => "ℹ️",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::sample_events;
    use super::*;

    #[test]
    fn completed() {
        let event = sample_events::completed();
        insta::assert_snapshot!(format!("{:#}", message(&Card::new(&event), &event)), @r#"
        {
          "text": "Restore completed: restore nightly (rj-1) into index docs completed after 6.0s",
          "blocks": [
            {
              "type": "header",
              "text": {
                "type": "plain_text",
                "text": "✅ Restore completed"
              }
            },
            {
              "type": "section",
              "text": {
                "type": "mrkdwn",
                "text": "restore nightly (rj-1) into index docs completed after 6.0s",
                "verbatim": true
              },
              "fields": [
                {
                  "type": "mrkdwn",
                  "text": "*Index*\ndocs",
                  "verbatim": true
                },
                {
                  "type": "mrkdwn",
                  "text": "*Took*\n6.0s",
                  "verbatim": true
                },
                {
                  "type": "mrkdwn",
                  "text": "*Backup*\nbk-1",
                  "verbatim": true
                },
                {
                  "type": "mrkdwn",
                  "text": "*Job id*\nrj-1",
                  "verbatim": true
                },
                {
                  "type": "mrkdwn",
                  "text": "*Noticed*\n500ms after its end",
                  "verbatim": true
                }
              ]
            },
            {
              "type": "section",
              "text": {
                "type": "mrkdwn",
                "text": "Wait until the index is ready before you send traffic to it: a completed restore is no promise that it serves.",
                "verbatim": true
              }
            },
            {
              "type": "context",
              "elements": [
                {
                  "type": "mrkdwn",
                  "text": "restore-watch · restore_job.completed · 2026-11-23T12:00:00Z",
                  "verbatim": true
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @r#"{"text":"Restore failed: restore rj-2 into index docs_*v2* failed within 1h 30m of its start: &lt;b&gt;no &amp; why&lt;/b&gt;","blocks":[{"type":"header","text":{"type":"plain_text","text":"❌ Restore failed"}},{"type":"section","text":{"type":"mrkdwn","text":"restore rj-2 into index docs_*v2* failed within 1h 30m of its start: &lt;b&gt;no &amp; why&lt;/b&gt;","verbatim":true},"fields":[{"type":"mrkdwn","text":"*Index*\ndocs_*v2*","verbatim":true},{"type":"mrkdwn","text":"*Project*\nEU &amp; co","verbatim":true},{"type":"mrkdwn","text":"*Progress*\n42 %","verbatim":true},{"type":"mrkdwn","text":"*Took*\nat most 1h 30m","verbatim":true},{"type":"mrkdwn","text":"*Job id*\nrj-2","verbatim":true}]},{"type":"section","text":{"type":"mrkdwn","text":"The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.","verbatim":true}},{"type":"context","elements":[{"type":"mrkdwn","text":"restore-watch · restore_job.failed · 2026-11-23T12:00:00Z","verbatim":true}]}]}"#);
    }

    #[test]
    fn unauthorized() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r#"{"text":"Pinecone refuses the API key: project EU &amp; co: the API refuses the key or its permission: HTTP 403: Forbidden","blocks":[{"type":"header","text":{"type":"plain_text","text":"❌ Pinecone refuses the API key"}},{"type":"section","text":{"type":"mrkdwn","text":"project EU &amp; co: the API refuses the key or its permission: HTTP 403: Forbidden","verbatim":true},"fields":[{"type":"mrkdwn","text":"*Project*\nEU &amp; co","verbatim":true}]},{"type":"section","text":{"type":"mrkdwn","text":"Check that the API key is still valid and has the permission control::backups::list. The watch goes on, but slowly. A new key in a file is used after restore-watch reload.","verbatim":true}},{"type":"context","elements":[{"type":"mrkdwn","text":"restore-watch · project.unauthorized · 2026-11-23T12:00:00Z","verbatim":true}]}]}"#);
    }

    #[test]
    fn test_has_no_fields() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r#"{"text":"Test of restore-watch, nothing happened: a test of restore-watch; no restore is meant","blocks":[{"type":"header","text":{"type":"plain_text","text":"ℹ️ Test of restore-watch, nothing happened"}},{"type":"section","text":{"type":"mrkdwn","text":"a test of restore-watch; no restore is meant","verbatim":true}},{"type":"section","text":{"type":"mrkdwn","text":"If you can read this, the sink works. There is nothing to do.","verbatim":true}},{"type":"context","elements":[{"type":"mrkdwn","text":"restore-watch · restore_watch.test · 2026-11-23T12:00:00Z","verbatim":true}]}]}"#);
    }

    #[test]
    fn texts_cannot_mention_users() {
        let mut event = sample_events::failed();
        event.reason = Some("<!channel> <@U1> <https://evil.example|click>".into());
        let message = shown(&event);
        assert!(!message.contains('<') && message.contains("&lt;!channel&gt;"), "{message}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn limits_are_kept(event in sample_events::any_event()) {
            let card = Card::new(&event);
            let message = message(&card, &event);
            prop_assert!(utf16(message["text"].as_str().unwrap()) <= 3000);
            prop_assert!(message["text"].as_str().unwrap().starts_with(card.heading));
            let blocks = message["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            let header = blocks[0]["text"]["text"].as_str().unwrap();
            prop_assert!(utf16(header) <= 150 && header.ends_with(card.heading));
            for block in &blocks[1..] {
                prop_assert!(block["text"]["text"].as_str().is_none_or(|t| (1..=3000).contains(&utf16(t))));
                let fields = block["fields"].as_array();
                prop_assert!(fields.is_none_or(|fields| (1..=10).contains(&fields.len())));
                for field in fields.into_iter().flatten() {
                    prop_assert!((1..=2000).contains(&utf16(field["text"].as_str().unwrap())));
                }
            }
            prop_assert!(!message.to_string().contains(['<', '>']));
        }
    }

    fn shown(event: &Event) -> String {
        message(&Card::new(event), event).to_string()
    }
}
