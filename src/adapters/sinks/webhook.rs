//! Transitions as HTTP POSTs.
//!
//! Invariant: each attempt at a delivery has the same id and the same body; an attempt ends within 15 s, or 17 s if a proxy
//! refused and is asked why.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};

use super::signature::SigningSecrets;
use super::{SinkError, format};
use crate::adapters::http::{self, Fault, Peer, SendError, Terms};
use crate::config::{Redactor, WebhookFormat, WebhookSettings, WebhookUrl};
use crate::engine::retry::RetryAfter;
use crate::engine::{DeliveryPolicy, Failure, FailureClass};
use crate::model::{Event, Payload, one_line};
use crate::platform::failpoint;

/// How long one attempt may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Answers are read for one line of text.
const MAX_ANSWER: usize = 64 * 1024;

/// The number of characters after which that line is cut.
const MAX_LINE: usize = 200;

/// How a webhook with these settings is tried again.
pub(super) fn policy(settings: &WebhookSettings) -> DeliveryPolicy {
    let spacing = format::spacing(settings.format);
    DeliveryPolicy { spacing, ..DeliveryPolicy::retry(settings.retry_schedule.clone()) }
}

/// A webhook sink.
#[derive(Debug)]
pub struct Webhook {
    http: http::Client,
    url: WebhookUrl,
    peer: Peer,
    redactor: Redactor,
    format: WebhookFormat,
    secrets: SigningSecrets,
}

impl Webhook {
    pub(super) fn new(settings: &WebhookSettings) -> Result<Self, SinkError> {
        let name = || settings.name.clone();
        let url =
            settings.url.read(settings.allow_http).map_err(|fault| SinkError::Url { name: name(), fault })?;
        let purpose = if settings.block_private {
            http::ClientOptions::public_only(url.expose(), None)
        } else {
            Ok(http::ClientOptions::new(url.expose(), None))
        };
        let http = purpose
            .and_then(|options| http::client(&options.within(TIMEOUT)))
            .map_err(|error| SinkError::Client { name: name(), error })?;
        let secrets = SigningSecrets::read(&settings.signing_secrets)
            .map_err(|error| SinkError::Signature { name: name(), error })?;
        // Without it, Discord answers before it knows whether it keeps the message (Discord developer documentation,
        // "Execute Webhook").
        let url =
            if settings.format == WebhookFormat::Discord { url.with_query("wait", "true") } else { url };
        let peer = if settings.block_private { Peer::PublicReceiver } else { Peer::Receiver };
        let redactor = http::with_proxy_credentials(secrets.hide(url.redactor()));
        Ok(Self { http, url, peer, redactor, format: settings.format, secrets })
    }

    /// Where it posts to, to be hashed and not shown.
    pub(super) fn address(&self) -> &str {
        self.url.expose().as_str()
    }

    /// What is sent for a transition, where that is not the transition itself as JSON.
    pub(super) fn body(&self, event: &Event) -> Option<Vec<u8>> {
        (self.format != WebhookFormat::Standard).then(|| format::body(self.format, event))
    }

    /// Posts a letter; `now` is the time of this attempt.
    pub(super) async fn deliver(&self, payload: &Payload, now: Timestamp) -> Result<(), Failure> {
        let failed = |class, message| Failure { class, retry_after: None, message };
        let (id, timestamp) = (payload.event.id.to_string(), now.as_second());
        let mut request = http::request(Method::POST, self.url.expose().clone())
            .header(CONTENT_TYPE, format::content_type(self.format))
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp);
        for (name, value) in format::headers(self.format, payload.event.kind) {
            request = request.header(name, value);
        }
        if let Some(signature) = self.secrets.header(&id, timestamp, &payload.body) {
            request = request.header("webhook-signature", signature);
        }
        failpoint::reached("before_post");
        // A repetition has the same id and body, by which a receiver knows it.
        let terms = Terms { timeout: TIMEOUT, max_body: |_| MAX_ANSWER, repeat_if_cut: true };
        let sent = match request.body(payload.body.clone()).build() {
            Ok(request) => self.http.send(request, terms).await,
            Err(error) => Err(SendError::from(error)),
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let fault = http::fault(&error, self.url.expose(), self.peer).await;
                let Fault { text, is_misconfigured } = fault;
                let class =
                    if is_misconfigured { FailureClass::Misconfigured } else { FailureClass::Transient };
                return Err(failed(class, format!("{}: {text}", self.url)));
            }
        };
        failpoint::reached("after_post");
        let (status, asked) = (answer.status, http::retry_after(&answer.headers));
        let target = http::redirect_target(&answer, self.url.expose()).filter(|_| status.is_redirection());
        let answer = answer.body.unwrap_or_default();
        let retry_after = asked.or_else(|| retry_after_in(&answer));
        if status.is_success() {
            return Ok(());
        }
        let class = match status {
            StatusCode::GONE => FailureClass::Gone,
            StatusCode::TOO_MANY_REQUESTS => FailureClass::Throttled,
            _ => FailureClass::Transient,
        };
        let said = match target {
            Some(target) => format!("a redirect to {target}, which is not followed"),
            None => String::from_utf8_lossy(&answer).into_owned(),
        };
        // Secrets are looked for before anything is cut off.
        let line = one_line(&self.redactor.redact(&said), MAX_LINE);
        let separator = if line.is_empty() { "" } else { ": " };
        let message = format!("{} answered HTTP {}{separator}{line}", self.url, status.as_u16());
        Err(Failure { class, retry_after, message })
    }
}

/// How long the body of an answer asks to be left alone: `retry_after` in seconds with a fraction, as Discord has it
/// (Discord developer documentation, "Rate Limits").
fn retry_after_in(answer: &[u8]) -> Option<RetryAfter> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let seconds = answer.get("retry_after")?.as_f64().filter(|seconds| *seconds > 0.0)?;
    Some(RetryAfter::For(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn discord_asks_for_fractions_of_a_second_in_the_body() {
        for (answer, asked) in [
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
            let asked = asked.map(|millis| RetryAfter::For(Duration::from_millis(millis)));
            assert_eq!(retry_after_in(answer.as_bytes()), asked, "{answer}");
        }
        let absurd = RetryAfter::For(Duration::MAX);
        assert_eq!(retry_after_in(br#"{"retry_after": 1e300}"#), Some(absurd));
    }
}
