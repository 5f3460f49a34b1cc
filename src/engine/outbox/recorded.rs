//! What an outbox has from before a start: recorded sinks and deliveries.
//!
//! Invariant: what was written by a clock that was ahead of the present one is written again.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::sink::Sink;
use super::{Outbox, OutboxCx};
use crate::engine::action::{DeliveryChange, DeliveryUpdate};
use crate::engine::snapshot::{DeliveryRecord, SinkRecord, SinkSnapshot};
use crate::model::time::{Now, Recorded};
use crate::model::{DeliveryId, SinkName};

/// Records that were written by a clock that was ahead of the present one. They are written again
/// by this one, because else the rest of a wait would count from each start.
#[derive(Debug, Default)]
pub(super) struct RecordsAhead {
    deliveries: Vec<DeliveryUpdate>,
    sinks: Vec<SinkName>,
    /// The latest time at which one of them was written.
    newest: Option<Timestamp>,
}

impl RecordsAhead {
    /// Whether this time is ahead of the present clock; remembers the latest one.
    fn note(&mut self, written_at: Timestamp, now: Now) -> bool {
        let is_ahead = written_at > now.wall;
        self.newest = self.newest.max(Some(written_at).filter(|_| is_ahead));
        is_ahead
    }
}

impl Outbox {
    /// An outbox with recorded sinks, pending deliveries and dead letters. [`Outbox::reconfigure`]
    /// says which of the sinks are configured.
    pub(in crate::engine) fn from_snapshot(
        records: Vec<SinkRecord>,
        pending: Vec<DeliveryRecord>,
        dead_letters: Vec<DeliveryId>,
        now: Now,
    ) -> Self {
        let mut sinks: BTreeMap<SinkName, Sink> = BTreeMap::new();
        let mut ahead = RecordsAhead::default();

        for SinkRecord { name, snapshot } in records {
            let of_sink = pending.iter().filter(|record| record.id.sink == name);
            let written_at = of_sink.map(|record| record.written_at).max();
            let held_since = snapshot.held_until.and(snapshot.written_at.or(written_at));
            if held_since.is_some_and(|at| ahead.note(at, now)) {
                ahead.sinks.push(name.clone());
            }
            sinks.insert(name.clone(), Sink::from_snapshot(name, snapshot, written_at, now));
        }

        for record in pending {
            let name = record.id.sink.clone();
            if ahead.note(record.written_at, now) {
                let due = Recorded::new(record.written_at, now).due(record.due);
                ahead.deliveries.push(DeliveryUpdate {
                    id: record.id.clone(),
                    at: now.wall,
                    attempts: record.attempts,
                    change: DeliveryChange::Pending { due: now.wall_at(due) },
                    reason: None,
                });
            }
            let unknown = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, now);
            sinks.entry(name.clone()).or_insert_with(unknown).restore_pending(record, now);
        }
        for DeliveryId { event, sink: name } in dead_letters {
            let unknown = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, now);
            sinks.entry(name.clone()).or_insert_with(unknown).add_dead_letter(event);
        }

        Self { sinks, ahead }
    }

    /// When the latest record was written, if that is ahead of the present clock.
    pub(in crate::engine) fn written_ahead(&self) -> Option<Timestamp> {
        self.ahead.newest
    }

    /// Writes again what was written ahead of the present clock.
    pub(super) fn write_ahead_again(&mut self, cx: &mut OutboxCx<'_>) {
        for update in std::mem::take(&mut self.ahead.deliveries) {
            cx.commit_queue.update(update);
        }
        for name in std::mem::take(&mut self.ahead.sinks) {
            self.sinks.get(&name).into_iter().for_each(|sink| cx.commit_queue.sink(sink.record(cx.now)));
        }
    }
}
