//! What a sink is handed.

use super::Event;

/// A transition, and the form of it that goes to one sink.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// What happened.
    pub event: Event,
    /// What is sent: made when the transition was told, and the same on every attempt from then on.
    pub body: Vec<u8>,
}
