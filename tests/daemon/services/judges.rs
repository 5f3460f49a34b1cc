//! What services accept and how they answer, written from their documentation: one judge for each.
//!
//! Invariant: a judge knows nothing of the program. It sees a request as its service does, and
//! refuses what would be refused, cut or split there, and texts that would notify people.

use restore_watch::simulate::Received;
use serde_json::{Value, json};

pub const TELEGRAM_TOKEN: &str = "123456:canary-of-telegram-AAAAAAAAAAAAAAA";
pub const TELEGRAM_CHAT: &str = "-1001234567890";
pub const MATTERMOST_KEY: &str = "canaryofmattermost7k2d9qwe";
pub const GOOGLE_KEY: &str = "canary-of-google-key-AIza";
pub const GOOGLE_TOKEN: &str = "canary-of-google-token%3D";
pub const PUSHOVER_TOKEN: &str = "acanaryofpushovertoken7k2d9qwe";
pub const PUSHOVER_USER: &str = "ucanaryofpushoveruser77k2d9qwe";
pub const JSM_KEY: &str = "canary00-2b1d-4f8f-9d39-04d2a0b0a8f0";
pub const PAGERDUTY_KEY: &str = "0123456789abcdef0123456789canary";

/// How a service answers a request: a status and a body.
pub type Answer = (u16, String);

/// How a service judges a request.
pub type Judge = fn(&Received) -> Answer;

/// The judge of the service that has this path; none if no service has it.
pub fn of(path: &str) -> Option<Judge> {
    let judges: [(&str, Judge); 6] = [
        ("/bot", telegram),
        ("/hooks/", mattermost),
        ("/v1/spaces/", google_chat),
        ("/1/messages.json", pushover),
        ("/jsm/ops/", jira_service_management),
        ("/v2/enqueue", pagerduty),
    ];
    judges.into_iter().find(|(start, _)| path.starts_with(start)).map(|(_, judge)| judge)
}

/// Telegram (core.telegram.org/bots/api): "Making requests", "sendMessage".
pub fn telegram(post: &Received) -> Answer {
    let refuse = |code: u16, why: &str| {
        (code, json!({ "ok": false, "error_code": code, "description": why }).to_string())
    };
    if post.path != format!("/bot{TELEGRAM_TOKEN}/sendMessage") {
        return refuse(401, &format!("Unauthorized: {}", post.path));
    }
    let Some(body) = object(post) else { return refuse(400, "Bad Request: can't parse the request") };

    let text = body["text"].as_str().unwrap_or_default().trim();
    let is_bool = |value: &Value| value.is_null() || value.is_boolean();
    let faults = [
        ("chat not found", body["chat_id"] != TELEGRAM_CHAT),
        ("message text is empty", text.is_empty()),
        // Telegram counts UTF-16 code units.
        ("message is too long", text.encode_utf16().count() > 4096),
        ("can't parse entities", !body["parse_mode"].is_null()),
        ("disable_notification", !is_bool(&body["disable_notification"])),
        ("link_preview_options", !is_bool(&body["link_preview_options"]["is_disabled"])),
        ("a name mentions a user", mentions(text, '@')),
    ];
    match first(&faults) {
        Some(why) => refuse(400, &format!("Bad Request: {why}")),
        None => (200, json!({ "ok": true, "result": { "message_id": 1, "text": text } }).to_string()),
    }
}

/// Mattermost (developers.mattermost.com, "Incoming webhooks").
pub fn mattermost(post: &Received) -> Answer {
    let refuse = |why: &str| (400, json!({ "message": why, "status_code": 400 }).to_string());
    if post.path != format!("/hooks/{MATTERMOST_KEY}") {
        return refuse(&format!("Invalid webhook: {}", post.path));
    }
    let Some(body) = object(post) else { return refuse("Unable to parse incoming data") };

    let text = body["text"].as_str().unwrap_or_default();
    let faults = [
        ("No text specified", text.trim().is_empty()),
        ("the message would be split", text.chars().count() > 16_383),
        ("a name mentions a user", mentions(text, '@')),
        ("a name is a link or a mention as in Slack", mentions(text, '<')),
        ("a name is Markdown", is_markdown(text)),
    ];
    match first(&faults) {
        Some(why) => refuse(why),
        None => (200, "ok".to_owned()),
    }
}

/// Google Chat (developers.google.com/workspace/chat): "Build a Google Chat app as a webhook",
/// "Method: spaces.messages.create", "Format messages". The limit of the text is that of its error
/// "Message is longer than 4096 characters".
pub fn google_chat(post: &Received) -> Answer {
    let refuse = |code: u16, why: &str, status: &str| {
        (code, json!({ "error": { "code": code, "message": why, "status": status } }).to_string())
    };
    if post.path != format!("/v1/spaces/AAAA/messages?key={GOOGLE_KEY}&token={GOOGLE_TOKEN}") {
        return refuse(401, &format!("no such key: {}", post.path), "UNAUTHENTICATED");
    }
    let body = object(post).and_then(|body| Some(body.as_object()?.clone()));
    let Some(body) = body else { return refuse(400, "Invalid JSON payload received", "INVALID_ARGUMENT") };

    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    let known = ["text", "cardsV2", "thread", "fallbackText"];
    let faults = [
        ("Unknown name", !body.keys().all(|name| known.contains(&name.as_str()))),
        ("Message cannot be empty", text.trim().is_empty()),
        ("Message is longer than 4096 characters", text.chars().count() > 4096),
        ("the message is larger than 32,000 bytes", post.body.len() > 32_000),
        ("a name is a link or a mention", mentions(text, '<')),
    ];
    match first(&faults) {
        Some(why) => refuse(400, why, "INVALID_ARGUMENT"),
        None => (200, json!({ "name": "spaces/AAAA/messages/1", "text": text }).to_string()),
    }
}

/// Pushover (pushover.net/api): "Pushing Messages", "Limitations", "Message Priority".
pub fn pushover(post: &Received) -> Answer {
    let refuse = |field: &str, why: &str| {
        (400, json!({ field: "invalid", "errors": [why], "status": 0, "request": "r-1" }).to_string())
    };
    let Some(body) = object(post) else { return refuse("message", "no parameters") };
    for (field, known) in [("token", PUSHOVER_TOKEN), ("user", PUSHOVER_USER)] {
        if body[field] != known {
            return refuse(field, &format!("{field} is invalid: {}", body[field]));
        }
    }

    let length = |field: &str| body[field].as_str().map_or(0, |text| text.chars().count());
    let priority = body["priority"].as_i64();
    let faults = [
        ("message cannot be blank", body["message"].as_str().is_none_or(|text| text.trim().is_empty())),
        ("message is too long", length("message") > 1024),
        ("title is too long", length("title") > 250),
        ("priority is invalid", !priority.is_some_and(|priority| (-2..=2).contains(&priority))),
        ("priority 2 needs retry and expire", priority == Some(2) && body["retry"].is_null()),
    ];
    match first(&faults) {
        Some(why) => refuse("message", why),
        None => (200, json!({ "status": 1, "request": "r-1" }).to_string()),
    }
}

/// Jira Service Management (developer.atlassian.com, "Integration events", "Create alert";
/// operations-help.atlassian.net, "Alert fields"; docs.opsgenie.com, "Alert API").
pub fn jira_service_management(post: &Received) -> Answer {
    let refuse =
        |code: u16, why: &str| (code, json!({ "message": why, "took": 0.0, "requestId": "r-1" }).to_string());
    let authorization = post.header("authorization").unwrap_or_default();
    if authorization != format!("GenieKey {JSM_KEY}") {
        return refuse(401, &format!("Could not authenticate: {authorization}"));
    }
    let Some(body) = object(post) else { return refuse(400, "Could not decode the request") };

    let empty = serde_json::Map::new();
    let details = body["details"].as_object().unwrap_or(&empty);
    let texts = |value: &Value| value.as_array().into_iter().flatten().map(length).collect::<Vec<_>>();
    let is_within = |field: &str, most: usize| body[field].is_null() || length(&body[field]) <= most;
    let tags = texts(&body["tags"]);
    let faults = [
        ("path", post.path != "/jsm/ops/integration/v2/alerts"),
        ("message can not be empty", body["message"].as_str().is_none_or(|text| text.trim().is_empty())),
        ("message", !is_within("message", 130)),
        ("alias", !is_within("alias", 512)),
        ("description", !is_within("description", 15_000)),
        ("source", !is_within("source", 100)),
        ("tags", tags.len() > 20 || tags.iter().any(|length| !(1..=50).contains(length))),
        ("details are no texts", details.values().any(|value| !value.is_string())),
        ("details", details.iter().map(|(name, value)| name.len() + length(value)).sum::<usize>() > 8000),
        ("priority", !["P1", "P2", "P3", "P4", "P5"].iter().any(|known| body["priority"] == *known)),
        ("a name is HTML", ["message", "description"].iter().any(|field| is_html(&body[*field]))),
    ];
    match first(&faults) {
        Some(why) => refuse(422, &format!("Request body is not processable: {why}")),
        None => (202, json!({ "result": "Request will be processed", "requestId": "r-1" }).to_string()),
    }
}

/// `PagerDuty` (developer.pagerduty.com): "Send an Alert Event", and of the "Events API v2 Overview"
/// "Response Codes & Retry Logic" and "Size Limits".
pub fn pagerduty(post: &Received) -> Answer {
    let body = object(post).unwrap_or_default();
    let length = |value: &Value| value.as_str().map(|text| text.chars().count());
    let one_of = |value: &Value, words: &[&str]| value.as_str().is_some_and(|word| words.contains(&word));
    let payload = &body["payload"];
    let is_optional_text = |field: &str| payload[field].is_null() || payload[field].is_string();

    let faults = [
        ("path", post.path != "/v2/enqueue"),
        ("size", post.body.len() > 512_000),
        (
            "Length of 'routing_key' is incorrect (should be 32 characters)",
            length(&body["routing_key"]) != Some(32),
        ),
        ("event_action", !one_of(&body["event_action"], &["trigger", "acknowledge", "resolve"])),
        ("dedup_key", !length(&body["dedup_key"]).is_some_and(|length| (1..=255).contains(&length))),
        ("summary", !length(&payload["summary"]).is_some_and(|length| (1..=1024).contains(&length))),
        ("source", length(&payload["source"]).is_none_or(|length| length == 0)),
        ("severity", !one_of(&payload["severity"], &["critical", "error", "warning", "info"])),
        ("timestamp", payload["timestamp"].as_str().is_some_and(|text| !text.contains('T'))),
        ("a text", !["component", "group", "class"].into_iter().all(is_optional_text)),
        ("custom_details", !payload["custom_details"].is_object()),
    ];
    match first(&faults) {
        Some(why) => {
            let body =
                json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [why] });
            (400, body.to_string())
        }
        None => (202, json!({ "status": "success", "message": "Event processed" }).to_string()),
    }
}

/// The body of a request that is JSON by its header too.
fn object(post: &Received) -> Option<Value> {
    let is_json = post.header("content-type").is_some_and(|value| value.starts_with("application/json"));
    let body: Value = serde_json::from_slice(&post.body).ok()?;
    (post.method == "POST" && is_json && body.is_object()).then_some(body)
}

fn first<'a>(faults: &[(&'a str, bool)]) -> Option<&'a str> {
    faults.iter().find(|(_, is_there)| *is_there).map(|(why, _)| *why)
}

/// In characters; of what is no text, more than anything accepts.
fn length(value: &Value) -> usize {
    value.as_str().map_or(usize::MAX, |text| text.chars().count())
}

/// Whether something that can be a name, an address or a command follows this sign.
fn mentions(text: &str, sign: char) -> bool {
    let begins_one = |c: char| c.is_alphanumeric() || "!#/_@".contains(c);
    text.split(sign).skip(1).any(|rest| rest.starts_with(begins_one))
}

/// Whether a browser would take a part of the text for a tag (html.spec.whatwg.org, "Tag open
/// state").
fn is_html(value: &Value) -> bool {
    let begins_tag = |c: char| c.is_ascii_alphabetic() || "!/?".contains(c);
    value.as_str().unwrap_or_default().split('<').skip(1).any(|rest| rest.starts_with(begins_tag))
}

/// Whether there is markup besides a bold first line and an italic last one, and whether a line
/// begins as a heading, a list, a quotation or a table does (spec.commonmark.org, "Backslash
/// escapes").
fn is_markdown(text: &str) -> bool {
    let lines: Vec<_> = text.lines().collect();
    lines.iter().enumerate().any(|(at, line)| {
        let own = match at {
            0 => line.strip_prefix("**").and_then(|line| line.strip_suffix("**")),
            _ if at + 1 == lines.len() => line.strip_prefix('_').and_then(|line| line.strip_suffix('_')),
            _ => None,
        };
        let line = own.unwrap_or(line);
        let mut is_escaped = false;
        let has_markup = line.chars().any(|c| {
            let is_markup = !is_escaped && "*_~`|<>#[]".contains(c);
            is_escaped = !is_escaped && c == '\\';
            is_markup
        });
        has_markup || line.starts_with(['-', '+', '=', ' ', '\t'])
    })
}
