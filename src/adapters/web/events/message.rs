//! What is sent of an event.

use bytes::Bytes;

use crate::model::{Event, EventId};

/// An event as a server-sent event. Copies are cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: EventId,
    pub(super) text: Bytes,
}

impl Message {
    pub(super) fn of(event: &Event) -> Self {
        // JSON has no line break outside of its texts, where it is escaped.
        let json = serde_json::to_string(event).unwrap_or_default();
        let text = format!("id: {}\nevent: {}\ndata: {json}\n\n", event.id, event.kind.as_str());
        Self { id: event.id, text: text.into() }
    }
}
