//! A server of webhooks.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Received, Receiver, Reply};
use serde_json::Value;

use super::{Page, Post, Receives, Temper};
use crate::secrets;
use crate::support::receive;

/// A receiver of webhooks of one format.
pub(super) struct WebhookReceiver {
    name: &'static str,
    format: &'static str,
    secrets: &'static [u8],
    receiver: Receiver,
}

impl WebhookReceiver {
    pub(super) fn open(name: &'static str, format: &'static str, secrets: &'static [u8], page: Page) -> Self {
        let receiver = receive([]);
        let clock = Clock::system();
        receiver.decide(move |received| {
            let (reply, taken) = reply(&page, format);
            let id = received.header("webhook-id").unwrap_or_default().to_owned();
            let fault = fault(format, secrets, received);
            page.record(Post {
                at: clock.now().wall,
                id,
                body: committed(format, &received.body),
                taken,
                fault,
            });
            reply
        });
        Self { name, format, secrets, receiver }
    }
}

impl Receives for WebhookReceiver {
    fn keys(&self) -> String {
        let Self { name, format, secrets, .. } = self;
        let secrets: Vec<_> =
            secrets.iter().map(|number| format!("{{ env = \"SECRET_{number}\" }}")).collect();
        let signed = if secrets.is_empty() {
            String::new()
        } else {
            format!("signing_secret = [{}]\n", secrets.join(", "))
        };
        let further = match *format {
            "pagerduty" => "routing_key = { env = \"KEY_OF_BODY\" }\n",
            "template" => {
                "secrets = { key = { env = \"KEY_OF_BODY\" } }\n\
                 payload = { routing_key = \"{{ secret.key }}\", text = \"{{ summary }}\", id = \"{{ id }}\" }\n"
            }
            _ => "",
        };
        format!(
            "type = \"webhook\"\nbearer = {{ env = \"TOKEN\" }}\nurl = {{ env = \"URL_{name}\" }}\nformat = \"{format}\"\n{signed}{further}"
        )
    }

    fn variables(&self) -> Vec<(String, String)> {
        let url = format!("{}/{}", self.receiver.url(), secrets::PATH);
        let secrets = self.secrets.iter();
        let secrets = secrets.map(|number| (format!("SECRET_{number}"), secrets::signing(*number)));
        let further = [("KEY_OF_BODY", secrets::KEY_OF_BODY), ("TOKEN", secrets::TOKEN)];
        let further = further.map(|(name, value)| (name.to_owned(), value.to_owned()));
        secrets.chain([(format!("URL_{}", self.name), url)]).chain(further).collect()
    }
}

/// How a request is answered, and whether that is well.
fn reply(page: &Page, format: &str) -> (Reply, bool) {
    let taken = |status| Reply::status(if format == "pagerduty" { 202 } else { status });
    let late = |reply: Reply| reply.after(Duration::from_millis(page.delay()));
    match page.mood() {
        (Temper::Well, _) | (Temper::Wild, 0..50) | (Temper::Strict, 0..55) => (taken(204), true),
        (Temper::Wild, 50..60) => (late(taken(200).body("taken")), true),
        (Temper::Wild, 60..70) => (Reply::status(500), false),
        (Temper::Wild, 70..75) => (late(Reply::status(502).body("<html>")), false),
        (Temper::Wild, 75..78) => (Reply::status(429).body("{\"retry_after\": 0.05}"), false),
        (Temper::Wild, 78) => (Reply::status(429).header("retry-after", "1"), false),
        (Temper::Wild, 79..90) => (Reply::drop_connection(), false),
        (Temper::Wild, _) => (late(Reply::drop_connection()), false),
        (Temper::Strict, _) => (Reply::status(500).body("not like this"), false),
    }
}

/// The committed body of a request: without the secret that came in when it was made.
fn committed(format: &str, body: &Bytes) -> Bytes {
    let secret = format!("\"{}\"", secrets::KEY_OF_BODY);
    let name = if format == "pagerduty" { "routing_key" } else { "key" };
    let placeholder = format!("{{\"restore-watch:secret\":\"{name}\"}}");
    String::from_utf8_lossy(body).replace(&secret, &placeholder).into()
}

/// What is wrong with a request by itself: its form, or one of its signatures.
fn fault(format: &str, secrets: &[u8], received: &Received) -> Option<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &received.headers {
        headers.append(name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?);
    }
    let path = format!("/{}", secrets::PATH);
    if received.method != "POST" || received.path != path || headers.get_all("webhook-id").iter().count() != 1
    {
        return Some(format!("{} {} {headers:?}", received.method, received.path));
    }
    if received.header("authorization") != Some(&format!("Bearer {}", secrets::TOKEN)) {
        return Some("another authorization".to_owned());
    }
    let has_key = matches!(format, "pagerduty" | "template");
    if has_key && key_of(&received.body).as_deref() != Some(secrets::KEY_OF_BODY) {
        return Some("the secret of the body is missing".to_owned());
    }
    secrets.iter().find_map(|number| {
        let secret = standardwebhooks::Webhook::new(&secrets::signing(*number)).expect("a secret");
        let wrong = secret.verify(&received.body, &headers).err()?;
        Some(format!("the signature of secret {number}: {wrong}"))
    })
}

fn key_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body.get("routing_key")?.as_str()?.to_owned())
}
