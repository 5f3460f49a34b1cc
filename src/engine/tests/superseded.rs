//! Deliveries to a receiver that keeps the present state of each job: what an end overtook is
//! dropped once the end is delivered.

use super::*;

/// A sink of this name with such a receiver.
fn stateful(name: &str) -> SinkPlan {
    let policy = DeliveryPolicy { end_supersedes: true, ..everything().policy };
    SinkPlan { policy, ..sink(name) }
}

fn refuse(stage: &mut Stage, delivery: Delivery) {
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
}

/// A stage with these sinks in which a job completed, whose end overtook its first event. Returns
/// the deliveries of the end.
fn overtaken(jobs: JobSettings, sinks: Vec<SinkPlan>) -> (Stage, Vec<Delivery>) {
    let mut project = project(&[]);
    project.jobs.push(jobs);
    let mut stage = Stage::new(&[project], sinks);
    stage.answer("Pending");
    for earlier in std::mem::take(&mut stage.deliveries) {
        refuse(&mut stage, earlier);
    }

    let facts = JobFacts { target_index_name: Some("docs".to_owned()), ..JobFacts::default() };
    let poll = stage.poll();
    stage.answer_with(poll, "Completed", facts);
    let ends: Vec<_> = stage.deliveries.drain(..).collect();
    assert!(ends.iter().all(|end| stage.kind(end) == EventKind::Completed));
    (stage, ends)
}

fn job() -> JobSettings {
    JobSettings::new(id("a"))
}

/// Delivers everything that is due until nothing is pending. Returns what was sent, in order.
fn deliver_all(stage: &mut Stage) -> Vec<EventKind> {
    let mut sent = Vec::new();
    while stage.engine.deliveries().pending() > 0 {
        let Some(delivery) = stage.deliveries.pop_front() else {
            stage.next();
            continue;
        };
        sent.push(stage.kind(&delivery));
        stage.step(Input::Delivered(delivery.id));
    }
    sent
}

/// What became of the deliveries to a sink, by the type of event.
fn states(stage: &Stage, sink: &str) -> Vec<(EventKind, DeliveryChange)> {
    let of_sink = stage.disk.deliveries.iter().filter(|(record, _)| record.id.sink.as_str() == sink);
    of_sink.map(|(record, change)| (record.kind, *change)).collect()
}

#[test]
fn a_delivered_end_drops_what_it_overtook_in_one_commit() {
    let (mut stage, ends) = overtaken(job(), vec![stateful("one")]);

    let now = stage.now;
    let actions = handle(&mut stage.engine, Input::Delivered(ends[0].id.clone()), now);

    let [Action::Commit(batch)] = &actions[..] else { panic!("{actions:?}") };
    let kind = |update: &DeliveryUpdate| stage.disk.event(update.id.event).kind;
    let found: Vec<_> = batch
        .deliveries
        .iter()
        .map(|update| (kind(update), update.change, update.attempts, update.reason.as_deref()))
        .collect();
    assert_eq!(
        found,
        [
            (EventKind::Watched, DeliveryChange::Dropped, 1, Some("superseded by the end of its restore")),
            (EventKind::Completed, DeliveryChange::Delivered, 1, None),
        ]
    );
    assert_eq!(stage.engine.deliveries().pending(), 0);
}

#[test]
fn a_receiver_of_a_history_still_gets_what_was_overtaken() {
    use DeliveryChange::{Delivered, Dropped};
    use EventKind::{Completed, Watched};

    let (mut stage, ends) = overtaken(job(), vec![everything(), stateful("two")]);
    for end in ends {
        stage.step(Input::Delivered(end.id));
    }

    let sent = deliver_all(&mut stage);

    assert_eq!(sent, [Watched]);
    assert_eq!(states(&stage, "one"), [(Watched, Delivered), (Completed, Delivered)]);
    assert_eq!(states(&stage, "two"), [(Watched, Dropped), (Completed, Delivered)]);
}

#[test]
fn nothing_is_dropped_for_an_end_that_is_a_dead_letter() {
    let (mut stage, mut ends) = overtaken(job(), vec![stateful("one")]);
    let end = ends.remove(0);
    stage.step(Input::DeliveryFailed { id: end.id, failure: failure(FailureClass::Permanent) });

    let sent = deliver_all(&mut stage);

    assert_eq!(sent, [EventKind::Watched]);
    assert_eq!(stage.engine.deliveries().dead_letters(), 1);
}

#[test]
fn what_comes_after_an_end_is_sent_after_it() {
    let until_ready = JobSettings { until: Some(Until::Ready), ..job() };
    let (mut stage, ends) = overtaken(until_ready, vec![stateful("one")]);
    stage.kinds();
    while stage.kinds() != [EventKind::Unreachable] {
        while stage.index_polls.is_empty() {
            stage.next();
        }
        let (poll, _) = stage.index_polls.pop_front().unwrap();
        stage.fail_poll(poll, failure(FailureClass::Transient));
    }
    assert!(stage.deliveries.is_empty(), "the end is under way");

    stage.step(Input::Delivered(ends[0].id.clone()));

    let next = stage.deliveries.pop_front().unwrap();
    assert_eq!(stage.kind(&next), EventKind::Unreachable);
    refuse(&mut stage, next);
    while stage.index_polls.is_empty() {
        stage.next();
    }
    let (poll, name) = stage.index_polls.pop_front().unwrap();
    let observation =
        IndexObservation { name, state: Some(Status::parse("InitializationFailed")), ready: false };
    stage.step(Input::PollAnswered { poll, answer: Answer::Index(observation) });
    let sent = deliver_all(&mut stage);
    assert_eq!(sent.last(), Some(&EventKind::IndexNotReady), "{sent:?}");
}

#[test]
fn a_kill_before_the_commit_repeats_the_end_alone() {
    let (mut stage, ends) = overtaken(job(), vec![stateful("one")]);
    // The receiver has the end, and nothing of that is committed.
    let now = stage.now;
    handle(&mut stage.engine, Input::Delivered(ends[0].id.clone()), now);

    stage.restart(seconds(1), &[project(&["a"])], vec![stateful("one")]);
    let sent = deliver_all(&mut stage);

    assert_eq!(sent, [EventKind::Completed]);
    assert_eq!(states(&stage, "one")[0], (EventKind::Watched, DeliveryChange::Dropped));
}
