//! Messages for Microsoft Teams' Workflows: one Adaptive Card.
//!
//! Invariant: no text from outside is read as Markdown, and the whole message stays far below the
//! limit of Teams, however it is encoded again on its way.

use std::time::Duration;

use serde_json::{Value, json};

use super::Format;
use super::markup::{Markup, markdown, plain};
use crate::adapters::sinks::card::Card;
use crate::model::{Event, Severity};

/// 4 requests in 1 s and 60 in 30 s (learn.microsoft.com, Teams, "Rate limiting for connectors",
/// which Workflows replace without numbers of their own); this keeps both. A flow answers before it
/// posts, so that a message beyond the limit would be lost without an error.
const SPACING: Duration = Duration::from_millis(500);

/// The summary. A message is about 28 KB at most (learn.microsoft.com, connector "Microsoft Teams",
/// "Message size limit"); some tenants refuse more than 21 KB. This, ten facts and the frame are
/// some 15 KB.
const MAX_SUMMARY: usize = 4000;

/// The value of a fact; see [`MAX_SUMMARY`].
const MAX_FACT: usize = 900;

const PLAIN: Markup = Markup { escape: plain, measure: as_ascii_json };

/// Facts are read as Markdown (learn.microsoft.com, Adaptive Cards, "Text features").
const MARKDOWN: Markup = Markup { escape: markdown, measure: as_ascii_json };

#[derive(Debug)]
pub(super) struct Teams;

impl Format for Teams {
    fn body(&self, event: &Event) -> Vec<u8> {
        message(&Card::new(event), event).to_string().into_bytes()
    }

    fn spacing(&self) -> Duration {
        SPACING
    }
}

fn message(card: &Card, event: &Event) -> Value {
    let mut body = vec![
        json!({
            "type": "TextBlock",
            "text": card.heading,
            "size": "Large",
            "weight": "Bolder",
            "color": color(card.severity),
            "wrap": true,
        }),
        paragraph(&PLAIN.fit(&card.summary, MAX_SUMMARY), false),
    ];

    let facts: Vec<_> = card
        .facts
        .iter()
        .map(|(label, value)| json!({ "title": label.text(), "value": MARKDOWN.fit(value, MAX_FACT) }))
        .collect();
    if !facts.is_empty() {
        body.push(json!({ "type": "FactSet", "facts": facts }));
    }
    body.extend(card.advice.map(|advice| paragraph(advice, false)));
    let footer = format!("restore-watch · {} · {:.0}", event.kind, event.timestamp);
    body.push(paragraph(&footer, true));

    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": { "width": "Full" },
                "body": body,
            },
        }],
    })
}

/// A paragraph that is not read as Markdown (adaptivecards.io, "TextRun": "Markdown is not
/// supported").
fn paragraph(text: &str, subtle: bool) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text, "isSubtle": subtle }] })
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Success => "Good",
        Severity::Error => "Attention",
        Severity::Warning => "Warning",
        Severity::Info => "Default",
    }
}

/// The bytes of a text in JSON where every character beyond ASCII is an escape, which is how it
/// takes the most.
fn as_ascii_json(text: &str) -> usize {
    let bytes = |c: char| match c {
        '"' | '\\' => 2,
        ' '..='~' => 1,
        _ => 6 * c.len_utf16(),
    };
    text.chars().map(bytes).sum()
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
          "type": "message",
          "attachments": [
            {
              "contentType": "application/vnd.microsoft.card.adaptive",
              "contentUrl": null,
              "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "msteams": {
                  "width": "Full"
                },
                "body": [
                  {
                    "type": "TextBlock",
                    "text": "Restore completed",
                    "size": "Large",
                    "weight": "Bolder",
                    "color": "Good",
                    "wrap": true
                  },
                  {
                    "type": "RichTextBlock",
                    "inlines": [
                      {
                        "type": "TextRun",
                        "text": "restore nightly (rj-1) into index docs completed after 6.0s",
                        "isSubtle": false
                      }
                    ]
                  },
                  {
                    "type": "FactSet",
                    "facts": [
                      {
                        "title": "Index",
                        "value": "docs"
                      },
                      {
                        "title": "Took",
                        "value": "6.0s"
                      },
                      {
                        "title": "Backup",
                        "value": "bk-1"
                      },
                      {
                        "title": "Job id",
                        "value": "rj-1"
                      },
                      {
                        "title": "Noticed",
                        "value": "500ms after its end"
                      }
                    ]
                  },
                  {
                    "type": "RichTextBlock",
                    "inlines": [
                      {
                        "type": "TextRun",
                        "text": "Wait until the index is ready before you send traffic to it: a completed restore is no promise that it serves.",
                        "isSubtle": false
                      }
                    ]
                  },
                  {
                    "type": "RichTextBlock",
                    "inlines": [
                      {
                        "type": "TextRun",
                        "text": "restore-watch · restore_job.completed · 2026-11-23T12:00:00Z",
                        "isSubtle": true
                      }
                    ]
                  }
                ]
              }
            }
          ]
        }
        "#);
    }

    #[test]
    fn failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @r#"{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},"body":[{"type":"TextBlock","text":"Restore failed","size":"Large","weight":"Bolder","color":"Attention","wrap":true},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <b>no & why</b>","isSubtle":false}]},{"type":"FactSet","facts":[{"title":"Index","value":"docs\\_\\*v2\\*"},{"title":"Project","value":"EU & co"},{"title":"Progress","value":"42 %"},{"title":"Took","value":"at most 1h 30m"},{"title":"Job id","value":"rj-2"}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.","isSubtle":false}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"restore-watch · restore_job.failed · 2026-11-23T12:00:00Z","isSubtle":true}]}]}}]}"#);
    }

    #[test]
    fn unauthorized() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r#"{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},"body":[{"type":"TextBlock","text":"Pinecone refuses the API key","size":"Large","weight":"Bolder","color":"Attention","wrap":true},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"project EU & co: the API refuses the key or its permission: HTTP 403: Forbidden","isSubtle":false}]},{"type":"FactSet","facts":[{"title":"Project","value":"EU & co"}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Check that the API key is still valid and has the permission control::backups::list. The watch goes on, but slowly. A new key in a file is used after restore-watch reload.","isSubtle":false}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"restore-watch · project.unauthorized · 2026-11-23T12:00:00Z","isSubtle":true}]}]}}]}"#);
    }

    #[test]
    fn test_has_no_facts() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r#"{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},"body":[{"type":"TextBlock","text":"Test of restore-watch, nothing happened","size":"Large","weight":"Bolder","color":"Default","wrap":true},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"a test of restore-watch; no restore is meant","isSubtle":false}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"If you can read this, the sink works. There is nothing to do.","isSubtle":false}]},{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"restore-watch · restore_watch.test · 2026-11-23T12:00:00Z","isSubtle":true}]}]}}]}"#);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn limits_are_kept(event in sample_events::any_event()) {
            let card = Card::new(&event);
            let message = message(&card, &event);
            prop_assert_eq!(&message["attachments"][0]["content"]["body"][0]["text"], card.heading);
            let text = message.to_string();
            prop_assert!(text.len() <= 21_000, "{}", text.len());
            let ascii: usize = text.chars().map(|c| if c.is_ascii() { 1 } else { 6 * c.len_utf16() }).sum();
            prop_assert!(ascii <= 21_000, "{}", ascii);
        }
    }

    fn shown(event: &Event) -> String {
        message(&Card::new(event), event).to_string()
    }
}
