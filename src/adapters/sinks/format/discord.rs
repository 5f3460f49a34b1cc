//! Messages for Discord's webhooks: one embed.
//!
//! Invariant: no text from outside can mention a user or be read as markup.

use std::time::Duration;

use serde_json::{Value, json};

use super::Format;
use super::markup::{Markup, markdown, utf16};
use crate::adapters::sinks::card::Card;
use crate::config::WebhookUrl;
use crate::model::{Event, Severity};

/// Discord documents no number and asks clients to follow its headers (discord.com/developers,
/// "Rate Limits"). Observed are 5 requests in 2 s for each webhook and 30 in a minute for its
/// channel (discord/discord-api-docs, issue 367); this keeps both.
const SPACING: Duration = Duration::from_secs(2);

/// The title of an embed (discord.com/developers, "Message Resource", "Embed Limits": at most 256
/// characters).
const MAX_TITLE: usize = 256;

/// The description of an embed. Documented are 4,096 characters, and 6,000 for all texts together
/// ("Embed Limits"): this and ten facts stay below.
const MAX_DESCRIPTION: usize = 2000;

/// The value of a field, of which there may be 25. Documented are 1,024 characters; see
/// [`MAX_DESCRIPTION`].
const MAX_VALUE: usize = 300;

const MARKUP: Markup = Markup { escape: markdown, measure: utf16 };

#[derive(Debug)]
pub(super) struct Discord;

impl Format for Discord {
    fn body(&self, event: &Event) -> Vec<u8> {
        message(&Card::new(event), event).to_string().into_bytes()
    }

    fn spacing(&self) -> Duration {
        SPACING
    }

    // Without `wait`, Discord answers before it knows whether it keeps the message
    // (discord.com/developers, "Execute Webhook").
    fn url(&self, configured: WebhookUrl) -> WebhookUrl {
        configured.with_query("wait", "true")
    }
}

fn message(card: &Card, event: &Event) -> Value {
    let facts = card.facts.iter().map(|(label, value)| {
        json!({ "name": label.text(), "value": MARKUP.fit(value, MAX_VALUE), "inline": true })
    });
    let advice = card.advice.map(|advice| json!({ "name": "What to do", "value": advice, "inline": false }));
    let fields: Vec<_> = facts.chain(advice).collect();
    json!({
        "embeds": [{
            "title": MARKUP.fit(card.heading, MAX_TITLE),
            "description": MARKUP.fit(&card.summary, MAX_DESCRIPTION),
            "color": color(card.severity),
            "fields": fields,
            "footer": { "text": format!("restore-watch · {}", event.kind) },
            "timestamp": event.timestamp.to_string(),
        }],
        "allowed_mentions": { "parse": [] },
    })
}

fn color(severity: Severity) -> u32 {
    match severity {
        Severity::Success => 0x002e_a043,
        Severity::Error => 0x00d7_3a49,
        Severity::Warning => 0x00db_ab09,
        Severity::Info => 0x006a_737d,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::sample_events;
    use super::*;
    use crate::engine::retry::RetryAfter;

    #[test]
    fn completed() {
        let event = sample_events::completed();
        insta::assert_snapshot!(format!("{:#}", message(&Card::new(&event), &event)), @r#"
        {
          "embeds": [
            {
              "title": "Restore completed",
              "description": "restore nightly (rj-1) into index docs completed after 6.0s",
              "color": 3055683,
              "fields": [
                {
                  "name": "Index",
                  "value": "docs",
                  "inline": true
                },
                {
                  "name": "Took",
                  "value": "6.0s",
                  "inline": true
                },
                {
                  "name": "Backup",
                  "value": "bk-1",
                  "inline": true
                },
                {
                  "name": "Job id",
                  "value": "rj-1",
                  "inline": true
                },
                {
                  "name": "Noticed",
                  "value": "500ms after its end",
                  "inline": true
                },
                {
                  "name": "What to do",
                  "value": "Wait until the index is ready before you send traffic to it: a completed restore is no promise that it serves.",
                  "inline": false
                }
              ],
              "footer": {
                "text": "restore-watch · restore_job.completed"
              },
              "timestamp": "2026-11-23T12:00:00.5Z"
            }
          ],
          "allowed_mentions": {
            "parse": []
          }
        }
        "#);
    }

    #[test]
    fn failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @r#"{"embeds":[{"title":"Restore failed","description":"restore rj-2 into index docs\\_\\*v2\\* failed within 1h 30m of its start: \\<b\\>no & why\\</b\\>","color":14105161,"fields":[{"name":"Index","value":"docs\\_\\*v2\\*","inline":true},{"name":"Project","value":"EU & co","inline":true},{"name":"Progress","value":"42 %","inline":true},{"name":"Took","value":"at most 1h 30m","inline":true},{"name":"Job id","value":"rj-2","inline":true},{"name":"What to do","value":"The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.","inline":false}],"footer":{"text":"restore-watch · restore_job.failed"},"timestamp":"2026-11-23T12:00:00.5Z"}],"allowed_mentions":{"parse":[]}}"#);
    }

    #[test]
    fn unauthorized() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r#"{"embeds":[{"title":"Pinecone refuses the API key","description":"project EU & co: the API refuses the key or its permission: HTTP 403: Forbidden","color":14105161,"fields":[{"name":"Project","value":"EU & co","inline":true},{"name":"What to do","value":"Check that the API key is still valid and has the permission control::backups::list. The watch goes on, but slowly. A new key in a file is used after restore-watch reload.","inline":false}],"footer":{"text":"restore-watch · project.unauthorized"},"timestamp":"2026-11-23T12:00:00.5Z"}],"allowed_mentions":{"parse":[]}}"#);
    }

    #[test]
    fn test() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r#"{"embeds":[{"title":"Test of restore-watch, nothing happened","description":"a test of restore-watch; no restore is meant","color":6976381,"fields":[{"name":"What to do","value":"If you can read this, the sink works. There is nothing to do.","inline":false}],"footer":{"text":"restore-watch · restore_watch.test"},"timestamp":"2026-11-23T12:00:00.5Z"}],"allowed_mentions":{"parse":[]}}"#);
    }

    #[test]
    fn a_refusal_asks_for_fractions_of_a_second_in_its_body() {
        for (answer, millis) in [
            (
                r#"{"message": "You are being rate limited.", "retry_after": 64.57, "global": false}"#,
                Some(64_570),
            ),
            (r#"{"retry_after": 0.3}"#, Some(300)),
            (r#"{"retry_after": 2}"#, Some(2000)),
            (r#"{"retry_after": -1}"#, None),
            (r#"{"retry_after": "soon"}"#, None),
            (r#"{"message": "no"}"#, None),
            ("ok", None),
            ("", None),
        ] {
            let asked = millis.map(|millis| RetryAfter::For(Duration::from_millis(millis)));

            assert_eq!(Discord.retry_after(answer.as_bytes()), asked, "{answer}");
        }

        let absurd = RetryAfter::For(Duration::MAX);
        assert_eq!(Discord.retry_after(br#"{"retry_after": 1e300}"#), Some(absurd));
    }

    #[test]
    fn the_address_asks_for_an_answer_after_the_message_is_kept() {
        let configured = WebhookUrl::parse("https://discord.example/api/webhooks/1/x", false).unwrap();

        let url = Discord.url(configured);

        assert_eq!(url.expose().as_str(), "https://discord.example/api/webhooks/1/x?wait=true");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn limits_are_kept(event in sample_events::any_event()) {
            let card = Card::new(&event);
            let message = message(&card, &event);
            let embed = &message["embeds"][0];
            let mut total = 0;
            let mut length = |text: &Value| {
                let length = utf16(text.as_str().unwrap());
                total += length;
                length
            };
            prop_assert_eq!(&embed["title"], card.heading);
            prop_assert!(length(&embed["title"]) <= 256);
            prop_assert!((1..=4096).contains(&length(&embed["description"])));
            prop_assert!(length(&embed["footer"]["text"]) <= 2048);
            let fields = embed["fields"].as_array().unwrap();
            prop_assert!(fields.len() <= 25);
            for field in fields {
                prop_assert!((1..=256).contains(&length(&field["name"])));
                prop_assert!((1..=1024).contains(&length(&field["value"])));
            }
            prop_assert!(total <= 6000, "{}", total);
        }
    }

    fn shown(event: &Event) -> String {
        message(&Card::new(event), event).to_string()
    }
}
