//! Requests that cannot be made as they are set up.

use super::*;
use crate::config::DiscoverySettings;

/// Fails polls in this way until this holds, for an hour at most. Returns how long that took.
fn fail_until(stage: &mut Stage, class: FailureClass, until: impl Fn(&Stage) -> bool) -> Duration {
    while !until(stage) {
        stage.fail(class);
        assert!(stage.now.instant < Instant::after_start(seconds(3600)), "never");
    }
    stage.now.instant.since(Instant::default())
}

fn outcome(stage: &Stage) -> Outcome {
    stage.engine.outcomes()[0]
}

#[test]
fn misconfiguration_is_logged_at_once_and_confirmed_later() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());

    stage.fail(FailureClass::Misconfigured);
    assert_eq!(outcome(&stage), Outcome::Open);
    let logged = |stage: &Stage| {
        stage
            .diagnostics
            .iter()
            .filter(|diagnostic| matches!(diagnostic, Diagnostic::Misconfigured { .. }))
            .count()
    };
    assert_eq!(logged(&stage), 1);
    let took = fail_until(&mut stage, FailureClass::Misconfigured, |stage| outcome(stage) != Outcome::Open);
    assert_eq!(outcome(&stage), Outcome::Misconfigured);
    assert!((seconds(5)..seconds(60)).contains(&took), "{took:?}");
    assert_eq!((logged(&stage), stage.engine.totals().misconfigured), (1, 1));
    assert_eq!(stage.kinds(), [], "nothing is emitted before it has lasted");

    // Polls continue, and one answer ends it.
    stage.answer("Pending");
    assert_eq!((outcome(&stage), stage.engine.totals().misconfigured), (Outcome::Open, 0));
}

#[test]
fn wrong_protocol_is_confirmed_by_the_very_first_request() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());

    stage.fail(FailureClass::WrongProtocol);

    assert_eq!(stage.engine.outcomes(), [Outcome::Misconfigured; 2]);
    assert_eq!(stage.kinds(), []);

    // After an answer, it may be one bad server among good ones.
    stage.answer("Pending");
    stage.fail(FailureClass::WrongProtocol);
    assert_eq!(stage.engine.totals().misconfigured, 0);
}

#[test]
fn one_bad_server_among_good_ones_is_no_misconfiguration() {
    for good in [Some(FailureClass::Transient), Some(FailureClass::NotFound), None] {
        let mut stage = Stage::new(&[project(&["a"])], Vec::new());
        stage.answer("Pending");
        for _ in 0..50 {
            stage.fail(FailureClass::Misconfigured);
            stage.fail(FailureClass::Misconfigured);
            match good {
                Some(class) => stage.fail(class),
                None => stage.answer("Pending"),
            }
            assert_eq!(stage.engine.totals().misconfigured, 0, "{good:?}");
        }
    }
}

#[test]
fn polls_that_were_under_way_count_once() {
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], Vec::new());

    assert_eq!(stage.polls.len(), 3);
    stage.pass(seconds(9));
    for _ in 0..3 {
        stage.fail(FailureClass::Misconfigured);
    }
    assert_eq!(stage.engine.totals().misconfigured, 0);
}

#[test]
fn lasting_misconfiguration_is_no_outage() {
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = Duration::ZERO;
    let mut stage = Stage::new(&[settings], Vec::new());

    stage.fail(FailureClass::Misconfigured);
    assert_eq!((outcome(&stage), stage.engine.totals().misconfigured), (Outcome::Misconfigured, 0));
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    stage.fail(FailureClass::Transient);
    assert_eq!(outcome(&stage), Outcome::Unreachable);
}

#[test]
fn a_misconfigured_list_ends_discovery() {
    let settings = ProjectSettings { discover: Some(DiscoverySettings::default()), ..project(&[]) };
    let mut stage = Stage::new(&[settings], Vec::new());

    while stage.engine.discovery(stage.now.instant) == DiscoveryState::UnderWay {
        let (list, _) = stage.list();
        let failure = failure(FailureClass::Misconfigured);
        stage.step(Input::PageFailed { list, is_of_token: false, failure });
    }
    assert_eq!(stage.engine.discovery(stage.now.instant), DiscoveryState::Misconfigured);
    assert!(stage.now.instant < Instant::after_start(seconds(120)));
    stage.answer_list(Vec::new());
    assert_eq!(stage.engine.discovery(stage.now.instant), DiscoveryState::UnderWay);
}
