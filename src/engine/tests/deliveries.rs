//! Deliveries to sinks: order, repetition, limits.

use super::*;
use crate::engine::snapshot::JobRecord;

fn once() -> SinkPlan {
    SinkPlan { policy: DeliveryPolicy::retry(Vec::new()), ..everything() }
}

#[test]
fn no_delivery_begins_before_its_event_is_committed() {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let mut engine =
        Engine::from_snapshot(plan(&[project(&["a"])], vec![everything()]), Snapshot::default(), 7, now);
    let actions = handle(&mut engine, Input::Timeout, now);
    let [Action::Poll(poll), Action::Commit(_)] = &actions[..] else { panic!("{actions:?}") };
    let poll = poll.clone();
    handle(&mut engine, Input::Committed, now);

    let observation =
        Observation { id: poll.job.clone(), status: Status::Completed, facts: JobFacts::default() };
    let actions = handle(&mut engine, Input::PollAnswered { poll, answer: Answer::Job(observation) }, now);

    let [Action::Commit(batch)] = &actions[..] else { panic!("{actions:?}") };
    let kinds: Vec<_> = batch.entries.iter().map(|entry| entry.event.kind).collect();
    assert_eq!(kinds, [EventKind::Watched, EventKind::Completed], "one observation, one commit");
    assert!(batch.entries.iter().all(|entry| entry.recipients == [SinkName::new("one")]));
    assert!(batch.jobs[0].snapshot.end.is_some(), "with the state that led to the event");
    assert_eq!(engine.deliveries().pending(), 2);
    let actions = handle(&mut engine, Input::Committed, now);
    assert!(matches!(&actions[..], [Action::Deliver(delivery)] if delivery.attempt == 1), "{actions:?}");
}

#[test]
fn many_events_are_committed_in_several_batches() {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let projects = [project(&["a", "b", "c"])];
    let mut engine = Engine::from_snapshot(plan(&projects, vec![everything()]), Snapshot::default(), 7, now);

    // All of it happens while the first batch is under way.
    for action in handle(&mut engine, Input::Timeout, now) {
        let Action::Poll(poll) = action else { continue };
        let id = poll.job.clone();
        let observation = Observation { id, status: Status::Completed, facts: JobFacts::default() };
        handle(&mut engine, Input::PollAnswered { poll, answer: Answer::Job(observation) }, now);
    }
    let ticket = engine.commit_ticket();

    let mut sizes = Vec::new();
    loop {
        let actions = handle(&mut engine, Input::Committed, now);
        let batch = actions.into_iter().find_map(|action| match action {
            Action::Commit(batch) => Some(batch),
            _ => None,
        });
        let Some(batch) = batch else { break };
        assert!(!engine.is_committed(ticket));
        sizes.push(batch.entries.len());
        for entry in &batch.entries {
            let of_event = |job: &&JobRecord| Some(&job.id) == entry.event.job.as_ref().map(|job| &job.id);
            let job = batch.jobs.iter().find(of_event).expect("a state for each event");
            assert!(job.snapshot.end.is_some());
        }
    }
    assert_eq!(sizes, [4, 2]);
    assert!(engine.is_committed(ticket));
}

#[test]
fn deliveries_of_one_job_stay_in_order() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    stage.answer("Running");
    assert_eq!(stage.deliveries.len(), 1, "the second waits for the first");
    let first = stage.deliveries.pop_front().unwrap();
    stage.step(Input::DeliveryFailed { id: first.id.clone(), failure: failure(FailureClass::Transient) });
    assert!(stage.deliveries.is_empty());
    while stage.deliveries.is_empty() {
        stage.next();
    }
    let again = stage.deliveries.pop_front().unwrap();
    assert_eq!((&again.id, again.attempt), (&first.id, 2));
    stage.step(Input::Delivered(again.id));
    let second = stage.deliveries.pop_front().unwrap();
    assert_eq!(stage.kind(&second), EventKind::StatusChanged);
}

#[test]
fn end_of_a_job_overtakes_a_refused_event() {
    // The end comes while the earlier delivery waits for its next attempt.
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    let first = stage.deliveries.pop_front().unwrap();
    // Fails often enough for its next attempt to be far off.
    let mut first = first;
    while first.attempt < 7 {
        stage.step(Input::DeliveryFailed { id: first.id.clone(), failure: failure(FailureClass::Transient) });
        while stage.deliveries.is_empty() {
            stage.next();
        }
        first = stage.deliveries.pop_front().unwrap();
    }
    stage.step(Input::DeliveryFailed { id: first.id.clone(), failure: failure(FailureClass::Transient) });
    stage.answer("Failed");
    let end = stage.deliveries.pop_front().unwrap();
    assert_eq!((stage.kind(&end), end.attempt), (EventKind::Failed, 1));
    stage.step(Input::Delivered(end.id));
    let again = stage.deliveries.pop_front().unwrap();
    assert_eq!((again.id, again.attempt), (first.id, 8), "what was overtaken is still pending");

    // The end comes while the earlier delivery is under way, which then fails.
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    stage.answer("Completed");
    let first = stage.deliveries.pop_front().unwrap();
    assert!(stage.deliveries.is_empty());
    stage.step(Input::DeliveryFailed { id: first.id, failure: failure(FailureClass::Transient) });
    assert_eq!(stage.kind(&stage.deliveries[0]), EventKind::Completed);
}

#[test]
fn retry_after_of_a_receiver_holds_all_its_deliveries() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    stage.answer("Completed");
    let delivery = stage.deliveries.pop_front().unwrap();
    let asked = Some(retry::RetryAfter::For(seconds(3600)));
    let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failed });
    stage.answer("Completed");
    assert!(stage.deliveries.is_empty(), "not about the other job either");
    stage.pass(seconds(3599));
    stage.step(Input::Timeout);
    assert!(stage.deliveries.is_empty(), "for all of it");
    stage.pass(seconds(1));
    stage.step(Input::Timeout);
    assert_eq!(stage.deliveries.len(), 2);
}

#[test]
fn sinks_and_jobs_do_not_wait_for_each_other() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![sink("one"), sink("two")]);
    stage.answer("Completed");
    stage.answer("Completed");
    let mut pending: Vec<_> = stage.deliveries.iter().map(|delivery| delivery.id.sink.as_str()).collect();
    pending.sort_unstable();
    assert_eq!(pending, ["one", "one", "two", "two"], "the first event of each job, to each sink");
}

#[test]
fn delivery_is_given_up_after_its_last_attempt() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    let mut attempts = 0;
    while stage.engine.deliveries().pending() > 0 {
        if let Some(delivery) = stage.deliveries.pop_front() {
            attempts += 1;
            stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
        } else if let Some(poll) = stage.polls.pop_front() {
            stage.answer_with(poll, "Pending", JobFacts::default());
        } else {
            stage.next();
        }
    }
    assert_eq!(attempts, 10);
    assert!(matches!(
        stage.diagnostics.last(),
        Some(Diagnostic::DeadLetter { attempts: Attempts { made: 10, of: Some(10) }, .. })
    ));
}

#[test]
fn sink_with_one_attempt_gets_no_second() {
    let mut stage = Stage::new(&[project(&["a"])], vec![once()]);
    stage.answer("Pending");
    let delivery = stage.deliveries.pop_front().unwrap();
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
    assert_eq!(stage.engine.deliveries().pending(), 0);
    assert!(matches!(
        &stage.diagnostics[..],
        [Diagnostic::DeadLetter { attempts: Attempts { made: 1, of: Some(1) }, .. }]
    ));
}

#[test]
fn retry_after_is_a_floor_for_the_delay() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Completed");
    let delivery = stage.deliveries.pop_front().unwrap();
    let asked = Some(retry::RetryAfter::For(seconds(50)));
    let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failed });
    assert_eq!(stage.next(), seconds(50));
    assert_eq!(stage.deliveries.len(), 1);
}

#[test]
fn sinks_get_only_the_events_of_their_filter() {
    let ends = SinkPlan { route: Route::new(EventFilter::ends()), ..everything() };
    let mut stage = Stage::new(&[project(&["a"])], vec![ends]);
    stage.answer("Pending");
    assert!(stage.deliveries.is_empty());
    stage.answer("Failed");
    assert_eq!(stage.kind(&stage.deliveries[0]), EventKind::Failed);
}

#[test]
fn hanging_receiver_gets_a_bounded_number_at_once() {
    let jobs: Vec<_> = (0..30).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], vec![everything()]);
    for _ in 0..30 {
        stage.answer("Completed");
    }
    assert_eq!(stage.deliveries.len(), 8);
    assert_eq!(stage.engine.deliveries().pending(), 60);
}

/// A sink that gets all events, and as many at once as it answers well.
fn webhook() -> SinkPlan {
    let policy = DeliveryPolicy { max_in_flight: 32, ..everything().policy };
    SinkPlan { policy, ..everything() }
}

/// A stage in which this number of jobs has ended, with the deliveries of their events pending.
fn volley(jobs: usize, sinks: Vec<SinkPlan>) -> Stage {
    let jobs: Vec<_> = (0..jobs).map(|n| format!("job-{n:03}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], sinks);
    for _ in 0..jobs.len() {
        stage.answer("Completed");
    }
    stage
}

/// Ends all deliveries under way after this time. Returns how many are under way from then on.
fn end_round(stage: &mut Stage, after: Duration, input: impl Fn(DeliveryId) -> Input) -> usize {
    stage.pass(after);
    for delivery in std::mem::take(&mut stage.deliveries) {
        stage.step(input(delivery.id));
    }
    stage.deliveries.len()
}

#[test]
fn fast_receiver_gets_more_at_once() {
    let mut stage = volley(100, vec![webhook()]);
    // These began long ago, because the jobs ended one after the other.
    assert_eq!(end_round(&mut stage, Duration::ZERO, Input::Delivered), 8);

    let rounds: Vec<_> =
        (0..4).map(|_| end_round(&mut stage, Duration::from_millis(100), Input::Delivered)).collect();

    assert_eq!(rounds, [16, 32, 32, 32]);
}

#[test]
fn slow_receiver_gets_no_more_at_once() {
    let mut stage = volley(100, vec![webhook()]);
    let rounds: Vec<_> = (0..3).map(|_| end_round(&mut stage, seconds(5), Input::Delivered)).collect();

    assert_eq!(rounds, [8, 8, 8]);
}

#[test]
fn local_sink_gets_no_more_at_once() {
    let mut stage = volley(100, vec![everything()]);
    let rounds: Vec<_> = (0..3).map(|_| end_round(&mut stage, Duration::ZERO, Input::Delivered)).collect();

    assert_eq!(rounds, [8, 8, 8]);
}

#[test]
fn overloaded_receiver_gets_fewer_at_once() {
    for class in [FailureClass::Throttled, FailureClass::Transient] {
        let mut stage = volley(100, vec![webhook()]);
        let failed = |id| Input::DeliveryFailed { id, failure: failure(class) };

        let rounds: Vec<_> = (0..5).map(|_| end_round(&mut stage, seconds(1), failed)).collect();
        assert_eq!(rounds, [4, 2, 1, 1, 1], "{class:?}");

        // Then it grows by one a round.
        let rounds: Vec<_> = (0..4).map(|_| end_round(&mut stage, seconds(1), Input::Delivered)).collect();
        assert_eq!(rounds, [2, 3, 4, 5], "{class:?}");
    }
}

#[test]
fn failures_that_are_no_overload_change_nothing() {
    let mut stage = volley(100, vec![webhook()]);
    let failed = |id| Input::DeliveryFailed { id, failure: failure(FailureClass::Misconfigured) };

    assert_eq!(end_round(&mut stage, seconds(1), failed), 8);
}

#[test]
fn spacing_limits_the_attempts_of_a_sink() {
    let policy = DeliveryPolicy { spacing: seconds(1), ..everything().policy };
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], vec![SinkPlan { policy, ..everything() }]);
    for _ in 0..3 {
        stage.answer("Completed");
    }
    let mut handed = Vec::new();
    while handed.len() < 6 {
        while let Some(delivery) = stage.deliveries.pop_front() {
            handed.push(stage.now.instant);
            stage.step(Input::Delivered(delivery.id));
        }
        if handed.len() < 6 {
            stage.next();
        }
    }
    assert!(handed.windows(2).all(|pair| pair[1].since(pair[0]) >= seconds(1)), "{handed:?}");
}

#[test]
fn retries_are_spread_out() {
    let mut rng = fastrand::Rng::with_seed(3);
    let schedule = retry::RetrySchedule::new(WebhookSettings::RETRY_SCHEDULE.to_vec());
    let delays: Vec<_> = (0..100).filter_map(|_| schedule.delay(2, Duration::ZERO, &mut rng)).collect();
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(
        *least >= seconds(270) && *most <= seconds(330) && *most > *least + seconds(30),
        "{least:?} {most:?}"
    );
    assert_eq!(
        schedule.delay(2, seconds(3600), &mut rng),
        Some(seconds(3600)),
        "what was asked for is a floor"
    );
    let attempts =
        (1..100).take_while(|attempt| schedule.delay(*attempt, Duration::ZERO, &mut rng).is_some()).count();
    assert_eq!(attempts + 1, 10, "of Standard Webhooks");
}
