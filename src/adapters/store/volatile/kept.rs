//! What a state in memory keeps for its readers.
//!
//! Invariant: it answers as a durable state does; old records are deleted from it, too.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::engine::{Batch, BatchEnd, BatchEntry, Prune};
use crate::model::{
    DeliveryCounts, DeliveryState, EndTotal, EndTotals, EndedRestore, Event, EventId, JobId, ProjectName,
    SinkName,
};

/// The history and the events, shared by the store and its readers.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Records>>);

#[derive(Debug, Default)]
struct Records {
    /// In the order in which they were emitted.
    events: Vec<Arc<Event>>,
    /// The state of each delivery, and since when, by event.
    deliveries: BTreeMap<EventId, BTreeMap<SinkName, (DeliveryState, Timestamp)>>,
    /// The restores that ended. Of deliveries, they count those that were deleted.
    restores: BTreeMap<(ProjectName, JobId), BatchEnd>,
    totals: EndTotals,
}

impl Kept {
    pub(super) fn commit(&self, batch: &Batch) {
        let mut records = self.records();
        for entry in &batch.entries {
            records.emit(entry);
        }
        for end in &batch.ends {
            records.end(end.clone());
        }
        for restore in batch.reported_ends() {
            EndTotal::count(&mut records.totals, restore);
        }
        for update in &batch.deliveries {
            let deliveries = records.deliveries.get_mut(&update.id.event);
            if let Some(delivery) = deliveries.and_then(|sinks| sinks.get_mut(&update.id.sink)) {
                *delivery = (update.change.state(), update.at);
            }
        }
        records.prune(batch.prune);
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn emit(&mut self, BatchEntry { event, recipients }: &BatchEntry) {
        let pending = |sink: &SinkName| (sink.clone(), (DeliveryState::Pending, event.timestamp));
        self.events.push(Arc::clone(event));
        self.deliveries.insert(event.id, recipients.iter().map(pending).collect());
    }

    fn end(&mut self, BatchEnd { mut restore, event }: BatchEnd) {
        let key = (restore.project.clone(), restore.job.id.clone());
        let before = self.restores.get(&key);
        if before.is_some_and(|before| before.restore.is_same_end(&restore)) {
            return;
        }
        let known = before.and_then(|before| before.event);
        let event = event.or(known).or_else(|| self.reported_by(&restore));

        if let Some(before) = before.filter(|before| before.event == event) {
            restore.deliveries = before.restore.deliveries;
        }
        self.restores.insert(key, BatchEnd { restore, event });
    }

    /// The last event that reports this end.
    fn reported_by(&self, restore: &EndedRestore) -> Option<EventId> {
        let is_of_job = |event: &Event| {
            event.job.as_ref().is_some_and(|job| job.id == restore.job.id) && event.project == restore.project
        };
        let reports = |event: &&Arc<Event>| Some(event.kind) == restore.outcome.event() && is_of_job(event);
        self.events.iter().rfind(reports).map(|event| event.id)
    }

    fn prune(&mut self, prune: Prune) {
        if let Some(before) = prune.deliveries_before {
            let mut deleted = BTreeMap::<EventId, DeliveryCounts>::new();
            for (event, sinks) in &mut self.deliveries {
                let is_old = |(state, since): &(DeliveryState, Timestamp)| {
                    matches!(state, DeliveryState::Delivered | DeliveryState::Dropped) && *since < before
                };
                for (_, (state, _)) in sinks.extract_if(.., |_, delivery| is_old(delivery)) {
                    deleted.entry(*event).or_default().count(state);
                }
            }
            for BatchEnd { restore, event } in self.restores.values_mut() {
                let counts = event.and_then(|event| deleted.get(&event)).copied().unwrap_or_default();
                restore.deliveries = restore.deliveries + counts;
            }
            let Self { events, deliveries, .. } = self;
            deliveries.retain(|_, sinks| !sinks.is_empty());
            events.retain(|event| event.timestamp >= before || deliveries.contains_key(&event.id));
        }
        if let Some(before) = prune.history_before {
            self.restores.retain(|_, end| end.restore.aged_from() >= before);
        }
    }

    /// A restore with all its deliveries.
    fn counted(&self, BatchEnd { restore, event }: &BatchEnd) -> EndedRestore {
        let mut restore = restore.clone();
        let sinks = event.and_then(|event| self.deliveries.get(&event)).into_iter().flatten();
        sinks.for_each(|(_, (state, _))| restore.deliveries.count(*state));
        restore
    }
}

impl Reader for Kept {
    fn history(&mut self, filter: &HistoryFilter, range: HistoryRange) -> Result<History, ReadError> {
        let records = self.records();
        let mut matching: Vec<_> =
            records.restores.values().filter(|end| filter.matches(&end.restore)).collect();
        // Those of one time, as it is published, stay in the order of the map.
        matching.sort_by_key(|end| Reverse(end.restore.end_observed_at.as_millisecond()));

        let page = matching.iter().skip(range.skip).take(range.limit);
        Ok(History { restores: page.map(|end| records.counted(end)).collect(), total: matching.len() })
    }

    fn totals(&mut self) -> Result<EndTotals, ReadError> {
        Ok(self.records().totals.clone())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        Ok(self.records().events.last().map(|event| event.id))
    }

    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        let records = self.records();
        let known = records.events.iter().position(|known| known.id == event);
        let is_later = |known: &Arc<Event>| known.timestamp.as_millisecond() >= event.time().as_millisecond();
        let first = match known {
            Some(place) => Some(place + 1),
            None => records.events.iter().position(is_later),
        };
        let later = first.and_then(|first| records.events.get(first..)).unwrap_or_default();
        Ok(later.iter().take(limit).cloned().collect())
    }
}
