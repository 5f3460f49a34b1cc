//! Tests sinks: sends one marked event to each.
//!
//! Invariant: each sink gets one attempt, whatever events it wants, and nothing of it is kept.

use std::sync::Arc;

use crate::adapters::control::SinkTest;
use crate::adapters::sinks::Sink;
use crate::model::{Event, EventId, EventKind, Keyword as _, Payload, ProjectName, SinkName};
use crate::platform::clock::Clock;
use crate::platform::randomness;

/// Sends a test event to all of these sinks at once, and waits for the last answer, which each sink
/// gives within its time limit. The results are in the order of the sinks.
pub async fn run(sinks: Vec<(SinkName, Arc<Sink>)>, project: ProjectName, clock: Clock) -> Vec<SinkTest> {
    let event = test_event(project, clock);
    let attempts: Vec<_> = sinks
        .into_iter()
        .map(|(name, sink)| tokio::spawn(attempt(name, sink, event.clone(), clock)))
        .collect();

    let mut results = Vec::new();
    for attempt in attempts {
        // A panic has printed itself.
        results.extend(attempt.await);
    }
    results
}

async fn attempt(name: SinkName, sink: Arc<Sink>, event: Event, clock: Clock) -> SinkTest {
    let began = clock.now();
    let own = || serde_json::to_vec(&event).unwrap_or_default();
    let body = sink.body(&event).unwrap_or_else(own);
    let delivered = sink.deliver(&Payload { event, body }, began.wall).await;
    let took = clock.now().instant.since(began.instant);

    SinkTest {
        sink: name,
        kind: sink.kind().as_str().to_owned(),
        ok: delivered.is_ok(),
        seconds: took.as_secs_f64(),
        error: delivered.err().map(|failure| failure.message),
    }
}

fn test_event(project: ProjectName, clock: Clock) -> Event {
    let now = clock.now().wall;
    let id = EventId::from_parts(now, randomness::bytes());
    Event::of_project(id, EventKind::Test, now, project)
}
