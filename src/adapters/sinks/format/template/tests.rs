//! The shipped examples: valid for any event, within the limits of their service, and no name can
//! change what they are.

use proptest::prelude::*;
use serde_json::Value;

use super::super::super::sample_events;
use super::super::binding;
use super::*;
use crate::config::{self, SecretSource, SinkTarget, TemplateSettings};
use crate::model::markup::utf16;
use crate::model::{EventKind, ProjectName, presentable};

/// A shipped example: its file, and what its service accepts.
struct Example {
    name: &'static str,
    text: &'static str,
    accepts: fn(&Value) -> Result<(), String>,
}

const EXAMPLES: [Example; 5] = [
    Example {
        name: "telegram",
        text: include_str!("../../../../../config/sinks/telegram.toml"),
        accepts: |body| {
            text(body, "/text", 4096)?;
            no_mention(body, "/text")?;
            no_further_line(body, "/text", 3)?;
            kind(body, "/disable_notification", Value::is_boolean)
        },
    },
    Example {
        name: "mattermost",
        text: include_str!("../../../../../config/sinks/mattermost.toml"),
        accepts: |body| {
            text(body, "/text", 16_383)?;
            no_markdown(body, "/text")?;
            no_further_line(body, "/text", 3)?;
            no_mention(body, "/text")
        },
    },
    Example {
        name: "google-chat",
        text: include_str!("../../../../../config/sinks/google-chat.toml"),
        accepts: |body| {
            text(body, "/text", 4096)?;
            no_mention(body, "/text")?;
            no_further_line(body, "/text", 3)?;
            if body.to_string().len() <= 32_000 { Ok(()) } else { Err("the message is too large".to_owned()) }
        },
    },
    Example {
        name: "pushover",
        text: include_str!("../../../../../config/sinks/pushover.toml"),
        accepts: |body| {
            text(body, "/message", 1024)?;
            text(body, "/title", 250)?;
            no_further_line(body, "/message", 1)?;
            kind(body, "/priority", |priority| priority.as_i64().is_some_and(|priority| priority.abs() < 2))?;
            kind(body, "/token", |token| token == SECRET)?;
            kind(body, "/user", |user| user == SECRET)
        },
    },
    Example {
        name: "jira-service-management",
        text: include_str!("../../../../../config/sinks/jira-service-management.toml"),
        accepts: |body| {
            text(body, "/message", 130)?;
            text(body, "/alias", 512)?;
            text(body, "/description", 15_000)?;
            text(body, "/tags/1", 50)?;
            for shown_as_html in ["/message", "/description"] {
                no_mention(body, shown_as_html)?;
                no_further_line(body, shown_as_html, 1)?;
            }
            kind(body, "/details", |details| {
                let is_short = |text: &Value| text.as_str().is_some_and(|text| utf16(text) <= 100);
                details.as_object().is_some_and(|details| details.values().all(is_short))
            })?;
            kind(body, "/priority", |priority| ["P2", "P3", "P5"].iter().any(|known| priority == known))
        },
    },
];

const SECRET: &str = "canary-secret";

/// The text at `pointer` is not empty and has no more than `most` characters, however a service
/// counts them.
fn text(body: &Value, pointer: &str, most: usize) -> Result<(), String> {
    let text = body.pointer(pointer).and_then(Value::as_str).ok_or(format!("no text at {pointer}"))?;
    let length = utf16(text);
    if (1..=most).contains(&length) && !text.trim().is_empty() {
        return Ok(());
    }
    Err(format!("{length} characters at {pointer}"))
}

fn kind(body: &Value, pointer: &str, is_good: fn(&Value) -> bool) -> Result<(), String> {
    let found = body.pointer(pointer).unwrap_or(&Value::Null);
    if is_good(found) { Ok(()) } else { Err(format!("{found} at {pointer}")) }
}

/// Nothing that a service could take for a mention, a tag or a link with words of its own.
fn no_mention(body: &Value, pointer: &str) -> Result<(), String> {
    let text = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let followers =
        text.char_indices().filter(|(_, c)| matches!(c, '@' | '<')).map(|(at, _)| &text[at + 1..]);
    let is_broken = |rest: &str| rest.starts_with(['\u{200b}', '…']);
    if followers.clone().all(is_broken) { Ok(()) } else { Err(format!("a mention at {pointer}")) }
}

/// Besides the advice, which is behind an empty line, there are the lines of the template: a name
/// makes none.
fn no_further_line(body: &Value, pointer: &str, lines: usize) -> Result<(), String> {
    let text = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (text, advice) = text.split_once("\n\n").unwrap_or((text, ""));
    let is_line = |line: &str| !line.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
    let found: Vec<_> = text.split('\n').collect();
    if found.len() == lines && found.into_iter().chain([advice]).all(is_line) {
        return Ok(());
    }
    Err(format!("further lines at {pointer}"))
}

/// The second line and the third, which have names, have nothing that is Markdown.
fn no_markdown(body: &Value, pointer: &str) -> Result<(), String> {
    let text = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let mut is_escaped = false;
    for c in text.split('\n').skip(1).take(2).flat_map(str::chars) {
        if !is_escaped && "*_~`|<>#[]".contains(c) {
            return Err(format!("{c} at {pointer}"));
        }
        is_escaped = !is_escaped && c == '\\';
    }
    Ok(())
}

/// The template of a configuration that has this sink.
fn settings(sink: &str) -> TemplateSettings {
    let text = format!("jobs = []\n{sink}");
    let settings =
        config::parse(&text, std::path::Path::new("config.toml")).unwrap_or_else(|e| panic!("{e}"));
    let webhook = settings.sinks.into_iter().find_map(|sink| match sink.target {
        SinkTarget::Webhook(webhook) => webhook.template.map(|template| *template),
        _ => None,
    });
    webhook.unwrap()
}

/// A template for the tests of all formats.
pub(in crate::adapters::sinks::format) fn example() -> TemplateSettings {
    settings(
        "[[sink]]\ntype = 'webhook'\nurl = 'https://example.com'\nformat = 'template'\n\
         payload = { text = '{{ heading }}: {{ summary }}', ended = '{{ severity != \"info\" }}' }\n",
    )
}

fn format(template: TemplateSettings) -> Template {
    let url = config::UrlSource::Given(config::WebhookUrl::parse("https://example.com", false).unwrap());
    let settings = WebhookSettings { template: Some(Box::new(template)), ..WebhookSettings::new(url) };
    Template::new("chat", &settings, &|_: &SecretSource| Ok(SECRET.into())).unwrap()
}

fn shipped(example: &Example) -> Template {
    // The variable is not set here; that the file is as it should be, `tests/daemon` shows.
    let text = example.text.replace("{{ env.TELEGRAM_CHAT }}", "-1001234567890");
    format(settings(&text))
}

/// What is the same in the bodies for all events: everything but the texts.
fn shape(value: &Value) -> Value {
    match value {
        Value::String(_) => Value::from("text"),
        Value::Number(_) => Value::from(0),
        Value::Bool(_) => Value::from(true),
        Value::Null => Value::Null,
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
    }
}

#[test]
fn examples_render_every_sample_without_a_replacement() {
    for example in &EXAMPLES {
        let format = shipped(example);
        for kind in EventKind::ALL_AND_TEST {
            for event in Event::samples(*kind) {
                let Rendered { body, faults } = format.content.render(&event);

                assert_eq!(faults, [], "{} {kind}", example.name);
                let sent: Value = serde_json::from_slice(&format.bind(&body)).unwrap();
                (example.accepts)(&sent).unwrap_or_else(|why| panic!("{} {kind}: {why}", example.name));
            }
        }
    }
}

#[test]
fn examples_read_as_people_write() {
    let messages = EXAMPLES.iter().map(|example| {
        let body: Value = serde_json::from_slice(&shipped(example).body(&sample_events::failed())).unwrap();
        // A space of no width would not be seen here.
        format!("{}: {body:#}\n", example.name).replace('\u{200b}', "·")
    });
    insta::assert_snapshot!(messages.collect::<String>(), @r#"
    telegram: {
      "chat_id": "-1001234567890",
      "text": "Restore failed\nrestore rj-2 into index docs_*v2* failed within 1h 30m of its start: <·b>no & why<·/b>\nProject: EU & co\n\nThe API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.",
      "disable_notification": false,
      "link_preview_options": {
        "is_disabled": true
      }
    }
    mattermost: {
      "text": "**Restore failed**\nrestore rj-2 into index docs\\_\\*v2\\* failed within 1h 30m of its start: \\<·b\\>no & why\\<·/b\\>\nProject: EU & co\n\n_The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup._"
    }
    google-chat: {
      "text": "*Restore failed*\nrestore rj-2 into index docs_*v2* failed within 1h 30m of its start: <·b>no & why<·/b>\nProject: EU & co\n\nThe API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup."
    }
    pushover: {
      "token": {
        "restore-watch:secret": "token"
      },
      "user": {
        "restore-watch:secret": "user"
      },
      "title": "Restore failed",
      "message": "restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <b>no & why</b>\n\nThe API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.",
      "priority": 1
    }
    jira-service-management: {
      "message": "Restore failed: restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <·b>no & why<·/b>",
      "alias": "restore-watch/EU & co/rj-2",
      "description": "restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <·b>no & why<·/b>\n\nThe API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.",
      "priority": "P2",
      "source": "restore-watch",
      "tags": [
        "restore-watch",
        "restore_job.failed"
      ],
      "details": {
        "project": "EU & co",
        "job": "rj-2",
        "index": "docs_*v2*"
      }
    }
    "#);
}

#[test]
fn a_secret_is_in_the_request_alone() {
    let format = shipped(&EXAMPLES[3]);

    let committed = format.body(&sample_events::failed());

    let shown = format!("{format:?} {}", String::from_utf8(committed.clone()).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
    assert!(String::from_utf8(format.bind(&committed).into_owned()).unwrap().contains(SECRET));
    assert_eq!(format.secrets(), [SECRET, SECRET]);
    assert!(matches!(binding::bind(b"[]", &[]), Cow::Borrowed(_)));
}

#[test]
fn telegram_says_how_long_to_wait() {
    let answer = br#"{"ok":false,"error_code":429,"parameters":{"retry_after":3}}"#;

    assert_eq!(format(example()).retry_after(answer), Some(RetryAfter::For(Duration::from_secs(3))));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_makes_a_message_that_its_service_accepts(event in sample_events::any_event()) {
        // The configuration refuses other names of projects.
        let project = Some(presentable(event.project.as_str(), 64)).filter(|name| !name.is_empty());
        let project = project.map_or_else(ProjectName::default, ProjectName::new);
        let event = Event { project, ..event };

        for example in &EXAMPLES {
            let format = shipped(example);
            let Rendered { body, faults } = format.content.render(&event);
            prop_assert_eq!(faults, [], "{}", example.name);
            prop_assert_eq!(&body, &format.content.render(&event).body, "{} is repeatable", example.name);

            let sent: Value = serde_json::from_slice(&format.bind(&body)).unwrap();
            if let Err(why) = (example.accepts)(&sent) {
                return Err(TestCaseError::fail(format!("{}: {why}", example.name)));
            }
            let usual = format.content.render(&sample_events::failed()).body;
            let usual: Value = serde_json::from_slice(&format.bind(&usual)).unwrap();
            prop_assert_eq!(shape(&sent), shape(&usual), "{}", example.name);
        }
    }
}
