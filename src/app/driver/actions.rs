//! What the engine asks for, begun as tasks.
//!
//! Invariant: nothing is begun past the deadline of the lease.

use std::sync::Arc;

use super::{Driver, requests};
use crate::adapters::pinecone;
use crate::app::diagnostics::{self, Surroundings};
use crate::engine::{Action, Batch, Delivery, Input, PollId};
use crate::model::{DeliveryId, ProjectName};

impl Driver {
    pub(super) fn carry_out(&mut self, action: Action) {
        // The loop ends for this reason.
        if !self.lease.is_held() {
            return;
        }
        match action {
            Action::Poll(poll) => self.poll(poll, None),
            Action::PollIndex(poll, index) => self.poll(poll, Some(index)),
            Action::FetchPage(list, token) => {
                let client = self.client(&list.project);
                let fetching = requests::fetch_page(client, list, token, self.clock);
                self.polls.start(self.clock.now().instant, self.lease.clone().guard(fetching));
            }
            Action::Commit(batch) => self.commit(batch),
            Action::Deliver(delivery) => self.deliver(delivery),
            Action::Diagnostic(diagnostic) => {
                let state = self.location.as_deref();
                let surroundings = Surroundings { engine: &self.engine, sinks: &self.sinks, state };
                diagnostics::log(&diagnostic, &surroundings);
            }
        }
    }

    fn poll(&mut self, poll: PollId, index: Option<String>) {
        let client = self.client(&poll.project);
        let polling = requests::poll(client, poll, index, self.clock);
        self.polls.start(self.clock.now().instant, self.lease.clone().guard(polling));
    }

    fn client(&self, project: &ProjectName) -> pinecone::Client {
        self.clients.get(project).expect("each project has a client").clone()
    }

    fn commit(&mut self, batch: Batch) {
        let mut bodies = Vec::new();
        for entry in &batch.entries {
            for sink in &entry.recipients {
                if let Some(body) = self.sinks.get(sink).and_then(|sink| sink.body(&entry.event)) {
                    bodies.push((DeliveryId { event: entry.event.id, sink: sink.clone() }, body));
                }
            }
        }

        let batch = Arc::new(batch);
        let commit = self.store.commit(Arc::clone(&batch), bodies);
        self.commits.start(self.clock.now().instant, async move { commit.await.map(|()| batch) });
    }

    fn deliver(&mut self, delivery: Delivery) {
        let sink = Arc::clone(self.sinks.get(&delivery.id.sink).expect("each sink of the engine is here"));
        let payload = self.store.payload(&delivery.id);
        let clock = self.clock;
        let delivering = async move {
            let payload = payload.await?;
            Ok(match sink.deliver(&payload, clock.now().wall).await {
                Ok(()) => Input::Delivered(delivery.id),
                Err(failure) => Input::DeliveryFailed { id: delivery.id, failure },
            })
        };
        self.deliveries.start(clock.now().instant, self.lease.clone().guard(delivering));
    }
}
