//! A process that starts under a wall clock that is behind or ahead of the one before.

use jiff::SignedDuration;

use super::*;
use crate::config::SlowAfter;
use crate::engine::retry::RetryAfter;

/// How far the clock of the next process is from the true time: a time zone, a month, a clock
/// without a battery, the end of 32 bits.
const STEPS: [i64; 8] = [-3600, 3600, -7200, 7200, -31 * 86_400, 31 * 86_400, -1_795_435_200, 352_048_447];

impl Stage {
    /// The process dies, and another one starts a moment later, under a clock that is off by this.
    fn restart_off_by(&mut self, seconds: i64, projects: &[ProjectSettings], sinks: Vec<SinkPlan>) {
        let down = Duration::from_secs(3);
        let wall = self.server + down + SignedDuration::from_secs(seconds);
        self.restart_under(wall, down, projects, sinks);
    }

    /// How long it takes until something is asked or sent.
    fn until_something_happens(&mut self) -> Duration {
        let began = self.now.instant;
        while self.polls.is_empty() && self.deliveries.is_empty() {
            self.next();
        }
        self.now.instant.since(began)
    }
}

#[test]
fn polls_continue_within_the_interval_under_any_clock() {
    let projects = [project(&["a", "b"])];
    for step in STEPS {
        let mut stage = Stage::new(&projects, Vec::new());
        // By then, the polls are a minute apart.
        stage.pass(seconds(3 * 3600));
        for _ in 0..2 {
            stage.answer("Pending");
        }
        for step in [step, 0, -step] {
            stage.restart_off_by(step, &projects, Vec::new());
            let waited = stage.until_something_happens();
            assert!(waited <= seconds(60), "{waited:?} after a start {step} s off");
            stage.answer("Pending");
        }
    }
}

#[test]
fn a_server_is_left_alone_no_longer_than_it_asked() {
    let projects = [project(&["a", "b"])];
    for step in STEPS {
        let mut stage = Stage::new(&projects, Vec::new());
        let poll = stage.poll();
        let asked = Some(RetryAfter::For(seconds(20)));
        stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });
        stage.step(Input::Command(Command::Stop));
        for step in [step, 0, -step] {
            stage.restart_off_by(step, &projects, Vec::new());
            assert!(stage.hold("a").is_none_or(|hold| hold.left <= seconds(20)), "a start {step} s off");
            let waited = stage.until_something_happens();
            assert!(waited <= seconds(20), "{waited:?} after a start {step} s off");
        }
    }
}

#[test]
fn a_pending_delivery_is_delayed_by_no_clock() {
    let projects = [project(&["a"])];
    for step in STEPS {
        let mut stage = Stage::new(&projects, vec![everything()]);
        stage.answer("Completed");
        let delivery = stage.deliveries.pop_front().unwrap();
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
        stage.deliveries.clear();
        for step in [step, 0, -step] {
            stage.restart_off_by(step, &projects, vec![everything()]);
            let waited = stage.until_something_happens();
            assert!(waited <= seconds(6), "{waited:?} after a start {step} s off");
        }
    }
}

#[test]
fn repeated_starts_under_a_slow_clock_delay_no_delivery() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);

    stage.answer("Completed");
    let delivery = stage.deliveries.pop_front().unwrap();
    let asked = Some(RetryAfter::For(seconds(600)));
    let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failed });
    let began = stage.server;
    stage.deliveries.clear();
    let mut reported = 0;
    while stage.deliveries.is_empty() {
        stage.restart_off_by(-31 * 86_400, &projects, vec![everything()]);
        reported += stage
            .diagnostics
            .iter()
            .filter(|diagnostic| matches!(diagnostic, Diagnostic::ClockWentBack { .. }))
            .count();
        let until = stage.now.instant + seconds(100);
        while stage.engine.poll_timeout().is_some_and(|at| at <= until) && stage.deliveries.is_empty() {
            stage.next();
        }
        if stage.deliveries.is_empty() {
            stage.pass(until.since(stage.now.instant));
        }
        assert!(
            crate::model::time::wall_between(began, stage.server) <= seconds(700),
            "it was due after 600 s"
        );
    }
    assert_eq!(reported, 1);
}

#[test]
fn a_receiver_is_left_alone_no_longer_than_it_asked() {
    let projects = [project(&["a", "b"])];
    for step in STEPS {
        let mut stage = Stage::new(&projects, vec![everything()]);
        stage.answer("Completed");
        let delivery = stage.deliveries.pop_front().unwrap();
        let asked = Some(RetryAfter::For(seconds(600)));
        let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failed });
        stage.deliveries.clear();
        for step in [step, 0, -step] {
            stage.restart_off_by(step, &projects, vec![everything()]);
            let began = stage.now.instant;
            while stage.deliveries.is_empty() {
                stage.next();
                while let Some(poll) = stage.polls.pop_front() {
                    stage.answer_with(poll, "Pending", JobFacts::default());
                }
            }
            assert!(stage.now.instant.since(began) <= seconds(600), "after a start {step} s off");
            stage.deliveries.clear();
        }
    }
}

#[test]
fn overdue_and_slow_follow_the_server_clock() {
    let mut settings = project(&["a"]);
    settings.jobs[0].deadline = Some(seconds(3600));
    settings.watch.slow_after = Some(SlowAfter::Time(seconds(5400)));
    let projects = [settings];
    let facts = || JobFacts { created_at: Some(NOON.parse().unwrap()), ..JobFacts::default() };
    for (step, created) in STEPS.into_iter().flat_map(|step| [(step, true), (step, false)]) {
        let facts = || if created { facts() } else { JobFacts::default() };
        let mut stage = Stage::new(&projects, Vec::new());
        let poll = stage.poll();
        stage.answer_with(poll, "Pending", facts());
        assert_eq!(stage.kinds(), [EventKind::Watched]);
        stage.restart_off_by(step, &projects, Vec::new());
        let mut emitted = Vec::new();
        while stage.server.duration_since(NOON.parse().unwrap()).as_secs() < 5700 {
            let poll = stage.poll();
            stage.answer_with(poll, "Pending", facts());
            let age = stage.server.duration_since(NOON.parse().unwrap()).as_secs();
            emitted.extend(stage.kinds().into_iter().map(|kind| (kind, age)));
            // And once more, while each is due.
            if (3400..3500).contains(&age) || (5200..5300).contains(&age) {
                stage.restart_off_by(-step, &projects, Vec::new());
            }
        }
        let [(EventKind::Overdue, overdue), (EventKind::Slow, slow)] = emitted[..] else {
            panic!("{emitted:?} after a start {step} s off");
        };
        assert!((3590..3670).contains(&overdue), "overdue after {overdue} s with a start {step} s off");
        assert!((5390..5470).contains(&slow), "slow after {slow} s with a start {step} s off");
    }
}

#[test]
fn a_deadline_follows_the_server_clock_from_the_first_answer() {
    let mut settings = project(&["a"]);
    settings.jobs[0].deadline = Some(seconds(7200));
    for (wrong_by, ran, is_overdue) in [
        (SignedDuration::from_hours(3), 60, false),
        (SignedDuration::from_hours(-3), 3 * 3600, true),
        (SignedDuration::ZERO, 60, false),
        (SignedDuration::ZERO, 3 * 3600, true),
    ] {
        let mut stage = Stage::new(&[settings.clone()], Vec::new());
        stage.now.wall = stage.server + wrong_by;
        let created_at = Some(stage.server - SignedDuration::from_secs(ran));
        let poll = stage.poll();
        stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
        let emitted = stage.kinds();
        assert_eq!(emitted.contains(&EventKind::Overdue), is_overdue, "{wrong_by} {ran}: {emitted:?}");
    }
}

#[test]
fn a_clock_that_went_back_is_reported_once() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, Vec::new());

    stage.answer("Pending");
    let written_at = stage.now.wall;
    stage.restart_off_by(-7200, &projects, Vec::new());
    let by = seconds(7197);
    assert_eq!(stage.diagnostics, [Diagnostic::ClockWentBack { written_at, by }]);
    stage.pass(seconds(10));
    stage.step(Input::Timeout);
    stage.restart_off_by(-7200, &projects, Vec::new());
    assert_eq!(stage.diagnostics, [], "it was written again by the clock of then");
    stage.restart_off_by(0, &projects, Vec::new());
    assert_eq!(stage.diagnostics, [], "a clock that is ahead looks like one that is right");
}

#[test]
fn own_backoff_is_not_explained_as_retry_after() {
    let why = |asked: Option<RetryAfter>| {
        let projects = [project(&["a"])];
        let mut stage = Stage::new(&projects, Vec::new());
        let poll = stage.poll();
        stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });
        stage.step(Input::Command(Command::Stop));
        stage.restart(Duration::ZERO, &projects, Vec::new());
        stage.hold("a").expect("there is a hold").reason
    };
    let said = || "Throttled".to_owned();
    assert_eq!(why(Some(RetryAfter::For(seconds(20)))), HoldReason::RetryAfter(said()));
    assert_eq!(why(None), HoldReason::Throttled(said()));
}

#[test]
fn expiry_ignores_a_clock_that_was_set_back() {
    let policy = DeliveryPolicy { expires_after: Some(seconds(3600)), ..everything().policy };
    let desktop = || SinkPlan { policy: policy.clone(), ..everything() };
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![desktop()]);

    stage.answer("Completed");
    stage.now.wall += seconds(7200);
    stage.step(Input::Timeout);
    assert_eq!(stage.deliveries.len(), 1, "a step of the clock while the process runs makes nothing older");
    stage.restart_off_by(-7200, &projects, vec![desktop()]);
    assert_eq!(stage.deliveries.len(), 1);
}

/// How many polls count as overdue.
fn overdue(stage: &Stage) -> usize {
    stage.engine.polls().overdue(&ProjectName::default(), stage.now.instant)
}

#[test]
fn polls_that_are_not_made_are_overdue() {
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, Vec::new());

    for _ in 0..100 {
        stage.answer("Pending");
        assert_eq!(overdue(&stage), 0);
    }
    stage.polls.clear();
    stage.restart(seconds(1), &projects, Vec::new());
    while stage.polls.len() < 2 {
        stage.next();
    }
    for _ in 0..2 {
        stage.answer("Pending");
    }
    stage.pass(seconds(599));
    assert_eq!(overdue(&stage), 0);
    stage.pass(seconds(120));
    assert_eq!(overdue(&stage), 2, "nothing was asked meanwhile");
    let asleep = stage.now.instant;
    stage.step(Input::Suspended(asleep.since(Instant::default())));
    assert_eq!(overdue(&stage), 0, "nothing could be asked");
}

#[test]
fn held_polls_are_not_overdue() {
    let hours = seconds(5 * 3600);
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, Vec::new());
    let poll = stage.poll();
    let asked = Some(RetryAfter::For(hours));
    stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });
    stage.pass(seconds(5 * 3600 - 1));
    assert_eq!(overdue(&stage), 0, "the server asks for it");
    stage.pass(seconds(60));
    assert_eq!(overdue(&stage), 0, "it has just been over");

    let mut stage = Stage::new(&projects, Vec::new());

    stage.answer("Pending");
    let name = ProjectName::default();
    stage.command(Command::Pause(name.clone()));
    stage.pass(hours);
    assert_eq!(overdue(&stage), 0, "it is paused");
    stage.command(Command::Resume(name.clone()));
    assert_eq!(overdue(&stage), 0, "it has just been resumed");

    let mut stage = Stage::new(&projects, Vec::new());

    stage.fail(FailureClass::Unauthorized);
    stage.fail(FailureClass::Unauthorized);
    stage.pass(hours);
    assert_eq!(overdue(&stage), 0, "its key is refused");
}

#[test]
fn a_poll_that_waits_for_its_turn_is_not_overdue() {
    let mut settings = project(&[]);
    settings.watch.unreachable_after = seconds(60);
    let mut world = super::world::World::new(2000, settings, super::world::Server::new(1.0, 4.0));

    for _ in 0..120 {
        world.run(seconds(60));
        assert_eq!(overdue(&world.stage), 0);
    }
}

#[test]
fn a_poll_that_hung_during_a_suspension_proves_nothing() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());

    stage.answer("Pending");
    stage.fail(FailureClass::Transient);
    let hung = stage.poll();
    stage.pass(seconds(3600));
    stage.step(Input::Suspended(seconds(3600)));
    stage.fail_poll(hung, failure(FailureClass::Transient));
    stage.answer("Pending");
    assert_eq!(stage.kinds(), [EventKind::Watched]);
}

#[test]
fn a_record_without_a_time_holds_nothing_up() {
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    let poll = stage.poll();
    let asked = Some(RetryAfter::For(seconds(20)));
    let throttled = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.fail_poll(poll, throttled);
    stage.step(Input::Command(Command::Stop));
    let mut saved = stage.disk.load();
    saved.projects[0].snapshot.written_at = None;
    for step in STEPS {
        let now = Now { instant: Instant::default(), wall: stage.now.wall + SignedDuration::from_secs(step) };
        let engine = Engine::from_snapshot(plan(&projects, vec![everything()]), saved.clone(), 7, now);
        let next = engine.polls().next_at().expect("a poll").since(now.instant);
        assert!(next <= seconds(20), "{next:?} after a start {step} s off");
    }
}

#[test]
fn a_record_of_a_clock_far_behind_is_not_deleted_as_old() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);

    stage.restart_off_by(-1_795_435_200, &[project(&["a", "b"])], vec![everything()]);
    let poll = stage.poll();
    assert_eq!(poll.job, id("a"));
    let facts = JobFacts { created_at: Some(NOON.parse().unwrap()), ..JobFacts::default() };
    stage.answer_with(poll, "Completed", facts);

    // Then it is not configured for an hour, in which the clock is right.
    stage.restart_off_by(0, &[project(&["b"])], vec![everything()]);
    for _ in 0..60 {
        stage.answer("Pending");
        stage.pass(seconds(60));
    }
    assert!(stage.disk.has_job("a"));
}
