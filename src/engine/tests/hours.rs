//! Sinks that get deliveries at some hours only.

use jiff::SignedDuration;

use super::*;
use crate::config::{Hours, Outside};

/// A sink that is open from 13:00 to 14:00; tests begin at noon.
fn from_one_to_two(outside: Outside) -> SinkPlan {
    SinkPlan { hours: Some(Hours::daily(&[(13 * 60, 14 * 60)], outside)), ..everything() }
}

/// A job that completed at noon.
fn completed(sink: SinkPlan) -> Stage {
    let mut stage = Stage::new(&[project(&["a"])], vec![sink]);
    stage.answer("Completed");
    stage
}

fn minutes(n: u64) -> Duration {
    Duration::from_mins(n)
}

impl Stage {
    /// Sets the wall clock by so many minutes.
    fn set_clock(&mut self, minutes: i64) {
        self.now.wall += SignedDuration::from_mins(minutes);
    }

    /// Lets this time pass as the driver would: with an input at each timeout.
    fn live(&mut self, time: Duration) {
        let until = self.now.instant + time;
        while let Some(at) = self.engine.poll_timeout().filter(|at| *at < until) {
            self.pass(at.since(self.now.instant));
            self.step(Input::Timeout);
        }
        self.pass(until.since(self.now.instant));
        self.step(Input::Timeout);
    }

    fn view(&self) -> SinkView<'_> {
        self.engine.sinks().next().unwrap()
    }

    /// The kinds of the deliveries that began, each of which succeeds.
    fn delivered(&mut self) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        while let Some(delivery) = self.deliveries.pop_front() {
            kinds.push(self.kind(&delivery));
            self.step(Input::Delivered(delivery.id));
        }
        kinds
    }
}

const STORY: [EventKind; 2] = [EventKind::Watched, EventKind::Completed];

#[test]
fn deliveries_are_held_until_the_hours_begin() {
    let mut stage = completed(from_one_to_two(Outside::Hold));
    let opening: Timestamp = "2026-11-23T13:00:00Z".parse().unwrap();

    stage.live(minutes(59));
    assert_eq!(stage.delivered(), []);
    let SinkView { pending, held, closed_until, trouble, .. } = stage.view();
    assert_eq!((pending, held, closed_until, trouble), (2, 2, Some(opening), None));
    assert_eq!(stage.engine.deliveries().pending(), 2);
    assert!(!stage.engine.deliveries().busy_until(stage.now.instant), "a stop does not wait for them");
    assert_eq!(stage.disk.sink("one").closed_until, Some(opening));

    let left = opening.duration_since(stage.now.wall).unsigned_abs();
    stage.live(left);
    assert_eq!(stage.now.wall, opening);
    assert_eq!(stage.delivered(), STORY);
    assert_eq!((stage.view().held, stage.view().closed_until), (0, None));
    assert_eq!(stage.disk.sink("one").closed_until, None);
}

#[test]
fn held_ends_raise_no_alarm() {
    let mut stage = completed(from_one_to_two(Outside::Hold));
    stage.diagnostics.clear();

    stage.live(minutes(58));
    assert_eq!(stage.diagnostics, []);

    // What waits from the opening on is late by the usual rule.
    stage.live(minutes(8));
    assert_eq!(stage.diagnostics, []);
    stage.live(minutes(6));
    assert!(matches!(stage.diagnostics[..], [Diagnostic::EndUndelivered { .. }]), "{:?}", stage.diagnostics);
}

#[test]
fn a_clock_set_over_the_opening_stalls_nothing() {
    let mut stage = completed(from_one_to_two(Outside::Hold));

    stage.set_clock(70);
    stage.live(seconds(31));

    assert_eq!(stage.delivered(), STORY);
}

#[test]
fn a_clock_set_back_over_the_opening_holds_again() {
    let mut stage = Stage::new(&[project(&["a"])], vec![from_one_to_two(Outside::Hold)]);
    stage.answer("Pending");
    stage.live(minutes(61));
    assert_eq!(stage.delivered(), [EventKind::Watched]);

    stage.set_clock(-60);
    stage.answer("Completed");
    stage.live(minutes(50));
    assert_eq!(stage.delivered(), []);

    stage.live(minutes(12));
    assert_eq!(stage.delivered(), [EventKind::Completed]);
}

#[test]
fn a_suspension_over_the_opening_stalls_nothing() {
    let mut stage = completed(from_one_to_two(Outside::Hold));

    stage.pass(minutes(90));
    stage.step(Input::Suspended(minutes(90)));
    assert_eq!(stage.delivered(), STORY);

    let mut over = completed(from_one_to_two(Outside::Hold));
    over.pass(minutes(150));
    over.step(Input::Suspended(minutes(150)));
    assert_eq!(over.delivered(), [], "the hours were slept through");
    assert_eq!(over.view().closed_until, Some("2026-11-24T13:00:00Z".parse().unwrap()));
}

#[test]
fn failed_attempts_are_repeated_within_the_hours() {
    let mut stage = completed(from_one_to_two(Outside::Hold));
    stage.live(minutes(119));
    let first = stage.deliveries.pop_front().unwrap();
    stage.step(Input::DeliveryFailed { id: first.id.clone(), failure: failure(FailureClass::Transient) });
    let second = stage.deliveries.pop_front().unwrap();
    assert_eq!(stage.kind(&second), EventKind::Completed, "the end overtakes");
    stage.step(Input::DeliveryFailed { id: second.id, failure: failure(FailureClass::Transient) });

    stage.set_clock(1);
    stage.live(minutes(60));

    assert_eq!(stage.delivered(), []);
    assert_eq!(stage.view().held, 2);
}

#[test]
fn a_rejection_before_the_closing_does_not_count_after_the_opening() {
    let mut stage = completed(from_one_to_two(Outside::Hold));
    stage.live(minutes(119));
    let rejected = || failure(FailureClass::Rejected(Rejection::Credentials));
    while let Some(delivery) = stage.deliveries.pop_front() {
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: rejected() });
    }

    stage.set_clock(1);
    stage.live(minutes(23 * 60 + 1));
    let first = stage.deliveries.pop_front().expect("it is open");
    stage.step(Input::DeliveryFailed { id: first.id, failure: rejected() });

    assert_eq!((stage.engine.deliveries().dead_letters(), stage.view().pending), (0, 2));
}

#[test]
fn held_deliveries_are_no_reason_to_go_on() {
    let mut stage = Stage::new(&[project(&["a"])], vec![from_one_to_two(Outside::Hold)]);
    assert!(stage.engine.deliveries().is_settled_but_held());

    stage.answer("Completed");

    assert_eq!(stage.view().held, 2);
    assert!(stage.engine.deliveries().is_settled_but_held());
    stage.live(minutes(61));
    assert!(!stage.engine.deliveries().is_settled_but_held(), "they are under way");
}

#[test]
fn a_restart_and_a_reload_follow_the_hours_of_the_plan() {
    let stage = completed(from_one_to_two(Outside::Hold));
    let projects = [project(&["a"])];

    let mut again = Stage::on(stage.disk, &projects, vec![from_one_to_two(Outside::Hold)], stage.now);
    assert_eq!(again.delivered(), []);
    again.command(Command::Reconfigure(plan(&projects, vec![everything()])));
    assert_eq!(again.delivered(), STORY);
    assert_eq!(again.disk.sink("one").closed_until, None);
}

#[test]
fn what_was_recorded_of_the_hours_holds_nothing() {
    let stage = completed(from_one_to_two(Outside::Hold));

    let mut again = Stage::on(stage.disk, &[project(&["a"])], vec![everything()], stage.now);

    assert_eq!(again.delivered(), STORY);
    assert_eq!(again.disk.sink("one").closed_until, None);
}

#[test]
fn a_held_notification_expires_from_the_opening_on() {
    let policy = || DeliveryPolicy { expires_after: Some(minutes(5)), ..DeliveryPolicy::retry(Vec::new()) };
    let desktop = || SinkPlan { policy: policy(), ..from_one_to_two(Outside::Hold) };
    let mut stage = completed(desktop());

    stage.live(minutes(62));
    assert_eq!(stage.delivered(), STORY);

    // A process that starts within the hours knows when they began.
    let held = completed(desktop());
    for (minute, expected) in [(62, &STORY[..]), (70, &[])] {
        let now = Now { instant: held.now.instant, wall: held.now.wall + minutes(minute) };
        let mut late = Stage::on(held.disk.clone(), &[project(&["a"])], vec![desktop()], now);
        assert_eq!(late.delivered(), expected, "{minute}");
    }
}

#[test]
fn a_sink_that_drops_says_so_of_each_delivery() {
    let mut stage = completed(from_one_to_two(Outside::Drop));

    assert_eq!((stage.view().pending, stage.engine.deliveries().pending()), (0, 0));
    assert!(stage.disk.deliveries.iter().all(|(_, change)| *change == DeliveryChange::Dropped));
    assert_eq!(stage.disk.deliveries.len(), 2);
    let withheld = stage.diagnostics.iter().filter(|diagnostic| {
        matches!(diagnostic, Diagnostic::Withheld { reason, .. } if reason == "outside the hours of the sink")
    });
    assert_eq!(withheld.count(), 2);

    stage.live(minutes(70));
    assert_eq!(stage.delivered(), []);
}

#[test]
fn a_sink_that_drops_gets_what_is_emitted_within_its_hours() {
    let mut stage = Stage::new(&[project(&["a"])], vec![from_one_to_two(Outside::Drop)]);
    stage.live(minutes(65));

    stage.answer("Completed");

    assert_eq!(stage.delivered(), STORY);
}
