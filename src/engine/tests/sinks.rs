//! Sinks that take nothing: what is reported, what is trouble, and how it ends.

use super::*;
use crate::engine::snapshot::DeliveryRecord;

/// Ten minutes, after which the end of a restore should be delivered.
const LATE: Duration = Duration::from_mins(10);

/// The last second before that.
const NOT_YET: Duration = Duration::from_secs(599);

const REJECTED: FailureClass = FailureClass::Rejected(Rejection::Body);

/// A stage in which these jobs completed, with their events pending for the sinks.
fn completed(jobs: &[&str], sinks: Vec<SinkPlan>) -> Stage {
    let mut stage = Stage::new(&[project(jobs)], sinks);
    for _ in jobs {
        stage.answer("Completed");
    }
    stage
}

/// Fails the delivery under way that began first; moves the clocks until there is one.
fn fail(stage: &mut Stage, class: FailureClass) {
    let delivery = next(stage);
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(class) });
}

fn succeed(stage: &mut Stage) {
    let delivery = next(stage);
    stage.step(Input::Delivered(delivery.id));
}

fn next(stage: &mut Stage) -> Delivery {
    while stage.deliveries.is_empty() {
        stage.next();
    }
    stage.deliveries.pop_front().unwrap()
}

/// Fails all deliveries until this time has passed.
fn fail_deliveries_for(stage: &mut Stage, time: Duration) {
    let until = stage.now.instant + time;
    while stage.now.instant < until {
        while let Some(delivery) = stage.deliveries.pop_front() {
            stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
        }
        let at = stage.engine.poll_timeout().map_or(until, |at| at.min(until));
        stage.pass(at.since(stage.now.instant));
        stage.step(Input::Timeout);
    }
}

/// The trouble of the only sink: since when in seconds, and why.
fn trouble(stage: &Stage) -> Option<(u64, String)> {
    match stage.engine.sinks().next().unwrap().trouble? {
        SinkTrouble::Failing { since, reason } => {
            Some((since.since(Instant::default()).as_secs(), reason.to_owned()))
        }
        SinkTrouble::Late { .. } => Some((0, "late".to_owned())),
    }
}

/// The kinds of reports since the last call.
fn reports(stage: &mut Stage) -> Vec<&'static str> {
    let name = |diagnostic: Diagnostic| match diagnostic {
        Diagnostic::DeliveryFailed { attempts: Attempts { made: 1, .. }, .. } => "failed",
        Diagnostic::DeliveryFailed { .. } => "failed again",
        Diagnostic::SinkRejects { .. } => "rejects",
        Diagnostic::DeadLetter { .. } => "dead letter",
        Diagnostic::EndUndelivered { .. } => "end undelivered",
        Diagnostic::SinkRecovered { .. } => "recovered",
        Diagnostic::SinkDisabled { .. } => "disabled",
        Diagnostic::SinkEnabled { .. } => "enabled",
        other => panic!("{other:?}"),
    };
    stage.diagnostics.drain(..).map(name).collect()
}

/// The record of a delivery, as an edit has it.
fn record(stage: &Stage, id: &DeliveryId) -> DeliveryRecord {
    stage.disk.deliveries.iter().find(|(record, _)| record.id == *id).unwrap().0.clone()
}

#[test]
fn a_repeated_failure_is_trouble_until_a_success() {
    let mut stage = completed(&["a"], vec![everything()]);

    fail(&mut stage, FailureClass::Transient);
    let began = stage.now.instant.since(Instant::default()).as_secs();
    assert_eq!(trouble(&stage), None);
    fail(&mut stage, FailureClass::Transient);
    fail(&mut stage, FailureClass::Transient);
    assert_eq!(trouble(&stage), Some((began, "Transient".to_owned())));
    assert_eq!(reports(&mut stage), ["failed", "failed", "failed again"]);

    succeed(&mut stage);
    assert_eq!((trouble(&stage), reports(&mut stage)), (None, vec!["recovered"]));
}

#[test]
fn a_failed_delivery_is_reported_with_what_it_is_about() {
    let mut stage = completed(&["a"], vec![everything()]);
    let delivery = next(&mut stage);
    let id = delivery.id.clone();

    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });

    let [Diagnostic::DeliveryFailed { delivery, attempts, reason, left_out: 0, .. }] = &stage.diagnostics[..]
    else {
        panic!("{:?}", stage.diagnostics)
    };
    assert_eq!((attempts, reason.as_str()), (&Attempts { made: 1, of: Some(10) }, "Transient"));
    let (project, job) = (ProjectName::default(), Some(JobId::new("a").unwrap()));
    assert_eq!(*delivery, DeliverySubject { id, project, job, kind: EventKind::Watched });
}

#[test]
fn a_dead_sink_with_many_deliveries_is_reported_in_few_lines() {
    let jobs: Vec<_> = (0..1000).map(|number| format!("job-{number:04}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = completed(&jobs, vec![everything()]);
    stage.diagnostics.clear();

    fail_deliveries_for(&mut stage, Duration::from_hours(1));

    let left_out: usize = stage
        .diagnostics
        .iter()
        .map(|diagnostic| match diagnostic {
            Diagnostic::DeliveryFailed { left_out, .. } => *left_out,
            _ => 0,
        })
        .sum();
    let lines = reports(&mut stage);
    assert!(lines.len() < 150 && left_out > 1000, "{} {left_out}", lines.len());
    assert_eq!(lines.iter().filter(|line| **line == "end undelivered").count(), 1);
}

#[test]
fn an_undelivered_end_is_reported_once_after_ten_minutes() {
    let mut stage = completed(&["a", "b"], vec![everything()]);
    fail_deliveries_for(&mut stage, NOT_YET);
    assert!(!reports(&mut stage).contains(&"end undelivered"));

    fail_deliveries_for(&mut stage, seconds(2));
    let found = stage.diagnostics.iter().find_map(|diagnostic| match diagnostic {
        Diagnostic::EndUndelivered { delivery, waiting, others, .. } => Some((delivery, waiting, others)),
        _ => None,
    });
    let (delivery, waiting, others) = found.expect("a report");
    assert_eq!((delivery.kind, *others), (EventKind::Completed, 1));
    assert!(*waiting >= LATE, "{waiting:?}");

    stage.diagnostics.clear();
    fail_deliveries_for(&mut stage, Duration::from_hours(3));
    assert!(!reports(&mut stage).contains(&"end undelivered"), "once");
}

#[test]
fn an_event_that_ends_nothing_may_wait() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.answer("Pending");
    stage.command(Command::Pause(ProjectName::default()));

    fail_deliveries_for(&mut stage, Duration::from_hours(3));

    assert!(!reports(&mut stage).contains(&"end undelivered"));
}

#[test]
fn a_time_without_the_process_makes_no_end_late() {
    let mut stage = completed(&["a"], vec![everything()]);
    let projects = [project(&["a"])];
    stage.restart(Duration::from_hours(5), &projects, vec![everything()]);
    assert_eq!(reports(&mut stage), [""; 0]);

    stage.pass(NOT_YET);
    stage.step(Input::Suspended(Duration::from_hours(5)));
    stage.pass(NOT_YET);
    stage.step(Input::Timeout);
    assert_eq!(reports(&mut stage), [""; 0]);

    stage.pass(seconds(1));
    stage.step(Input::Timeout);
    assert_eq!(reports(&mut stage), ["end undelivered"]);
    assert_eq!(trouble(&stage), Some((0, "late".to_owned())));
}

#[test]
fn a_receiver_that_never_took_anything_rejects_loudly() {
    let mut stage = completed(&["a"], vec![everything()]);

    fail(&mut stage, REJECTED);
    assert_eq!(reports(&mut stage), ["rejects", "failed"]);
    assert!(trouble(&stage).is_some(), "at once");
    fail(&mut stage, REJECTED);
    fail(&mut stage, REJECTED);
    assert_eq!(reports(&mut stage), ["failed", "failed again"]);

    succeed(&mut stage);
    assert_eq!(reports(&mut stage), ["recovered"]);
    let changed = SinkPlan { fingerprint: 2, ..everything() };
    stage.restart(seconds(1), &[project(&["a", "b"])], vec![changed]);
    fail(&mut stage, REJECTED);
    assert_eq!(reports(&mut stage)[0], "rejects", "other settings are another receiver");
}

#[test]
fn a_receiver_that_took_something_rejects_like_others() {
    let mut stage = completed(&["a"], vec![everything()]);
    succeed(&mut stage);
    stage.restart(seconds(1), &[project(&["a"])], vec![everything()]);

    fail(&mut stage, REJECTED);

    assert_eq!((trouble(&stage), reports(&mut stage)), (None, vec!["failed"]));
}

#[test]
fn trouble_outlasts_a_restart() {
    let mut stage = completed(&["a"], vec![everything()]);
    for _ in 0..3 {
        fail(&mut stage, FailureClass::Transient);
    }
    assert!(trouble(&stage).is_some());
    let since = stage.disk.sink("one").failing.as_ref().unwrap().since;

    stage.restart(seconds(60), &[project(&["a"])], vec![everything()]);
    let (_, reason) = trouble(&stage).expect("trouble");
    assert_eq!(reason, "Transient");
    let view = stage.engine.sinks().next().unwrap();
    let Some(SinkTrouble::Failing { since: known, .. }) = view.trouble else { panic!("{view:?}") };
    assert_eq!(stage.now.wall_at(known), since);

    succeed(&mut stage);
    assert_eq!((trouble(&stage), reports(&mut stage)), (None, vec!["recovered"]));
    assert_eq!(stage.disk.sink("one").failing, None);
}

#[test]
fn dead_letters_are_counted_until_they_are_dealt_with() {
    let once = || SinkPlan { policy: DeliveryPolicy::retry(Vec::new()), ..everything() };
    let mut stage = completed(&["a", "b"], vec![once()]);
    for _ in 0..4 {
        fail(&mut stage, FailureClass::Transient);
    }
    let dead = |stage: &Stage| stage.engine.deliveries().dead_letters();
    assert_eq!((dead(&stage), reports(&mut stage)), (4, vec!["dead letter"; 4]));

    stage.restart(seconds(1), &[project(&["a", "b"])], vec![once()]);
    assert_eq!(dead(&stage), 4);
    let ids: Vec<_> = stage.disk.dead_letters().into_iter().collect();
    let drops = ids[1..].iter().map(|id| Edit::Drop(record(&stage, id))).collect();
    stage.step(Input::DeliveriesEdited(drops));
    assert_eq!(dead(&stage), 1);
    assert!(trouble(&stage).is_some(), "one is left that it should take");
    let last = record(&stage, &ids[0]);
    stage.step(Input::DeliveriesEdited(vec![Edit::Retry(last.clone())]));
    assert_eq!((dead(&stage), stage.engine.deliveries().pending()), (0, 1));

    stage.step(Input::DeliveriesEdited(vec![Edit::Drop(last)]));
    assert_eq!((trouble(&stage), stage.engine.deliveries().pending()), (None, 0));
}

#[test]
fn a_disabled_sink_is_reported_once_and_counts_its_dead_letters() {
    let mut stage = completed(&["a", "b"], vec![everything()]);

    fail(&mut stage, FailureClass::Gone);
    fail(&mut stage, FailureClass::Gone);
    assert_eq!(reports(&mut stage), ["disabled"]);
    assert_eq!(stage.engine.deliveries().dead_letters(), 4);

    stage.restart(seconds(1), &[project(&["a", "b", "c"])], vec![everything()]);
    stage.answer("Failed");
    assert_eq!(reports(&mut stage), ["disabled"], "of the start");
    assert_eq!(stage.engine.deliveries().dead_letters(), 6);
}

#[test]
fn a_changed_filter_loses_no_pending_delivery() {
    let mut stage = completed(&["a"], vec![everything()]);
    fail(&mut stage, FailureClass::Transient);
    let pending = stage.engine.deliveries().pending();

    let ends = SinkPlan { route: Route::new(EventFilter::ends()), fingerprint: 2, ..everything() };
    stage.restart(seconds(1), &[project(&["a"])], vec![ends]);

    assert_eq!(stage.engine.deliveries().pending(), pending);
    for _ in 0..pending {
        succeed(&mut stage);
    }
    assert_eq!(stage.engine.deliveries().pending(), 0);
}
