//! A reader of a state that cannot be read yet, or at times.
//!
//! Invariant: it is opened when it is first asked, and opened again after an error, so that a server
//! that comes back is read again.

use std::borrow::Cow;
use std::sync::{Arc, Weak};

use super::{Backend, OpenError};
use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::model::{EndTotals, Event, EventId};

/// Reads the state of a backend as soon as that can be read.
pub struct LateReader {
    backend: Arc<dyn Backend>,
    reader: Option<Box<dyn Reader>>,
    requester: Option<Weak<()>>,
}

impl LateReader {
    pub fn of(backend: Arc<dyn Backend>) -> Self {
        Self { backend, reader: None, requester: None }
    }

    fn read<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError>,
    ) -> Result<T, ReadError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.backend.read().map_err(unread)?),
        };
        if let Some(requester) = self.requester.take() {
            reader.give_up_without(requester);
        }
        let done = read(&mut **reader);
        if done.is_err() {
            self.reader = None;
        }
        done
    }
}

impl Reader for LateReader {
    fn history(&mut self, filter: &HistoryFilter, range: HistoryRange) -> Result<History, ReadError> {
        self.read(|reader| reader.history(filter, range))
    }

    fn totals(&mut self) -> Result<EndTotals, ReadError> {
        self.read(|reader| reader.totals())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        self.read(|reader| reader.last_event())
    }

    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        self.read(|reader| reader.events_after(event, limit))
    }

    fn give_up_without(&mut self, requester: Weak<()>) {
        self.requester = Some(requester);
    }
}

/// Why a state that cannot be opened cannot be read.
fn unread(error: OpenError) -> ReadError {
    let help = match error.help {
        Cow::Borrowed(help) => help,
        Cow::Owned(_) => "see that the server of the state can be reached",
    };
    ReadError { message: error.message, help }
}
