//! The sinks, to which events are delivered. Each type of sink has a module of its own.
//!
//! Invariant: a delivery ends within a time limit, whatever the receiver does, and says whether it
//! was made. A delivery to the log has no limit of its own: it ends once the line is written, at
//! the pace of the log's reader.

mod card;
mod credentials;
mod desktop;
mod email;
mod error;
mod exec;
mod fingerprint;
mod format;
mod headers;
mod log;
#[cfg(test)]
mod misbehaving_receivers;
mod outline;
mod refusal;
#[cfg(test)]
mod sample_events;
mod signature;
mod transport;
mod webhook;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

use self::fingerprint::Canonical;
use crate::config::{SinkSettings, SinkTarget, SinkType};
use crate::engine::{DeliveryPolicy, Failure, Rejection, SinkPlan};
use crate::model::{Event, Payload, SinkName};

pub use desktop::{Notice, show, try_desktop};
pub use error::SinkError;
pub use exec::{await_end as await_end_of_commands, reap_orphans};
pub use log::{Confirm, log};
pub use refusal::rejection_in_words;
pub use signature::{SignatureError, check_signing_secret};

/// A sink that is set up.
#[derive(Debug)]
pub struct Sink {
    kind: SinkType,
    receiver: Box<dyn Receiver>,
}

/// One type of sink. What it does not override is what most types do.
trait Receiver: fmt::Debug + Send + Sync {
    /// How deliveries are repeated.
    fn policy(&self) -> DeliveryPolicy;

    /// What is sent for an event, unless that is the published shape of the event. It depends on
    /// the event and the settings alone.
    fn body(&self, _event: &Event) -> Option<Vec<u8>> {
        None
    }

    /// Whether the committed body is one that it makes: its type or format may be another one since.
    fn recognizes(&self, payload: &Payload) -> bool {
        match self.body(&payload.event) {
            None => outline::is_published(&payload.body, &payload.event),
            Some(own) => outline::is_alike(&payload.body, &own),
        }
    }

    /// Makes one attempt at a delivery, at `now`.
    fn deliver<'a>(&'a self, payload: &'a Payload, now: Timestamp) -> Attempt<'a>;

    /// Puts what it read elsewhere when it was set up: secrets, and the certificates in files. If
    /// one of them changes, the settings changed.
    fn put_read(&self, _canonical: &mut Canonical) {}

    /// The secrets that are part of its former fingerprint.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// What it means that deliveries are rejected like this, and what to do about it.
    fn advice(&self, rejection: Rejection) -> String {
        rejection_in_words(rejection).to_owned()
    }

    /// Whether events name their project.
    fn name_projects(&mut self, _names_projects: bool) {}
}

/// What a sink sends for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The value of the header `Content-Type`.
    pub content_type: String,
    pub body: Vec<u8>,
}

/// What a sink with these settings sends for an event; none if it sends no body. No secret is
/// read: `***` takes the place of each.
pub fn preview(settings: &SinkSettings, event: &Event) -> Result<Option<Preview>, SinkError> {
    match &settings.target {
        SinkTarget::Webhook(webhook) => {
            let format = format::of(&settings.name, webhook, &|_| Ok("***".into()))?;
            let committed = format.body(event);
            let body = format.bind(&committed).into_owned();
            Ok(Some(Preview { content_type: format.content_type().to_owned(), body }))
        }
        SinkTarget::Exec(_) => {
            // Nothing in an event can fail to be written.
            let body = serde_json::to_vec(event).unwrap_or_default();
            Ok(Some(Preview { content_type: "application/json".to_owned(), body }))
        }
        SinkTarget::Email(email) => {
            let body = email::message(event, email);
            Ok(Some(Preview { content_type: "message/rfc822".to_owned(), body }))
        }
        SinkTarget::Log(_) | SinkTarget::Desktop(_) => Ok(None),
    }
}

/// An attempt at a delivery, which ends within a time limit.
type Attempt<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send + 'a>>;

impl Sink {
    /// Sets up a sink. Reads its secrets. `confirm` reports whether a line of the log was written.
    pub fn new(settings: &SinkSettings, confirm: Confirm) -> Result<Self, SinkError> {
        let receiver: Box<dyn Receiver> = match &settings.target {
            SinkTarget::Log(log) => Box::new(log::Log::new(log, confirm)),
            SinkTarget::Desktop(_) => Box::new(desktop::Desktop),
            SinkTarget::Webhook(webhook) => Box::new(webhook::Webhook::new(&settings.name, webhook)?),
            SinkTarget::Exec(exec) => Box::new(exec::Exec::new(&settings.name, exec)),
            SinkTarget::Email(email) => Box::new(email::Email::new(&settings.name, email)?),
        };
        Ok(Self { kind: settings.target.kind(), receiver })
    }

    /// The type of the sink.
    pub fn kind(&self) -> SinkType {
        self.kind
    }

    /// The same sink for a daemon that watches several projects, or only one.
    #[must_use]
    pub fn for_several_projects(mut self, are_several: bool) -> Self {
        self.receiver.name_projects(are_several);
        self
    }

    /// What it means that its receiver rejects deliveries like this, and what to do about it.
    pub fn advice(&self, rejection: Rejection) -> String {
        self.receiver.advice(rejection)
    }

    /// What the engine must know of a sink that was made of these settings.
    pub fn plan(&self, settings: &SinkSettings) -> SinkPlan {
        SinkPlan {
            name: SinkName::new(&settings.name),
            route: settings.route.clone(),
            hours: settings.hours.clone(),
            is_log: self.kind == SinkType::Log,
            policy: self.receiver.policy(),
            fingerprint: fingerprint::of(settings, &*self.receiver),
            former_fingerprint: Some(fingerprint::former(settings, &self.receiver.secrets())),
        }
    }

    /// What is sent for an event, unless that is the published shape of the event.
    pub fn body(&self, event: &Event) -> Option<Vec<u8>> {
        self.receiver.body(event)
    }

    /// Makes one attempt at a delivery, at `now`. A committed body that the sink cannot have made is
    /// replaced by the one that its present settings make of the event, at each attempt the same.
    pub async fn deliver(&self, payload: &Payload, now: Timestamp) -> Result<(), Failure> {
        if self.receiver.recognizes(payload) {
            return self.receiver.deliver(payload, now).await;
        }
        let event = payload.event.clone();
        // Nothing in an event can fail to be written.
        let body = self.body(&event).unwrap_or_else(|| serde_json::to_vec(&event).unwrap_or_default());
        self.receiver.deliver(&Payload { event, body }, now).await
    }
}
