//! What the engine knows of the settings of a sink.

use std::time::Duration;

use super::failure::Rejection;
use super::outbox::INITIAL_IN_FLIGHT;
use super::retry::RetrySchedule;
use crate::config::{Hours, Route};
use crate::model::SinkName;

/// A sink, as the outbox sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkPlan {
    /// Its name, under which its deliveries are recorded.
    pub name: SinkName,
    /// Which events it gets.
    pub route: Route,
    /// When deliveries go out; none for at any time.
    pub hours: Option<Hours>,
    /// Whether it is the log, which silences leave out: it says what they hide.
    pub is_log: bool,
    /// How deliveries are repeated.
    pub policy: DeliveryPolicy,
    /// Differs whenever the settings differ.
    pub fingerprint: u64,
    /// What stands for these settings in a state of a release with another formula.
    pub former_fingerprint: Option<u64>,
}

/// How often a delivery is attempted, and when it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// The delays between the attempts; a `Retry-After` is a floor.
    pub schedule: RetrySchedule,
    /// The least time between two attempts of the sink.
    pub spacing: Duration,
    /// The number of deliveries under way at once never grows beyond this.
    pub max_in_flight: usize,
    /// An older event is dropped.
    pub expires_after: Option<Duration>,
    /// Whether the end of a restore, once it is delivered, makes earlier events of its job pointless
    /// that are still pending: the receiver keeps the present state of each job, which they would
    /// set back. They are dropped then.
    pub end_supersedes: bool,
    /// A delivery that is rejected for this is not attempted again.
    pub final_rejection: Option<Rejection>,
}

impl DeliveryPolicy {
    /// A policy with these delays between the attempts, no more deliveries under way than at first,
    /// and no other limit.
    pub fn retry(schedule: Vec<Duration>) -> Self {
        Self {
            schedule: RetrySchedule::new(schedule),
            spacing: Duration::ZERO,
            max_in_flight: INITIAL_IN_FLIGHT,
            expires_after: None,
            end_supersedes: false,
            final_rejection: None,
        }
    }
}
