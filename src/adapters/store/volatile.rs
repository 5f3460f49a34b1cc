//! A store that keeps nothing beyond the process.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Body, Error, Fault, Pending, Store};
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload};

/// What is owed lives and dies with the process. Right for waiting ad hoc, where the one who is owed the news is the one
/// who started the process.
#[derive(Debug, Default)]
pub struct Volatile {
    payloads: Mutex<BTreeMap<DeliveryId, Payload>>,
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
        for update in batch.deliveries.iter().filter(|update| update.state.is_final()) {
            payloads.remove(&update.id);
        }
        Box::pin(ready(Ok(())))
    }

    fn payload(&self, id: &DeliveryId) -> Pending<Payload> {
        let payload = self.payloads.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let missing = || Error {
            doing: "read",
            file: "in memory".to_owned(),
            fault: Fault::Other(format!("no delivery to {} of {} is pending", id.sink, id.event)),
        };
        Box::pin(ready(payload.ok_or_else(missing)))
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        Box::pin(ready(Ok(Vec::new())))
    }
}
