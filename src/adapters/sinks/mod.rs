//! The sinks, to which events are delivered: the log, the desktop, webhooks.
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

use jiff::Timestamp;

use crate::config::{SinkSettings, SinkType, WebhookFormat};
use crate::engine::{DeliveryPolicy, Failure, SinkPlan};
use crate::model::{Event, Keyword as _, Payload, SinkName};

pub use desktop::{Notice, show, try_desktop};
pub use error::SinkError;
pub use log::{Confirm, log};
pub use signature::{SignatureError, check_signing_secret};

/// A sink that is set up.
#[derive(Debug)]
pub enum Sink {
    Log(log::Log),
    Desktop,
    Webhook(webhook::Webhook),
}

impl Sink {
    /// Sets up a sink. Reads the address of a webhook if it is a secret. `confirm` reports whether
    /// a line of the log was written.
    pub fn new(settings: &SinkSettings, confirm: Confirm) -> Result<Self, SinkError> {
        Ok(match settings {
            SinkSettings::Log(log) => Self::Log(log::Log::new(log, confirm)),
            SinkSettings::Desktop(_) => Self::Desktop,
            SinkSettings::Webhook(webhook) => Self::Webhook(webhook::Webhook::new(webhook)?),
        })
    }

    /// The type of the sink, as the configuration has it.
    pub fn kind(&self) -> &'static str {
        let kind = match self {
            Self::Log(_) => SinkType::Log,
            Self::Desktop => SinkType::Desktop,
            Self::Webhook(_) => SinkType::Webhook,
        };
        kind.as_str()
    }

    /// The same sink for a daemon that watches several projects, or only one.
    #[must_use]
    pub fn for_several_projects(mut self, are_several: bool) -> Self {
        if let Self::Log(log) = &mut self {
            log.name_projects(are_several);
        }
        self
    }

    /// The format that the receiver of a webhook expects, if that is another one than it gets.
    pub fn missing_format(&self) -> Option<WebhookFormat> {
        match self {
            Self::Log(_) | Self::Desktop => None,
            Self::Webhook(webhook) => webhook.missing_format(),
        }
    }

    /// The address of a webhook, which may be secret.
    fn address(&self) -> Option<&str> {
        match self {
            Self::Log(_) | Self::Desktop => None,
            Self::Webhook(webhook) => Some(webhook.address()),
        }
    }

    /// What the engine must know of a sink that was made of these settings.
    pub fn plan(&self, settings: &SinkSettings) -> SinkPlan {
        let policy = match settings {
            SinkSettings::Log(_) => DeliveryPolicy::retry(log::RETRY_SCHEDULE.to_vec()),
            SinkSettings::Desktop(_) => desktop::policy(),
            SinkSettings::Webhook(webhook) => webhook::policy(webhook),
        };

        let name = SinkName::new(settings.name());
        SinkPlan {
            name,
            events: settings.events().clone(),
            policy,
            fingerprint: fingerprint::of(settings, self.address()),
        }
    }

    /// What is sent for an event, unless that is the published shape of the event.
    pub fn body(&self, event: &Event) -> Option<Vec<u8>> {
        match self {
            Self::Log(_) | Self::Desktop => None,
            Self::Webhook(webhook) => webhook.body(event),
        }
    }

    /// Makes one attempt at a delivery, at `now`.
    pub async fn deliver(&self, payload: &Payload, now: Timestamp) -> Result<(), Failure> {
        match self {
            Self::Log(log) => log.deliver(payload).await,
            Self::Desktop => desktop::deliver(&payload.event).await,
            Self::Webhook(webhook) => webhook.deliver(payload, now).await,
        }
    }
}
