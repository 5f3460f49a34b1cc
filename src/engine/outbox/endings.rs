//! How deliveries to a sink end: delivered, dropped, or as dead letters.

use super::OutboxCx;
use super::sink::Sink;
use crate::engine::action::{Delivery, DeliveryChange, DeliveryUpdate};
use crate::engine::commit_queue::CommitQueue;
use crate::engine::diagnostic::Diagnostic;
use crate::model::time::Now;
use crate::model::{DeliveryId, Reason};

/// The end of a delivery to a disabled sink.
pub(super) fn dead_letter(id: DeliveryId, attempts: u32, why: &str, now: Now) -> DeliveryUpdate {
    let reason = Some(Reason::SinkDisabled(why.to_owned()).to_string());
    DeliveryUpdate { id, at: now.wall, attempts, change: DeliveryChange::Dead, reason }
}

/// Makes a dead letter of a delivery that is not under way.
pub(super) fn record_dead_letter(sink: &mut Sink, update: DeliveryUpdate, commit_queue: &mut CommitQueue) {
    sink.add_dead_letter(update.id.event);
    commit_queue.update(update);
}

/// Ends a delivery under way. The next one with its ordering key goes out once that is committed.
pub(super) fn finish(sink: &mut Sink, update: DeliveryUpdate, cx: &mut OutboxCx<'_>) {
    sink.queues.finish(update.id.event, update.change == DeliveryChange::Delivered, cx.now.instant);
    if update.change == DeliveryChange::Dead {
        sink.add_dead_letter(update.id.event);
    }
    cx.commit_queue.update(update);
}

/// Drops what the end of a restore supersedes that was just delivered. It is committed together with
/// that: until then, the end may have to be delivered again, and what it overtook may be all that
/// the receiver ever gets.
pub(super) fn drop_superseded(sink: &mut Sink, end: &DeliveryId, cx: &mut OutboxCx<'_>) {
    if !sink.plan.policy.end_supersedes {
        return;
    }
    for pending in sink.queues.take_superseded(end.event, cx.now.instant) {
        cx.commit_queue.update(DeliveryUpdate {
            id: DeliveryId { event: pending.event, sink: sink.plan.name.clone() },
            at: cx.now.wall,
            attempts: pending.attempts,
            change: DeliveryChange::Dropped,
            reason: Some(Reason::Superseded.to_string()),
        });
    }
}

/// Disables a sink until its settings change. Its waiting deliveries become dead letters.
pub(super) fn disable(sink: &mut Sink, reason: &str, cx: &mut OutboxCx<'_>) {
    let waiting = sink.disable(reason, cx.now.instant);
    cx.commit_queue.sink(sink.record(cx.now));
    // The one that was refused is a dead letter already.
    let dead_letters = waiting.len() + 1;
    for (id, attempts) in waiting {
        record_dead_letter(sink, dead_letter(id, attempts, reason, cx.now), cx.commit_queue);
    }
    cx.diagnostics.push(Diagnostic::SinkDisabled {
        sink: sink.plan.name.clone(),
        reason: reason.to_owned(),
        dead_letters,
    });
}

/// Drops a delivery that is about to begin, because it expired.
pub(super) fn expire(sink: &mut Sink, Delivery { id, attempt }: Delivery, cx: &mut OutboxCx<'_>) {
    let reason = sink.reason_of(&id).map(str::to_owned);
    let line = sink.subject(&id).zip(sink.lines.expired.take(cx.now.instant));
    cx.diagnostics.extend(line.map(|(delivery, left_out)| {
        let reason = reason.clone();
        Diagnostic::DeliveryExpired { delivery, reason, left_out }
    }));

    let (attempts, change) = (attempt - 1, DeliveryChange::Dropped);
    finish(sink, DeliveryUpdate { id, at: cx.now.wall, attempts, change, reason }, cx);
}
