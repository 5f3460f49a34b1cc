//! Requests that clients of a standby make and that the active replica carries out: both ends.
//!
//! Invariant: what a request changes is committed together with its answer, or neither is.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::info;

use super::{handover, requests};
use crate::adapters::control::{
    ActiveTerm, Change, ChangeAnswer, HandedOverRequest, Handover, HandoverBegun, Request, answer_text,
    parse_answer,
};
use crate::adapters::report::{RequestError, RequestErrorKind, Responder};
use crate::adapters::store::{ClusterView, HAND_OVER_TIMEOUT, HandedOver, Pending, Replica, StoreError};
use crate::app::driver::Driver;
use crate::engine::RequestAnswer;
use crate::platform::clock::Clock;

/// Carries out what standbys handed over to this replica, which is active. `begin_handover` is asked
/// if one of them wants the lease to go to another replica.
pub(super) fn carry_out(
    driver: &mut Driver,
    handed_over: Vec<HandedOver>,
    mut begin_handover: impl FnMut(&Driver) -> Result<HandoverBegun, RequestError>,
) {
    if handed_over.is_empty() {
        return;
    }
    let requests = handed_over.len();
    info!(requests, "carrying out requests that other replicas handed over: {requests}");

    driver.commit_with_answers(|driver| {
        let answers = handed_over.into_iter().map(|HandedOver { id, text }| {
            let answer = HandedOverRequest::parse(&text).and_then(|request| match request {
                HandedOverRequest::Change(change) => requests::carry_out(driver, change),
                HandedOverRequest::Handover { ends } => {
                    let over = ends.zip(driver.cluster());
                    let over = over.and_then(|(ends, cluster)| handover::is_over(ends, &cluster));
                    requests::document(&over.map_or_else(|| begin_handover(driver), Ok)?)
                }
            });
            RequestAnswer { request: id, text: answer_text(&answer) }
        });
        answers.collect()
    });
}

/// The requests of clients of this replica that it handed over, and whose answers are awaited.
#[derive(Debug, Default)]
pub(super) struct HandedOverRequests {
    waiting: JoinSet<()>,
    /// Whether any was answered since [`take_answered`](Self::take_answered).
    any_answered: bool,
    /// The last term of this replica that ended by a handover.
    handed_over: Option<ActiveTerm>,
}

impl HandedOverRequests {
    /// Hands a request over to the active replica.
    pub(super) fn begin(
        &mut self,
        replica: &mut dyn Replica,
        request: Request,
        cluster: watch::Receiver<Option<ClusterView>>,
        clock: Clock,
    ) {
        match request {
            Request::Change(change, reply) => self.change(replica, change, reply),
            Request::Handover(reply) => self.handover(replica, cluster, clock, reply),
            // No others are handed over. Without an answer, the client learns that there is none.
            _ => {}
        }
    }

    /// Answers once the active replica has committed the change.
    fn change(&mut self, replica: &mut dyn Replica, change: Change, reply: Responder<Value>) {
        let answer = replica.hand_over(HandedOverRequest::Change(change).to_text());
        self.spawn(async move {
            // A failed send means that the client is gone.
            drop(reply.send(understood(answer).await));
        });
    }

    /// Answers once the active replica gave its lease to another one.
    fn handover(
        &mut self,
        replica: &mut dyn Replica,
        cluster: watch::Receiver<Option<ClusterView>>,
        clock: Clock,
        reply: Responder<Handover>,
    ) {
        let asked_at = clock.now().instant;
        let ends = self.active_term(&replica.cluster());
        let answer = replica.hand_over(HandedOverRequest::Handover { ends }.to_text());
        self.spawn(async move {
            match begun(answer).await {
                Ok(begun) => handover::answer(begun, asked_at, cluster, clock, reply),
                Err(error) => drop(reply.send(Err(error))),
            }
        });
    }

    /// Notes that this replica gave its lease back, as it sees the replicas then.
    pub(super) fn note_handover(&mut self, ClusterView { replica, epoch, .. }: ClusterView) {
        self.handed_over = Some(ActiveTerm { replica, epoch });
    }

    /// The term that is active; while none is, the one of this replica that a handover has just ended.
    fn active_term(&self, ClusterView { epoch, active, .. }: &ClusterView) -> Option<ActiveTerm> {
        let active = active.as_ref().map(|active| ActiveTerm { replica: active.name.clone(), epoch: *epoch });
        active.or_else(|| self.handed_over.clone().filter(|ended| ended.epoch == *epoch))
    }

    /// Waits for the answers, up to this time: a request that was handed over is answered or taken
    /// back before its client is left alone.
    pub(super) async fn finish(&mut self, limit: Duration) {
        let all = async { while self.waiting.join_next().await.is_some() {} };
        // What is left ends with the process.
        drop(tokio::time::timeout(limit, all).await);
    }

    /// Whether any was answered since this was asked last, so that the state may have changed.
    pub(super) fn take_answered(&mut self) -> bool {
        self.note_answered();
        std::mem::take(&mut self.any_answered)
    }

    fn spawn(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.note_answered();
        self.waiting.spawn(work);
    }

    fn note_answered(&mut self) {
        while self.waiting.try_join_next().is_some() {
            self.any_answered = true;
        }
    }
}

/// What the active replica answered.
async fn understood(answer: Pending<Option<String>>) -> ChangeAnswer {
    match answer.await {
        Ok(Some(text)) => parse_answer(&text),
        Ok(None) => Err(not_taken()),
        Err(error) => Err(not_handed_over(&error)),
    }
}

async fn begun(answer: Pending<Option<String>>) -> Result<HandoverBegun, RequestError> {
    let document = understood(answer).await?;
    serde_json::from_value(document).map_err(|error| {
        let text = format!("the answer of the active replica cannot be understood: {error}");
        RequestError::new(RequestErrorKind::Invalid, text)
    })
}

fn not_taken() -> RequestError {
    let limit = HAND_OVER_TIMEOUT.as_secs();
    let error = format!("nothing was changed: the active replica did not take the request within {limit} s");
    RequestError::new(RequestErrorKind::Stopping, error)
        .with_help("try again once a replica is active: restore-watch status")
}

fn not_handed_over(error: &StoreError) -> RequestError {
    RequestError::new(RequestErrorKind::Unreadable, format!("the request was not handed over: {error}"))
        .with_help(error.help)
}
