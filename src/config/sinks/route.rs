//! Which events a sink gets.

use super::EventFilter;
use crate::model::Event;

/// Which events a sink gets: those that pass every filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The types of event.
    pub events: EventFilter,
}

impl Route {
    /// All events of these types.
    pub fn new(events: EventFilter) -> Self {
        Self { events }
    }

    /// Whether the sink gets this event.
    pub fn takes(&self, event: &Event) -> bool {
        self.events.wants(event.kind)
    }
}
