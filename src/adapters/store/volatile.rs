//! A store that keeps nothing beyond the process.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Body, OpenError, Pending, Store, StoreError, StoreErrorClass};
use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Event, EventId, Payload};

/// A state in memory. Enough for `wait`, which shows itself what it saw.
#[derive(Debug, Default)]
pub struct Volatile {
    /// The payloads of pending deliveries.
    payloads: Mutex<BTreeMap<DeliveryId, Payload>>,
    /// What is kept for readers; none if nothing is.
    kept: Option<Kept>,
}

/// What readers find, in the order in which it was emitted.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<Arc<Event>>>>);

impl Volatile {
    /// A state that keeps all events for its readers, as long as the process runs.
    pub fn with_history() -> Self {
        Self { kept: Some(Kept::default()), ..Self::default() }
    }
}

impl Store for Volatile {
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()> {
        let mut bodies: BTreeMap<_, _> = bodies.into_iter().collect();
        let mut payloads = self.payloads.lock().unwrap_or_else(PoisonError::into_inner);

        for entry in &batch.entries {
            let event = &*entry.event;
            for sink in &entry.recipients {
                let id = DeliveryId { event: event.id, sink: sink.clone() };
                let own = || serde_json::to_vec(event).unwrap_or_default();
                let body = bodies.remove(&id).unwrap_or_else(own);
                payloads.insert(id, Payload { event: event.clone(), body });
            }
        }
        for update in batch.deliveries.iter().filter(|update| update.change.is_final()) {
            payloads.remove(&update.id);
        }
        if let Some(kept) = &self.kept {
            kept.events().extend(batch.entries.iter().map(|entry| Arc::clone(&entry.event)));
        }

        Box::pin(ready(Ok(())))
    }

    fn payload(&self, id: &DeliveryId) -> Pending<Payload> {
        let payload = self.payloads.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let missing = || StoreError {
            class: StoreErrorClass::Failed,
            doing: "read",
            state: "in memory".to_owned(),
            fault: format!("no delivery to {} of {} is pending", id.sink, id.event),
            help: "report this: it is a bug",
        };
        Box::pin(ready(payload.ok_or_else(missing)))
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        Ok(Box::new(self.kept.clone().unwrap_or_default()))
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}

impl Kept {
    fn events(&self) -> MutexGuard<'_, Vec<Arc<Event>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for Kept {
    fn history(&mut self, _: &HistoryFilter, _: HistoryRange) -> Result<History, ReadError> {
        Ok(History::default())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        Ok(self.events().last().map(|event| event.id))
    }

    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        let events = self.events();
        let known = events.iter().position(|known| known.id == event);
        let later = known.map(|place| &events[place + 1..]);
        let is_later = |known: &&Arc<Event>| later.is_some() || known.timestamp > event.time();
        Ok(later.unwrap_or(&events).iter().filter(is_later).take(limit).cloned().collect())
    }
}
