//! What a sink receives.

use super::Event;

/// An event in the form that goes to one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// What happened.
    pub event: Event,
    /// The committed bytes: made when the event was emitted, and the same on every attempt at its
    /// delivery.
    pub body: Vec<u8>,
}
