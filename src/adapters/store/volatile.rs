//! A store that keeps nothing beyond the process.

mod kept;

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use kept::Kept;

use super::{Body, OpenError, Pending, Store, StoreError, StoreErrorClass};
use crate::adapters::report::Reader;
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload};

/// A state in memory. Enough for `wait`, which shows itself what it saw.
#[derive(Debug, Default)]
pub struct Volatile {
    /// The payloads of pending deliveries.
    payloads: Mutex<BTreeMap<DeliveryId, Payload>>,
    /// What is kept for readers; none if nothing is.
    kept: Option<Kept>,
}

impl Volatile {
    /// A state that keeps its history and its events for readers, as long as the process runs.
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
            kept.commit(&batch);
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
