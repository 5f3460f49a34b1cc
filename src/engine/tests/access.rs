//! Keys that are refused.

use EventKind::{Completed, ProjectRecovered, ProjectUnauthorized, Unreachable, Watched};

use super::*;

#[test]
fn the_second_refusal_in_a_row_is_emitted() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);

    assert_eq!(stage.kinds(), []);

    stage.answer("Pending");

    assert_eq!(stage.kinds(), [Watched]);

    stage.fail(FailureClass::Unauthorized);
    stage.fail(FailureClass::Unauthorized);

    assert_eq!(stage.kinds(), [ProjectUnauthorized]);
    assert!(stage.engine.jobs().all(|job| job.unauthorized.is_some()));
    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized]);
}

#[test]
fn a_refusal_is_confirmed_soon() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);
    assert_eq!(stage.next(), seconds(5));
    assert_eq!(stage.polls.len(), 1);
}

#[test]
fn the_final_poll_confirms_a_refusal_at_once() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);
    stage.pass(seconds(1));
    stage.step(Input::Command(Command::FinalPoll));
    stage.fail(FailureClass::Unauthorized);

    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized]);
}

#[test]
fn refusals_closer_than_the_grace_are_one() {
    for (grace, takes) in [(30, 30), (5, 5), (0, 1)] {
        let mut settings = project(&["a", "b"]);
        settings.watch.unauthorized_grace = seconds(grace);
        let mut stage = Stage::new(&[settings], Vec::new());
        stage.fail(FailureClass::Unauthorized);
        let first = stage.now.instant;
        while stage.kinds().is_empty() {
            stage.fail(FailureClass::Unauthorized);
        }
        assert_eq!(stage.now.instant.since(first), seconds(takes));
    }
}

#[test]
fn a_long_grace_stops_no_poll_for_longer_than_a_minute() {
    let mut settings = project(&["a"]);
    settings.watch.unauthorized_grace = seconds(1800);
    let mut stage = Stage::new(&[settings], Vec::new());
    for _ in 0..5 {
        let began = stage.now.instant;
        stage.fail(FailureClass::Unauthorized);
        let waited = stage.now.instant.since(began);
        assert!(waited <= seconds(60), "{waited:?}");
    }
    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Watched, Completed]);
}

#[test]
fn refusals_without_a_body_of_the_api_count_after_a_minute() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let mut polls = 0;

    while stage.kinds().is_empty() {
        stage.fail(FailureClass::Blocked);
        polls += 1;
    }

    assert_eq!(stage.now.instant, Instant::after_start(seconds(60)));
    assert!(polls <= 16, "the first ones of both, then one request in five seconds: {polls}");
}

#[test]
fn refusals_without_a_body_of_the_api_pass() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());

    (0..4).for_each(|_| stage.fail(FailureClass::Blocked));
    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Watched, Completed]);
}

#[test]
fn a_refusal_by_the_api_confirms_one_without_its_body() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());

    stage.fail(FailureClass::Blocked);
    stage.fail(FailureClass::Unauthorized);

    assert_eq!(stage.kinds(), [ProjectUnauthorized], "the API itself said so five seconds later");
}

#[test]
fn refusals_of_concurrent_polls_count_once() {
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], Vec::new());

    assert_eq!(stage.polls.len(), 3);

    for _ in 0..3 {
        stage.fail(FailureClass::Unauthorized);
    }

    assert_eq!(stage.kinds(), [], "one revoked moment, three answers");

    stage.fail(FailureClass::Unauthorized);

    assert_eq!(stage.kinds(), [ProjectUnauthorized]);
}

#[test]
fn an_unauthorized_project_is_polled_slowly_until_accepted() {
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], Vec::new());
    while stage.kinds().is_empty() {
        stage.fail(FailureClass::Unauthorized);
    }
    for _ in 0..60 {
        assert_eq!(stage.next(), seconds(60));
        assert_eq!(stage.polls.len(), 1, "one poll for all jobs");
        stage.fail(FailureClass::Unauthorized);
    }

    assert_eq!(stage.kinds(), [], "emitted once, and no job is unreachable for it");

    stage.answer("Pending");

    assert_eq!(stage.kinds(), [ProjectRecovered, Watched]);
    assert!(stage.engine.jobs().all(|job| job.unauthorized.is_none()));

    stage.answer("Completed");
    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Watched, Completed, Watched, Completed], "all jobs are polled again at once");
}

#[test]
fn an_outage_after_one_refusal_is_still_an_outage() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);
    stage.fail_for(FailureClass::Transient, seconds(1200));
    assert_eq!(stage.kinds(), [Unreachable]);
}

#[test]
fn an_outage_of_an_unauthorized_project_is_polled_slowly() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);
    stage.fail(FailureClass::Unauthorized);
    stage.kinds();
    for _ in 0..10 {
        stage.fail(FailureClass::Transient);
        assert!(stage.next() >= seconds(60));
    }

    assert_eq!(stage.kinds(), []);
}

#[test]
fn one_refused_job_is_no_refused_key() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let mut refused = 0;
    while stage.now.instant < Instant::after_start(seconds(1800)) {
        let poll = stage.poll();
        if poll.job == id("a") {
            refused += 1;
            stage.fail_poll(poll, failure(FailureClass::Unauthorized));
        } else {
            stage.answer_with(poll, "Pending", JobFacts::default());
        }
    }

    assert!(refused < 200, "polled with backoff: {refused} times in half an hour");
    assert_eq!(stage.kinds(), [Watched, Unreachable]);
}

#[test]
fn one_projects_key_is_no_others() {
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["b"]) };
    let mut stage = Stage::new(&[project(&["a"]), other], Vec::new());
    let mut polled = 0;
    while stage.now.instant < Instant::after_start(seconds(600)) {
        let poll = stage.poll();
        if poll.project.as_str() == "other" {
            polled += 1;
            stage.answer_with(poll, "Pending", JobFacts::default());
        } else {
            stage.fail_poll(poll, failure(FailureClass::Unauthorized));
        }
    }

    assert!(polled > 50, "{polled}");
}
