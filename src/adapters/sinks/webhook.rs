//! Events as HTTP POSTs.
//!
//! Invariant: each attempt at a delivery has the same id and the same body; an attempt ends within
//! 15 s, or within 17 s if a proxy refused and is asked for the reason.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Request};

use super::error::SinkError;
use super::fingerprint::Canonical;
use super::format::{self, Format};
use super::headers::Headers;
use super::signature::SigningSecrets;
use super::transport::Transport;
use super::{Attempt, Receiver, credentials, rejection_in_words};
use crate::adapters::http::{self, Fault, FaultKind, SendError, Terms};
use crate::config::{Redactor, WebhookFormat, WebhookSettings, WebhookUrl};
use crate::engine::{DeliveryPolicy, Failure, FailureClass, Rejection};
use crate::model::{Event, Payload, one_line};
use crate::platform::failpoint;

/// Most deliveries under way at once, if the receiver is fast. With its answers after 100 ms, that
/// is 320 a second; more would be a load for most receivers, and each takes a connection and up to
/// [`MAX_ANSWER`] of memory.
const MAX_IN_FLIGHT: usize = 32;

/// Of one attempt, connecting included.
const TIMEOUT: Duration = Duration::from_secs(15);

/// In bytes: an answer is read for one line of text.
const MAX_ANSWER: usize = 64 * 1024;

/// In characters.
const MAX_LINE: usize = 200;

/// A secret of a format, and any part of it, is masked in answers from this many characters on.
const SHORTEST_MASKED: usize = 8;

#[derive(Debug)]
pub(super) struct Webhook {
    http: http::Client,
    url: WebhookUrl,
    /// The address without what the format adds to it.
    configured_url: WebhookUrl,
    transport: Transport,
    headers: Headers,
    redactor: Redactor,
    format: Box<dyn Format>,
    /// The format that a receiver at this address expects, if that is another one.
    missing_format: Option<WebhookFormat>,
    /// Where to look if the receiver refuses the credentials.
    credentials: String,
    secrets: SigningSecrets,
    retry_schedule: Vec<Duration>,
}

impl Receiver for Webhook {
    fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            spacing: self.format.spacing(),
            max_in_flight: MAX_IN_FLIGHT,
            end_supersedes: self.format.keeps_state(),
            final_rejection: self.format.final_rejection(),
            ..DeliveryPolicy::retry(self.retry_schedule.clone())
        }
    }

    fn body(&self, event: &Event) -> Option<Vec<u8>> {
        (!self.format.is_published_shape()).then(|| self.format.body(event))
    }

    fn recognizes(&self, payload: &Payload) -> bool {
        self.format.recognizes(&payload.body, &payload.event)
    }

    fn deliver<'a>(&'a self, payload: &'a Payload, now: Timestamp) -> Attempt<'a> {
        Box::pin(self.post(payload, now))
    }

    fn put_read(&self, canonical: &mut Canonical) {
        canonical.put("url", [self.configured_url.expose().as_str()]);
        self.headers.put_read(canonical);
        self.transport.put_read(canonical);
        self.secrets.put_read(canonical);
        canonical.put("secret", self.format.secrets());
    }

    fn secrets(&self) -> Vec<&str> {
        let url = self.url.expose().as_str();
        let of_requests = std::iter::once(url).chain(self.headers.secrets()).chain(self.transport.secrets());
        of_requests.chain(self.format.secrets()).collect()
    }

    fn advice(&self, rejection: Rejection) -> String {
        if let Some(advice) = self.format.advice(rejection) {
            return advice.to_owned();
        }
        let check = match (rejection, self.missing_format) {
            (Rejection::Body, Some(format)) => {
                return format!("its receiver refuses this format; is `format = \"{format}\"` missing?");
            }
            (Rejection::Body, None) => "its `format`",
            (Rejection::Credentials, _) => &self.credentials,
            (Rejection::Address | Rejection::Connection | Rejection::Command, _) => "its `url`",
        };
        format!("{}; check {check}", rejection_in_words(rejection))
    }
}

impl Webhook {
    /// Sets up the webhook of the sink called `name`.
    pub(super) fn new(name: &str, settings: &WebhookSettings) -> Result<Self, SinkError> {
        let format = format::of(name, settings, &|source| settings.read_secret_of_body(source))?;
        let url = settings
            .url
            .read(settings.allow_http)
            .map_err(|error| SinkError::Url { name: name.to_owned(), error })?;

        let transport = Transport::read(name, settings, &url)?;
        let http = http::client(&transport.options.clone().within(TIMEOUT))
            .map_err(|error| SinkError::Client { name: name.to_owned(), error })?;
        let headers = Headers::read(&settings.headers, &url)
            .map_err(|error| SinkError::Header { name: name.to_owned(), error })?;

        let secrets = SigningSecrets::read(&settings.signing_secrets)
            .map_err(|error| SinkError::Signature { name: name.to_owned(), error })?;

        let credentials = credentials::to_check(settings, &url);
        let missing_format = url.expected_instead_of(settings.format);
        let configured_url = url.clone();
        let url = format.url(url);
        let redactor = transport.hide(headers.hide(secrets.hide(url.redactor())));
        let redactor = format
            .secrets()
            .into_iter()
            .fold(redactor, |redactor, secret| redactor.with(secret, SHORTEST_MASKED, SHORTEST_MASKED));
        Ok(Self {
            http,
            url,
            configured_url,
            transport,
            headers,
            redactor,
            format,
            missing_format,
            credentials,
            secrets,
            retry_schedule: settings.retry_schedule.clone(),
        })
    }

    /// Makes one attempt at a delivery; `now` is the time of this attempt.
    async fn post(&self, payload: &Payload, now: Timestamp) -> Result<(), Failure> {
        failpoint::reached("before_post");
        // A repetition has the same id and body, by which a receiver recognizes it.
        let terms = Terms { timeout: TIMEOUT, max_body: |_| MAX_ANSWER, repeat_if_cut: true };
        let sent = match self.request(payload, now) {
            Ok(request) => self.http.send(request, terms).await,
            Err(error) => Err(SendError::from(error)),
        };

        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => return Err(self.send_failure(&error).await),
        };
        failpoint::reached("after_post");

        let objection = self.format.objection(answer.status).filter(|_| answer.status.is_success());
        if answer.status.is_success() && objection.is_none() {
            return Ok(());
        }
        Err(self.refusal(answer, objection))
    }

    fn request(&self, payload: &Payload, now: Timestamp) -> Result<Request, reqwest::Error> {
        let (id, timestamp) = (payload.event.id.to_string(), now.as_second());
        let body = self.format.bind(&payload.body);
        let mut request = http::request(Method::POST, self.url.expose().clone())
            .headers(self.headers.map().clone())
            .header(CONTENT_TYPE, self.format.content_type())
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp);

        for (name, value) in self.format.headers(payload.event.kind) {
            request = request.header(name, value);
        }
        if let Some(signature) = self.secrets.header(&id, timestamp, &body) {
            request = request.header("webhook-signature", signature);
        }

        request.body(body.into_owned()).build()
    }

    /// Why there was no answer.
    async fn send_failure(&self, error: &SendError) -> Failure {
        let Fault { text, kind } = self.http.fault(error, self.url.expose(), self.transport.peer).await;
        let class = match kind {
            FaultKind::Misconfigured => FailureClass::Misconfigured,
            FaultKind::Passing | FaultKind::WrongProtocol | FaultKind::Intercepted => FailureClass::Transient,
        };
        Failure { class, retry_after: None, message: text }
    }

    /// What an answer without success means, or with one that the format objects to.
    fn refusal(&self, answer: http::Answer, objection: Option<&str>) -> Failure {
        let status = answer.status;
        let class = self.format.class_of(status);

        let target = http::redirect_target(&answer, self.url.expose()).filter(|_| status.is_redirection());
        let in_headers = http::retry_after(&answer.headers);
        let body = answer.body.unwrap_or_default();
        let retry_after = in_headers.or_else(|| self.format.retry_after(&body));

        let text = match (target, objection) {
            (Some(target), _) => format!("a redirect to {target}, which is not followed"),
            (None, Some(objection)) => objection.to_owned(),
            (None, None) => String::from_utf8_lossy(&body).into_owned(),
        };
        // Redacted before it is cut: half a secret would not be recognized.
        let line = one_line(&self.redactor.redact(&text), MAX_LINE);
        let separator = if line.is_empty() { "" } else { ": " };
        let message = format!("HTTP {}{separator}{line}", status.as_u16());
        Failure { class, retry_after, message }
    }
}
