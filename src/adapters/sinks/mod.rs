//! The sinks, to which events are delivered. Each type of sink has a module of its own.
//!
//! Invariant: a delivery ends within a time limit, whatever the receiver does, and says whether it
//! was made. A delivery to the log has no limit of its own: it ends once the line is written, at
//! the pace of the log's reader.

mod card;
mod desktop;
mod error;
mod fingerprint;
mod format;
mod log;
#[cfg(test)]
mod misbehaving_receivers;
#[cfg(test)]
mod sample_events;
mod signature;
mod webhook;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;

use crate::config::{SinkSettings, SinkTarget, SinkType, WebhookFormat};
use crate::engine::{DeliveryPolicy, Failure, SinkPlan};
use crate::model::{Event, Payload, SinkName};

pub use desktop::{Notice, show, try_desktop};
pub use error::SinkError;
pub use log::{Confirm, log};
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

    /// Makes one attempt at a delivery, at `now`.
    fn deliver<'a>(&'a self, payload: &'a Payload, now: Timestamp) -> Attempt<'a>;

    /// The secrets that it was set up with. If one of them changes, the settings changed.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The format that the receiver expects, if that is another one than it gets.
    fn missing_format(&self) -> Option<WebhookFormat> {
        None
    }

    /// Whether events name their project.
    fn name_projects(&mut self, _names_projects: bool) {}
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

    /// The format that the receiver of a webhook expects, if that is another one than it gets.
    pub fn missing_format(&self) -> Option<WebhookFormat> {
        self.receiver.missing_format()
    }

    /// What the engine must know of a sink that was made of these settings.
    pub fn plan(&self, settings: &SinkSettings) -> SinkPlan {
        SinkPlan {
            name: SinkName::new(&settings.name),
            route: settings.route.clone(),
            hours: settings.hours.clone(),
            is_log: self.kind == SinkType::Log,
            policy: self.receiver.policy(),
            fingerprint: fingerprint::of(settings, &self.receiver.secrets()),
        }
    }

    /// What is sent for an event, unless that is the published shape of the event.
    pub fn body(&self, event: &Event) -> Option<Vec<u8>> {
        self.receiver.body(event)
    }

    /// Makes one attempt at a delivery, at `now`.
    pub async fn deliver(&self, payload: &Payload, now: Timestamp) -> Result<(), Failure> {
        self.receiver.deliver(payload, now).await
    }
}
