//! What is kept and reported of a sink that takes deliveries, or does not.

use std::time::Duration;

use super::OutboxCx;
use super::sink::Sink;
use crate::engine::diagnostic::{DeliverySubject, Diagnostic};
use crate::engine::failure::{Failure, FailureClass};
use crate::model::time::Instant;

/// Why a sink is of no use at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkTrouble<'a> {
    /// Every attempt failed.
    Failing {
        /// When the first one did.
        since: Instant,
        /// Why the last one did.
        reason: &'a str,
    },
    /// It takes deliveries, but ends of restores wait for long.
    Late {
        /// When the oldest of them was emitted.
        since: Instant,
    },
}

/// Keeps what a failed attempt says of the sink, and reports it.
pub(super) fn note_failure(
    sink: &mut Sink,
    delivery: DeliverySubject,
    made: u32,
    failure: &Failure,
    retry_in: Option<Duration>,
    cx: &mut OutboxCx<'_>,
) {
    let now = cx.now.instant;
    let rejection = match failure.class {
        FailureClass::Rejected(rejection) => Some(rejection),
        _ => None,
    };
    let attempts = sink.attempts(made, rejection.is_some());
    let first_rejection = rejection.filter(|_| sink.reception.take_first_rejection());
    let is_trouble = made > 1 || retry_in.is_none() || first_rejection.is_some();
    if sink.reception.on_failed(&failure.message, is_trouble, now) {
        cx.commit_queue.sink(sink.record(cx.now));
    }
    // That a sink is disabled is one line, whatever was under way to it.
    if sink.is_disabled() || failure.class == FailureClass::Gone {
        return;
    }

    let reason = failure.message.clone();
    if let Some(rejection) = first_rejection {
        let (delivery, reason) = (delivery.clone(), reason.clone());
        cx.diagnostics.push(Diagnostic::SinkRejects { delivery, rejection, reason });
    }
    let lines = &mut sink.lines;
    let line = match retry_in {
        None => lines.dead.take(now).map(|left_out| Diagnostic::DeadLetter {
            delivery,
            attempts,
            rejection,
            reason,
            left_out,
        }),
        Some(retry_in) => {
            let limit = if made > 1 { &mut lines.repeated } else { &mut lines.first };
            let line =
                |left_out| Diagnostic::DeliveryFailed { delivery, attempts, retry_in, reason, left_out };
            limit.take(now).map(line)
        }
    };
    if is_trouble && line.is_some() || first_rejection.is_some() {
        sink.reception.mark_logged();
    }
    cx.diagnostics.extend(line);
}

/// Keeps that a sink took a delivery, and reports the end of its trouble.
pub(super) fn note_success(sink: &mut Sink, cx: &mut OutboxCx<'_>) {
    let (is_changed, trouble_since) = sink.reception.on_accepted();
    if is_changed {
        cx.commit_queue.sink(sink.record(cx.now));
    }
    if let Some(since) = trouble_since {
        cx.diagnostics.push(Diagnostic::SinkRecovered {
            sink: sink.plan.name.clone(),
            lasted: cx.now.instant.since(since),
            pending: sink.queues.pending(),
            dead_letters: sink.dead_letters(),
        });
    }
}

/// Reports that ends of restores wait for a sink.
pub(super) fn undelivered_end(sink: &Sink, now: Instant) -> Option<Diagnostic> {
    let (since, ..) = sink.queues.waiting_ends.oldest()?;
    let (delivery, attempts, reason) = sink.oldest_end()?;
    Some(Diagnostic::EndUndelivered {
        delivery,
        waiting: now.since(since),
        attempts,
        reason: reason.map(str::to_owned),
        others: sink.queues.waiting_ends.len() - 1,
    })
}

/// Why a sink is of no use at present.
pub(super) fn trouble(sink: &Sink) -> Option<SinkTrouble<'_>> {
    if !sink.is_configured() || sink.is_disabled() {
        return None;
    }
    let failing = sink.reception.trouble().map(|(since, reason)| SinkTrouble::Failing { since, reason });
    // What is held is not late.
    let is_closed = sink.closed_until().is_some();
    let late = || sink.queues.waiting_ends.overdue_since().filter(|_| !is_closed);
    failing.or_else(|| Some(SinkTrouble::Late { since: late()? }))
}
