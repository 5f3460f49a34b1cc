//! When trouble decides an outcome, and when progress says that a job ends: what a wait shows.

use super::*;
use crate::config::DiscoverySettings;

/// The time until the trouble of job `a` counts.
fn gives_up_in(stage: &Stage) -> Option<Duration> {
    let job = stage.engine.job(&ProjectName::default(), &id("a"))?;
    job.gives_up_at.map(|at| at.since(stage.now.instant))
}

fn stage() -> Stage {
    let mut settings = project(&["a"]);
    settings.watch.not_found_grace = seconds(60);
    settings.watch.unreachable_after = seconds(600);
    settings.watch.unauthorized_grace = seconds(5);
    Stage::new(&[settings], Vec::new())
}

#[test]
fn each_kind_of_trouble_has_its_time() {
    for (class, time) in [
        (FailureClass::NotFound, Some(seconds(60))),
        (FailureClass::Transient, Some(seconds(600))),
        (FailureClass::Unauthorized, Some(seconds(5))),
        (FailureClass::Blocked, Some(seconds(60))),
        // The third failure in a row decides.
        (FailureClass::Misconfigured, None),
    ] {
        let mut stage = stage();
        assert_eq!(gives_up_in(&stage), None);

        stage.fail(class);

        assert_eq!(gives_up_in(&stage), time, "{class:?}");
    }
}

#[test]
fn the_time_passes_and_ends_with_the_outcome() {
    let mut stage = stage();
    stage.fail(FailureClass::NotFound);
    stage.pass(seconds(20));
    assert_eq!(gives_up_in(&stage), Some(seconds(40)));

    stage.fail_for(FailureClass::NotFound, seconds(60));

    assert_eq!((stage.outcome(), gives_up_in(&stage)), (Outcome::NotFound, None));
}

#[test]
fn what_is_not_answered_about_is_no_open_restore() {
    let oldest_open = |stage: &Stage| stage.engine.projects().next().unwrap().oldest_open;
    for (class, time) in [(FailureClass::NotFound, seconds(60)), (FailureClass::Transient, seconds(600))] {
        let mut stage = stage();
        stage.fail(class);
        assert!(oldest_open(&stage).is_some(), "{class:?} may pass");

        stage.fail_for(class, time);
        assert_eq!(oldest_open(&stage), None, "{class:?}");
    }
}

#[test]
fn a_good_answer_ends_the_time() {
    let mut stage = stage();
    stage.fail(FailureClass::Transient);

    stage.answer("Pending");

    assert_eq!(gives_up_in(&stage), None);
}

#[test]
fn progress_says_what_remains_until_the_end() {
    let remaining = |stage: &Stage| {
        let job = stage.engine.job(&ProjectName::default(), &id("a")).unwrap();
        job.tracker.remaining(stage.now.instant)
    };
    let at = |stage: &Stage, percent| JobFacts {
        created_at: Some(stage.now.wall - seconds(100)),
        percent_complete: Some(percent),
        ..JobFacts::default()
    };
    let mut stage = stage();
    assert_eq!(remaining(&stage), None);

    let poll = stage.poll();
    stage.answer_with(poll, "Pending", at(&stage, 25.0));
    assert_eq!(remaining(&stage), Some(seconds(300)));

    let poll = stage.poll();
    stage.answer_with(poll, "Failed", at(&stage, 50.0));
    assert_eq!(remaining(&stage), None);
}

#[test]
fn a_list_says_when_it_counts_as_unreachable() {
    let mut settings = ProjectSettings { discover: Some(DiscoverySettings::default()), ..project(&[]) };
    settings.watch.not_found_grace = seconds(60);
    settings.watch.unreachable_after = seconds(600);
    let stage = Stage::new(&[settings], Vec::new());

    let project = stage.engine.projects().next().unwrap();

    assert_eq!(project.list_lags_until.map(|at| at.since(stage.now.instant)), Some(seconds(60)));
    assert_eq!(project.list_gives_up_at, None);
}
