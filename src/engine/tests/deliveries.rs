//! What is owed to sinks.

use super::*;

fn once() -> SinkPlan {
    SinkPlan { policy: DeliveryPolicy::ONCE, ..everything() }
}

#[test]
fn nothing_is_handed_out_before_it_is_committed() {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let mut engine = Engine::new(&[project(&["a"])], vec![everything()], 7, now);
    let mut actions = Vec::new();
    engine.step(Event::DeadlineReached, now, &mut actions);
    let Some(Action::Poll(poll)) = actions.pop() else { panic!("{actions:?}") };
    let observation =
        Observation { id: poll.job.clone(), status: Status::Completed, facts: JobFacts::default() };
    engine.step(Event::Answered { poll, observation }, now, &mut actions);
    let [Action::Commit(batch)] = &actions[..] else { panic!("{actions:?}") };
    let kinds: Vec<_> = batch.entries.iter().map(|entry| entry.transition.kind).collect();
    assert_eq!(kinds, [TransitionKind::Watched, TransitionKind::Completed], "one observation, one commit");
    assert!(batch.entries.iter().all(|entry| entry.owed_to == [0]));
    assert_eq!(engine.owed(), 2);
    actions.clear();
    engine.step(Event::Committed, now, &mut actions);
    assert!(matches!(&actions[..], [Action::Deliver(delivery)] if delivery.attempt == 1), "{actions:?}");
}

#[test]
fn deliveries_of_one_job_stay_in_order() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    stage.answer("Running");
    assert_eq!(stage.deliveries.len(), 1, "the second waits for the first");
    let first = stage.deliveries.pop_front().unwrap();
    stage.step(Event::DeliveryFailed { id: first.id, failure: failure(FailureClass::Transient) });
    assert!(stage.deliveries.is_empty());
    stage.next();
    let again = stage.deliveries.pop_front().unwrap();
    assert_eq!((again.id, again.attempt), (first.id, 2));
    assert_eq!(again.transition, first.transition, "the same to the letter");
    stage.step(Event::Delivered(again.id));
    let second = stage.deliveries.pop_front().unwrap();
    assert_eq!(second.transition.kind, TransitionKind::StatusChanged);
}

#[test]
fn the_end_of_a_job_overtakes_news_that_is_refused() {
    // The end comes while the earlier delivery waits for its next attempt.
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    let first = stage.deliveries.pop_front().unwrap();
    // Fails often enough for its next attempt to be far off.
    let mut first = first;
    while first.attempt < 12 {
        stage.step(Event::DeliveryFailed { id: first.id, failure: failure(FailureClass::Transient) });
        while stage.deliveries.is_empty() {
            stage.next();
        }
        first = stage.deliveries.pop_front().unwrap();
    }
    stage.step(Event::DeliveryFailed { id: first.id, failure: failure(FailureClass::Transient) });
    stage.answer("Failed");
    let end = stage.deliveries.pop_front().unwrap();
    assert_eq!((end.transition.kind, end.attempt), (TransitionKind::Failed, 1));
    stage.step(Event::Delivered(end.id));
    let again = stage.deliveries.pop_front().unwrap();
    assert_eq!((again.id, again.attempt), (first.id, 13), "what was overtaken is still owed");

    // The end comes while the earlier delivery is under way, which then fails.
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    stage.answer("Completed");
    let first = stage.deliveries.pop_front().unwrap();
    assert!(stage.deliveries.is_empty());
    stage.step(Event::DeliveryFailed { id: first.id, failure: failure(FailureClass::Transient) });
    assert_eq!(stage.deliveries[0].transition.kind, TransitionKind::Completed);
}

#[test]
fn a_receiver_that_asks_to_be_left_alone_is_left_alone() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    stage.answer("Completed");
    let delivery = stage.deliveries.pop_front().unwrap();
    let asked = Some(retry::RetryAfter::For(seconds(3600)));
    let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.step(Event::DeliveryFailed { id: delivery.id, failure: failed });
    stage.answer("Completed");
    assert!(stage.deliveries.is_empty(), "not about the other job either");
    assert_eq!(stage.next(), seconds(3600));
    assert_eq!(stage.deliveries.len(), 2);
}

#[test]
fn one_sink_never_waits_for_another_nor_one_job_for_another() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything(), everything()]);
    stage.answer("Completed");
    stage.answer("Completed");
    let mut owed: Vec<_> = stage.deliveries.iter().map(|delivery| delivery.id.sink).collect();
    owed.sort_unstable();
    assert_eq!(owed, [0, 0, 1, 1], "the first transition of each job, to each sink");
}

#[test]
fn a_delivery_is_given_up_after_its_last_attempt_and_said_so() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    let mut attempts = 0;
    while stage.engine.owed() > 0 {
        if let Some(delivery) = stage.deliveries.pop_front() {
            attempts += 1;
            stage.step(Event::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
        } else if let Some(poll) = stage.polls.pop_front() {
            stage.answer_with(poll, "Pending", JobFacts::default());
        } else {
            stage.next();
        }
    }
    assert_eq!(attempts, 16);
    assert!(matches!(stage.notes.last(), Some(Note::DeliveryAbandoned { attempts: 16, .. })));
}

#[test]
fn a_sink_with_one_attempt_is_not_tried_again() {
    let mut stage = Stage::new(&[project(&["a"])], vec![once()]);
    stage.answer("Pending");
    let delivery = stage.deliveries.pop_front().unwrap();
    stage.step(Event::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
    assert_eq!(stage.engine.owed(), 0);
    assert!(matches!(&stage.notes[..], [Note::DeliveryAbandoned { attempts: 1, .. }]));
}

#[test]
fn what_a_server_asks_for_is_a_floor() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Completed");
    let delivery = stage.deliveries.pop_front().unwrap();
    let asked = Some(retry::RetryAfter::For(seconds(50)));
    let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.step(Event::DeliveryFailed { id: delivery.id, failure: failed });
    assert_eq!(stage.next(), seconds(50));
    assert_eq!(stage.deliveries.len(), 1);
}

#[test]
fn sinks_get_what_they_want() {
    let ends = SinkPlan { events: EventFilter::ends(), ..everything() };
    let mut stage = Stage::new(&[project(&["a"])], vec![ends]);
    stage.answer("Pending");
    assert!(stage.deliveries.is_empty());
    stage.answer("Failed");
    assert_eq!(stage.deliveries[0].transition.kind, TransitionKind::Failed);
}

#[test]
fn a_receiver_that_hangs_is_handed_a_bounded_number_at_once() {
    let jobs: Vec<_> = (0..30).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], vec![everything()]);
    for _ in 0..30 {
        stage.answer("Completed");
    }
    assert_eq!(stage.deliveries.len(), 8);
    assert_eq!(stage.engine.owed(), 60);
}
