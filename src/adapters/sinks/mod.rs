//! Where transitions go: the log, the desktop, webhooks.
//!
//! Invariant: a delivery ends within a bound, whatever the other side does, and says whether it was made; one to the log
//! ends once the line is written, for the log is read by whoever runs the program.

mod card;
mod desktop;
mod format;
#[cfg(test)]
mod hostile;
mod log;
mod signature;
mod webhook;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::adapters::http::ClientError;
use crate::config::SinkSettings;
use crate::engine::{DeliveryPolicy, Failure, SinkPlan};
use crate::model::{Event, Payload, SinkName};

pub use desktop::{Urgency, show};
pub use log::{Confirm, log};
pub use signature::SignatureError;

/// One sink.
#[derive(Debug)]
pub enum Sink {
    /// The log of the process.
    Log(log::Log),
    /// Desktop notifications.
    Desktop,
    /// A webhook.
    Webhook(webhook::Webhook),
}

/// Why a sink could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address of a webhook cannot be had or used.
    #[error("sink {name}: {fault}")]
    Url {
        /// The sink.
        name: String,
        /// What is wrong.
        fault: String,
    },
    /// A signing secret cannot be had or used.
    #[error("sink {name}: {error}")]
    Signature {
        /// The sink.
        name: String,
        /// What is wrong.
        error: SignatureError,
    },
    /// The HTTP client could not be built.
    #[error("sink {name}: {error}")]
    Client {
        /// The sink.
        name: String,
        /// What is wrong.
        error: ClientError,
    },
}

impl Sink {
    /// A sink with these settings. Reads the address of a webhook where it is a secret. `confirm` is how the log is
    /// asked whether a line was written.
    pub fn new(settings: &SinkSettings, confirm: Confirm) -> Result<Self, SinkError> {
        Ok(match settings {
            SinkSettings::Log(log) => Self::Log(log::Log::new(log, confirm)),
            SinkSettings::Desktop(_) => Self::Desktop,
            SinkSettings::Webhook(webhook) => Self::Webhook(webhook::Webhook::new(webhook)?),
        })
    }

    /// What the engine must know of it; `settings` are those it was made of.
    pub fn plan(&self, settings: &SinkSettings) -> SinkPlan {
        let policy = match settings {
            SinkSettings::Log(_) => DeliveryPolicy::retry(log::RETRY_SCHEDULE.to_vec()),
            SinkSettings::Desktop(_) => desktop::policy(),
            SinkSettings::Webhook(webhook) => webhook::policy(webhook),
        };
        let name = SinkName::new(settings.name());
        SinkPlan { name, events: settings.events().clone(), policy, fingerprint: self.fingerprint(settings) }
    }

    /// A number that stands for the settings, and for the address where that is read from elsewhere. It is a part of a
    /// hash from which nothing of them can be told.
    fn fingerprint(&self, settings: &SinkSettings) -> u64 {
        let mut hash = Sha256::new();
        hash.update(format!("{settings:?}"));
        if let Self::Webhook(webhook) = self {
            hash.update(webhook.address());
        }
        let hash: [u8; 32] = hash.finalize().into();
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// What is sent for a transition, where that is not the transition itself as JSON.
    pub fn body(&self, event: &Event) -> Option<Vec<u8>> {
        match self {
            Self::Log(_) | Self::Desktop => None,
            Self::Webhook(webhook) => webhook.body(event),
        }
    }

    /// Makes a delivery, at `now`.
    pub async fn deliver(&self, payload: &Payload, now: Timestamp) -> Result<(), Failure> {
        match self {
            Self::Log(log) => log.deliver(payload).await,
            Self::Desktop => desktop::deliver(&payload.event).await,
            Self::Webhook(webhook) => webhook.deliver(payload, now).await,
        }
    }
}
