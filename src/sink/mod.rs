//! Where transitions go: the log, the desktop, webhooks.
//!
//! Invariant: a delivery ends within a bound, whatever the other side does, and says whether it was made.

mod card;
mod desktop;
pub mod format;
mod log;
pub mod signature;
mod webhook;

use crate::config::SinkSettings;
use crate::engine::{Delivery, DeliveryPolicy, Failure, SinkPlan};
use crate::http::ClientError;

pub use desktop::{Urgency, show};

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
    /// A sink with these settings. Reads the address of a webhook where it is a secret.
    pub fn new(settings: &SinkSettings) -> Result<Self, SinkError> {
        Ok(match settings {
            SinkSettings::Log(log) => Self::Log(log::Log::new(log)),
            SinkSettings::Desktop(_) => Self::Desktop,
            SinkSettings::Webhook(webhook) => Self::Webhook(webhook::Webhook::new(webhook)?),
        })
    }

    /// What the engine must know of a sink with these settings.
    pub fn plan(settings: &SinkSettings) -> SinkPlan {
        let policy = match settings {
            SinkSettings::Log(_) | SinkSettings::Desktop(_) => DeliveryPolicy::ONCE,
            SinkSettings::Webhook(_) => DeliveryPolicy::WEBHOOK,
        };
        SinkPlan { events: settings.events().clone(), policy }
    }

    /// Makes a delivery.
    pub async fn deliver(&self, delivery: &Delivery) -> Result<(), Failure> {
        match self {
            Self::Log(log) => {
                log.write(&delivery.transition);
                Ok(())
            }
            Self::Desktop => desktop::deliver(&delivery.transition).await,
            Self::Webhook(webhook) => webhook.deliver(delivery).await,
        }
    }
}
