//! Transitions as HTTP POSTs.
//!
//! Invariant: each attempt at a delivery has the same id and the same body; an attempt ends within 15 s.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;

use super::SinkError;
use crate::config::{WebhookSettings, WebhookUrl};
use crate::engine::{Delivery, Failure, FailureClass};
use crate::http;

/// How long one attempt may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Answers are read for one line of text.
const MAX_ANSWER: usize = 64 * 1024;

/// A webhook sink.
#[derive(Debug)]
pub struct Webhook {
    http: reqwest::Client,
    url: WebhookUrl,
}

impl Webhook {
    pub(super) fn new(settings: &WebhookSettings) -> Result<Self, SinkError> {
        let name = || settings.name.clone();
        let url =
            settings.url.read(settings.allow_http).map_err(|fault| SinkError::Url { name: name(), fault })?;
        let purpose = if settings.block_private {
            http::Purpose::public_only(url.expose(), None)
        } else {
            Ok(http::Purpose::new(url.expose(), None))
        };
        let http = purpose
            .and_then(|purpose| http::client(&purpose))
            .map_err(|error| SinkError::Client { name: name(), error })?;
        Ok(Self { http, url })
    }

    pub(super) async fn deliver(&self, delivery: &Delivery) -> Result<(), Failure> {
        let transient = |message| Failure { class: FailureClass::Transient, retry_after: None, message };
        // Serialization is repeatable, so that the body is the same on every attempt.
        let body = serde_json::to_vec(&*delivery.transition).map_err(|error| transient(error.to_string()))?;
        let response = self
            .http
            .post(self.url.expose().clone())
            .timeout(TIMEOUT)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", delivery.id.transition.to_string())
            .body(body)
            .send()
            .await
            .map_err(|error| transient(format!("{}: {}", self.url, http::describe(&error))))?;
        let status = response.status();
        let retry_after = http::retry_after(response.headers());
        // Read also where it is not needed, so that the connection can be used again.
        let answer = http::read_body(response, MAX_ANSWER).await.unwrap_or_default();
        if status.is_success() {
            return Ok(());
        }
        let class = match status {
            StatusCode::GONE => FailureClass::Permanent,
            StatusCode::TOO_MANY_REQUESTS => FailureClass::Throttled,
            _ => FailureClass::Transient,
        };
        let said = self.url.redact(&String::from_utf8_lossy(&answer));
        let line = http::presentable(said.lines().next().unwrap_or_default(), 200);
        let separator = if line.is_empty() { "" } else { ": " };
        let message = format!("{} answered HTTP {}{separator}{line}", self.url, status.as_u16());
        Err(Failure { class, retry_after, message })
    }
}
