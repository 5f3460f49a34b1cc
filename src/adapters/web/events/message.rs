//! What is sent of an event.

use bytes::Bytes;

use crate::model::{Event, EventId};

/// An event as a server-sent event. Copies are cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: EventId,
    pub(super) text: Bytes,
}

/// What follows an event.
#[derive(Debug)]
pub(super) struct Page {
    /// The last one of it, or the event that nothing follows.
    pub(super) last: EventId,
    messages: Vec<Message>,
}

impl Page {
    pub(super) fn after(start: EventId, messages: Vec<Message>) -> Self {
        Self { last: messages.last().map_or(start, |message| message.id), messages }
    }

    /// What is sent of it. An id without data is no event, but a client that is cut off before the
    /// next event comes back with it.
    pub(super) fn text(&self) -> Bytes {
        if self.messages.is_empty() {
            return format!("id: {}\n\n", self.last).into();
        }
        let texts: Vec<_> = self.messages.iter().map(|message| &*message.text).collect();
        texts.concat().into()
    }
}

impl Message {
    pub(super) fn of(event: &Event) -> Self {
        // JSON has no line break outside of its texts, where it is escaped.
        let json = serde_json::to_string(event).unwrap_or_default();
        let text = format!("id: {}\nevent: {}\ndata: {json}\n\n", event.id, event.kind.as_str());
        Self { id: event.id, text: text.into() }
    }
}
