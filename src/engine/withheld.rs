//! Events that a sink does not get although its route takes them: it is closed and drops what is
//! emitted meanwhile, or a silence matches.
//!
//! Invariant: each is a delivery of its own, which is committed as dropped, with the reason,
//! together with its event.

use std::sync::Arc;

use super::Engine;
use super::action::{DeliveryChange, DeliveryUpdate};
use super::diagnostic::{DeliverySubject, Diagnostic};
use crate::model::time::Now;
use crate::model::{DeliveryId, Event, Reason, SinkName};

impl Engine {
    /// Drops the deliveries of an event that was just emitted to those of its recipients that are
    /// not to get it.
    pub(super) fn withhold(&mut self, event: &Arc<Event>, recipients: &[SinkName], now: Now) {
        let withheld =
            recipients.iter().filter_map(|sink| Some((sink, self.reason_to_withhold(event, sink)?)));
        let mut withheld: Vec<_> =
            withheld.map(|(sink, reason)| (sink.clone(), reason.to_string())).collect();
        withheld.sort_by(|(_, one), (_, other)| one.cmp(other));

        for same_reason in withheld.chunk_by(|(_, one), (_, other)| one == other) {
            let id = |sink: &SinkName| DeliveryId { event: event.id, sink: sink.clone() };
            for (sink, reason) in same_reason {
                self.commit_queue.update(DeliveryUpdate {
                    id: id(sink),
                    at: now.wall,
                    attempts: 0,
                    change: DeliveryChange::Dropped,
                    reason: Some(reason.clone()),
                });
            }
            let [(first, reason), ..] = same_reason else { continue };
            self.diagnostics.push(Diagnostic::Withheld {
                delivery: DeliverySubject {
                    id: id(first),
                    project: event.project.clone(),
                    job: event.job.as_ref().map(|job| job.id.clone()),
                    kind: event.kind,
                },
                sinks: same_reason.iter().map(|(sink, _)| sink.clone()).collect(),
                reason: reason.clone(),
            });
        }
    }

    /// Why a sink does not get an event that its route takes.
    fn reason_to_withhold(&self, event: &Event, sink: &SinkName) -> Option<Reason> {
        if self.outbox.is_log(sink) {
            return None;
        }
        let silence = self
            .silences
            .matching(event, sink)
            .map(|silence| Reason::Silenced { id: silence.id, comment: silence.comment.clone() });
        silence.or_else(|| self.outbox.drops_now(sink).then_some(Reason::OutsideHours))
    }
}
