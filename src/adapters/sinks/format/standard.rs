//! The published shape of the event, for receivers that are programs.

use super::Format;
use crate::adapters::sinks::outline;
use crate::model::Event;

#[derive(Debug)]
pub(super) struct Standard;

impl Format for Standard {
    fn body(&self, event: &Event) -> Vec<u8> {
        // Nothing in an event can fail to be written.
        serde_json::to_vec(event).unwrap_or_default()
    }

    fn recognizes(&self, committed: &[u8], event: &Event) -> bool {
        outline::is_published(committed, event)
    }

    fn is_published_shape(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_events;
    use super::*;

    #[test]
    fn the_body_is_the_published_shape() {
        let event = sample_events::completed();

        let body = Standard.body(&event);

        assert_eq!(body, serde_json::to_vec(&event).unwrap());
    }
}
