//! Readers for tests.

use std::sync::Arc;

use super::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::model::{EndTotals, Event, EventId};

/// A state with nothing but a history, which this reads.
pub(crate) struct HistoryOnly<F>(pub(crate) F);

impl<F> Reader for HistoryOnly<F>
where
    F: FnMut(&HistoryFilter, HistoryRange) -> Result<History, ReadError> + Send,
{
    fn history(&mut self, filter: &HistoryFilter, range: HistoryRange) -> Result<History, ReadError> {
        (self.0)(filter, range)
    }

    fn totals(&mut self) -> Result<EndTotals, ReadError> {
        Ok(EndTotals::new())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        Ok(None)
    }

    fn events_after(&mut self, _: EventId, _: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        Ok(Vec::new())
    }
}
