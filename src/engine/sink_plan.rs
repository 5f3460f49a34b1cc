//! What the engine knows of the settings of a sink.

use std::time::Duration;

use super::retry::RetrySchedule;
use crate::config::EventFilter;
use crate::model::SinkName;

/// A sink, as the outbox sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkPlan {
    /// Its name, under which its deliveries are recorded.
    pub name: SinkName,
    /// The events that it gets.
    pub events: EventFilter,
    /// How deliveries are repeated.
    pub policy: DeliveryPolicy,
    /// Differs whenever the settings differ.
    pub fingerprint: u64,
}

/// How often a delivery is attempted, and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// The delays between the attempts; a `Retry-After` is a floor.
    pub schedule: RetrySchedule,
    /// The least time between two attempts of the sink.
    pub spacing: Duration,
    /// An older event is dropped.
    pub expires_after: Option<Duration>,
}

impl DeliveryPolicy {
    /// A policy with these delays between the attempts and no other limit.
    pub fn retry(schedule: Vec<Duration>) -> Self {
        Self { schedule: RetrySchedule::new(schedule), spacing: Duration::ZERO, expires_after: None }
    }
}
