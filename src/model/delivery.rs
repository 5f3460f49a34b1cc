//! Names one event on its way to one sink.

use super::{EventId, SinkName};

/// The id of a delivery: an event and the sink that it goes to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId {
    /// What is delivered.
    pub event: EventId,
    /// Where it goes.
    pub sink: SinkName,
}
