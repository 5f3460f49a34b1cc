//! Deliveries that a receiver rejects as they are: repeated for minutes, then dead letters.

use FailureClass::Transient;

use super::*;
use crate::engine::snapshot::DeliveryRecord;

const REJECTED: FailureClass = FailureClass::Rejected(Rejection::Credentials);

/// The time from the first rejection to the last attempt.
const LIMIT: u64 = 300;

/// A stage in which these jobs are running, with one event pending for each.
fn watched(jobs: &[&str]) -> Stage {
    let mut stage = Stage::new(&[project(jobs)], vec![everything()]);
    for _ in jobs {
        stage.answer("Pending");
    }
    // Only deliveries remain.
    stage.command(Command::Pause(ProjectName::default()));
    stage
}

fn next(stage: &mut Stage) -> Delivery {
    while stage.deliveries.is_empty() {
        stage.next();
    }
    stage.deliveries.pop_front().unwrap()
}

/// Fails one attempt after the other, each in the way that `class` gives for its number, until
/// there is none. Returns when each began, in seconds.
fn fail_each(stage: &mut Stage, class: impl Fn(u32) -> FailureClass) -> Vec<u64> {
    let mut began = Vec::new();
    while stage.engine.deliveries().pending() > 0 {
        let delivery = next(stage);
        began.push(stage.now.instant.since(Instant::default()).as_secs());
        let failure = failure(class(delivery.attempt));
        stage.step(Input::DeliveryFailed { id: delivery.id, failure });
    }
    began
}

/// The pauses before the attempts after the first.
fn pauses(began: &[u64]) -> Vec<u64> {
    began.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn record(stage: &Stage) -> DeliveryRecord {
    stage.disk.deliveries[0].0.clone()
}

#[test]
fn a_final_rejection_is_trouble_and_never_retried() {
    let final_rejection = Some(Rejection::Credentials);
    let policy = DeliveryPolicy { final_rejection, ..everything().policy };
    let mut stage = Stage::new(&[project(&["a"])], vec![SinkPlan { policy, ..everything() }]);
    stage.answer("Pending");
    stage.command(Command::Pause(ProjectName::default()));

    let began = fail_each(&mut stage, |_| REJECTED);

    assert_eq!(began.len(), 1);
    assert!(stage.diagnostics.iter().any(|line| matches!(line, Diagnostic::SinkRejects { .. })));
    assert!(stage.engine.sinks().next().unwrap().trouble.is_some());
    assert_eq!(stage.engine.deliveries().dead_letters(), 1);
}

#[test]
fn a_rejected_delivery_is_a_dead_letter_within_minutes() {
    let mut stage = watched(&["a"]);

    let began = fail_each(&mut stage, |_| REJECTED);

    let pauses = pauses(&began);
    assert!((4..=5).contains(&pauses[0]), "as the schedule says: {pauses:?}");
    assert!(pauses[1..].iter().all(|pause| (53..=66).contains(pause)), "{pauses:?}");
    assert!((5..=7).contains(&began.len()) && began[began.len() - 1] - began[0] <= LIMIT, "{began:?}");
    assert!(matches!(
        stage.diagnostics.last(),
        Some(Diagnostic::DeadLetter { rejection: Some(Rejection::Credentials), .. })
    ));
    let of_schedule = |diagnostic: &Diagnostic| {
        matches!(
            diagnostic,
            Diagnostic::DeliveryFailed { attempts: Attempts { of: Some(_), .. }, .. }
                | Diagnostic::DeadLetter { attempts: Attempts { of: Some(_), .. }, .. }
        )
    };
    assert!(!stage.diagnostics.iter().any(of_schedule), "its schedule does not say how many there are");
    assert!(stage.engine.sinks().next().unwrap().trouble.is_some());
    assert_eq!(stage.engine.deliveries().dead_letters(), 1);
}

#[test]
fn rejections_after_an_outage_have_their_minutes_too() {
    let mut stage = watched(&["a"]);

    let began = fail_each(&mut stage, |attempt| if attempt <= 5 { Transient } else { REJECTED });

    let rejected = &began[5..];
    assert!(pauses(rejected).iter().all(|pause| (53..=66).contains(pause)), "{rejected:?}");
    assert!(rejected.len() == 5, "no more attempts than the schedule has: {rejected:?}");
}

#[test]
fn an_outage_after_rejections_goes_by_the_schedule() {
    let mut stage = watched(&["a"]);

    let began = fail_each(&mut stage, |attempt| if attempt == 3 { Transient } else { REJECTED });

    let pauses = pauses(&began);
    assert!((1600..=2000).contains(&pauses[2]), "half an hour after the third: {pauses:?}");
    let again = &began[3..];
    assert!((5..=7).contains(&again.len()), "the minutes begin again: {pauses:?}");
    assert!(again[again.len() - 1] - again[0] <= LIMIT, "{again:?}");
}

#[test]
fn a_restart_begins_the_minutes_again_but_adds_no_attempt() {
    let mut stage = watched(&["a"]);
    for _ in 0..3 {
        let delivery = next(&mut stage);
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(REJECTED) });
    }

    let mut attempts = 3;
    while stage.engine.deliveries().pending() > 0 {
        stage.restart(Duration::from_hours(1), &[project(&["a"])], vec![everything()]);
        let delivery = next(&mut stage);
        attempts += 1;
        assert_eq!(delivery.attempt, attempts);
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(REJECTED) });
    }

    assert_eq!((attempts, stage.engine.deliveries().dead_letters()), (10, 1));
}

#[test]
fn a_rejection_that_asks_for_a_pause_gets_it() {
    let mut stage = watched(&["a"]);
    let first = next(&mut stage);
    let retry_after = Some(retry::RetryAfter::For(seconds(3600)));
    stage.step(Input::DeliveryFailed { id: first.id, failure: Failure { retry_after, ..failure(REJECTED) } });

    let began = stage.now.instant;
    let second = next(&mut stage);

    assert_eq!(stage.now.instant.since(began), seconds(3600));
    stage.step(Input::DeliveryFailed { id: second.id, failure: failure(REJECTED) });
    let third = next(&mut stage);
    assert_eq!(third.attempt, 3, "the pause takes no attempt away");
    stage.step(Input::DeliveryFailed { id: third.id, failure: failure(REJECTED) });
    assert_eq!(stage.engine.deliveries().dead_letters(), 1, "the minutes are over");
}

#[test]
fn a_pause_after_a_rejection_delays_no_other_job() {
    let mut stage = watched(&["a", "b"]);
    let rejected = next(&mut stage);
    let retry_after = Some(retry::RetryAfter::For(seconds(3600)));
    let pause = Failure { retry_after, ..failure(REJECTED) };
    stage.step(Input::DeliveryFailed { id: rejected.id.clone(), failure: pause });
    let began = stage.now.instant;

    let other = next(&mut stage);

    assert_ne!(other.id, rejected.id);
    assert_eq!(stage.now.instant, began);
}

#[test]
fn an_event_that_was_overtaken_has_its_minutes_after_the_end() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    let watched = next(&mut stage);
    stage.step(Input::DeliveryFailed { id: watched.id, failure: failure(REJECTED) });
    stage.answer("Completed");

    let began = fail_each(&mut stage, |_| REJECTED);

    assert_eq!(stage.engine.deliveries().dead_letters(), 2);
    assert!(began.len() >= 5 + 5, "{began:?}");
}

#[test]
fn other_settings_and_a_retry_by_hand_begin_the_minutes_again() {
    let late = |stage: &mut Stage| {
        let delivery = next(stage);
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(REJECTED) });
        stage.pass(seconds(LIMIT * 2));
    };
    let changed = || SinkPlan { fingerprint: 2, ..everything() };

    for is_by_hand in [true, false] {
        let mut stage = watched(&["a"]);
        late(&mut stage);
        if is_by_hand {
            let record = record(&stage);
            stage.step(Input::DeliveriesEdited(vec![Edit::Retry(record)]));
        } else {
            stage.command(Command::Reconfigure(plan(&[project(&["a"])], vec![changed()])));
        }

        let delivery = next(&mut stage);
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(REJECTED) });
        assert_eq!(stage.engine.deliveries().pending(), 1, "by hand: {is_by_hand}");
    }
}

#[test]
fn a_dead_letter_that_is_sent_again_is_a_new_delivery() {
    let mut stage = watched(&["a"]);
    fail_each(&mut stage, |_| REJECTED);
    let dead = record(&stage);

    // As the state has it after `deliveries retry`.
    let retried = DeliveryRecord { attempts: 0, due: stage.now.wall, ..dead };
    let due = retried.due;
    stage.disk.deliveries[0] = (retried.clone(), DeliveryChange::Pending { due });
    stage.step(Input::DeliveriesEdited(vec![Edit::Retry(retried)]));
    let delivery = next(&mut stage);
    assert_eq!((delivery.attempt, stage.engine.deliveries().dead_letters()), (1, 0));
    stage.step(Input::Delivered(delivery.id));

    assert_eq!(stage.engine.deliveries().pending(), 0);
    assert!(matches!(stage.diagnostics.last(), Some(Diagnostic::SinkRecovered { dead_letters: 0, .. })));
}

#[test]
fn a_rejected_event_delays_no_other_job() {
    let mut stage = watched(&["a", "b"]);
    let rejected = next(&mut stage);
    stage.step(Input::DeliveryFailed { id: rejected.id.clone(), failure: failure(REJECTED) });
    let began = stage.now.instant;

    let other = next(&mut stage);

    assert_ne!(other.id, rejected.id);
    assert_eq!(stage.now.instant, began);
}

#[test]
fn a_sink_without_retries_has_none_after_a_rejection() {
    let once = SinkPlan { policy: DeliveryPolicy::retry(Vec::new()), ..everything() };
    let mut stage = Stage::new(&[project(&["a"])], vec![once]);
    stage.answer("Pending");

    let delivery = next(&mut stage);
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(REJECTED) });

    assert_eq!(stage.engine.deliveries().dead_letters(), 1);
}
