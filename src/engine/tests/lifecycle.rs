//! The life of a job: what each answer means, and which events are emitted for it.

use EventKind::{
    Completed, NotFound, Overdue, Progressed, Recovered, StatusChanged, Unreachable, Unrecognised, Watched,
};

use super::*;

fn stage() -> Stage {
    Stage::with_job(JobSettings::new(id("a")))
}

#[test]
fn each_end_is_emitted_once_and_ends_polling() {
    for (status, outcome) in [
        ("Completed", Outcome::Completed),
        ("completed", Outcome::Completed),
        ("FAILED", Outcome::Failed),
        ("cancelled", Outcome::Cancelled),
        ("Cancelled", Outcome::Cancelled),
    ] {
        let mut stage = stage();
        stage.answer("Pending");
        assert_eq!(stage.kinds(), [Watched]);
        stage.answer(status);
        assert_eq!(stage.kinds(), [outcome.event().unwrap()]);
        assert_eq!(stage.outcome(), outcome);
        assert_eq!(stage.engine.poll_timeout(), None, "nothing is left to do");
    }
}

#[test]
fn an_ended_job_is_watched_and_ended_at_once() {
    let mut stage = stage();
    stage.answer("Completed");
    assert_eq!(stage.kinds(), [Watched, Completed]);
}

#[test]
fn an_end_stays_an_end() {
    let mut stage = stage();
    let poll = stage.poll();
    stage.answer_with(poll.clone(), "Completed", JobFacts::default());
    stage.kinds();
    // The same answer again, and another that contradicts it: both come too late.
    stage.answer_with(poll.clone(), "Completed", JobFacts::default());
    stage.answer_with(poll.clone(), "Pending", JobFacts::default());
    stage.fail_poll(poll, failure(FailureClass::NotFound));

    assert_eq!(stage.kinds(), []);
    assert_eq!(stage.outcome(), Outcome::Completed);
}

#[test]
fn late_answers_of_earlier_polls_are_ignored() {
    let mut stage = stage();
    let first = stage.poll();
    stage.answer_with(first.clone(), "Pending", JobFacts::default());
    let second = stage.poll();

    assert!(second.generation > first.generation);

    stage.answer_with(first, "Failed", JobFacts::default());

    assert_eq!(stage.kinds(), [Watched]);

    stage.answer_with(second, "Completed", JobFacts::default());

    assert_eq!(stage.kinds(), [Completed]);
}

#[test]
fn an_unknown_status_is_logged_once_and_is_no_end() {
    let mut stage = stage();
    for status in ["Running", "running", "Pending", "Running", "Initializing"] {
        stage.answer(status);
    }

    assert_eq!(stage.kinds(), [Watched, StatusChanged, StatusChanged, StatusChanged]);

    let logged: Vec<_> = stage
        .diagnostics
        .iter()
        .map(|diagnostic| match diagnostic {
            Diagnostic::UnknownStatus { status, .. } => status.as_str(),
            other => panic!("unexpected {other:?}"),
        })
        .collect();

    assert_eq!(logged, ["Running", "Initializing"]);
    assert_eq!(stage.outcome(), Outcome::Open);
}

#[test]
fn made_up_statuses_are_logged_a_few_times() {
    let mut stage = stage();
    for n in 0..100 {
        stage.answer(&format!("Made-up-{n}"));
    }

    assert_eq!(stage.diagnostics.len(), 16);
}

#[test]
fn an_unknown_status_with_an_end_time_is_an_unrecognised_end() {
    let mut stage = stage();
    let poll = stage.poll();
    let facts = JobFacts { completed_at: Some(NOON.parse().unwrap()), ..JobFacts::default() };
    stage.answer_with(poll, "PartiallyCompleted", facts);

    assert_eq!(stage.kinds(), [Watched, Unrecognised]);
}

#[test]
fn times_of_an_end() {
    let mut stage = stage();
    let poll = stage.poll();
    stage.pass(seconds(90));
    let facts = JobFacts {
        created_at: Some("2026-11-23T11:59:00Z".parse().unwrap()),
        completed_at: Some("2026-11-23T12:01:20Z".parse().unwrap()),
        ..JobFacts::default()
    };
    stage.answer_with(poll, "Completed", facts);
    let end = stage.emitted.last().unwrap();

    assert_eq!(end.elapsed, Elapsed::Exact(seconds(140)));
    assert_eq!(end.detection_delay_seconds, Some(10.0));
}

#[test]
fn not_found_is_emitted_once_after_the_grace() {
    let mut stage = stage();
    stage.fail_for(FailureClass::NotFound, seconds(59));

    assert_eq!(stage.kinds(), []);

    stage.fail_for(FailureClass::NotFound, seconds(3));

    assert_eq!(stage.kinds(), [NotFound]);
    assert_eq!(stage.outcome(), Outcome::NotFound);

    // The watch goes on, slowly, and emits it once.
    stage.fail_for(FailureClass::NotFound, seconds(3600));

    assert_eq!(stage.kinds(), []);

    stage.answer("Pending");

    assert_eq!(stage.kinds(), [Watched, Recovered]);
    assert_eq!(stage.outcome(), Outcome::Open);
}

#[test]
fn a_job_that_appears_within_the_grace_is_watched() {
    let mut stage = stage();
    stage.fail_for(FailureClass::NotFound, seconds(30));
    stage.answer("Pending");
    assert_eq!(stage.kinds(), [Watched]);
}

#[test]
fn a_seen_job_is_lost_after_unreachable_after() {
    let mut stage = stage();
    stage.answer("Pending");
    stage.kinds();
    stage.fail_for(FailureClass::NotFound, seconds(590));

    assert_eq!(stage.kinds(), []);

    stage.fail_for(FailureClass::NotFound, seconds(80));

    assert_eq!(stage.kinds(), [NotFound]);
    assert_eq!(stage.outcome(), Outcome::NotFound);

    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Recovered, Completed]);
}

#[test]
fn unreachable_and_recovery_are_emitted_once() {
    for class in [FailureClass::Transient, FailureClass::Throttled, FailureClass::Permanent] {
        let mut stage = stage();
        stage.answer("Pending");
        stage.kinds();
        stage.fail_for(class, seconds(3600));
        assert_eq!(stage.kinds(), [Unreachable], "{class:?}");
        assert_eq!(stage.outcome(), Outcome::Unreachable);
        stage.answer("Pending");
        assert_eq!(stage.kinds(), [Recovered]);
        stage.fail_for(class, seconds(3600));
        assert_eq!(stage.kinds(), [Unreachable], "a second outage is emitted again");
    }
}

#[test]
fn the_last_error_shows_before_trouble_is_emitted() {
    let mut stage = stage();

    assert_eq!(stage.engine.outcomes(), [Outcome::Open]);

    stage.fail(FailureClass::Transient);

    assert_eq!(stage.engine.outcomes(), [Outcome::Open]);
    assert_eq!(stage.engine.jobs().next().unwrap().tracker.last_error(), Some("Transient"));

    stage.answer("Pending");

    assert_eq!(stage.engine.jobs().next().unwrap().tracker.last_error(), None);
}

#[test]
fn one_failure_after_a_long_pause_is_no_outage() {
    let mut stage = stage();
    stage.answer("Pending");
    stage.pass(seconds(86_400));
    stage.fail(FailureClass::Transient);
    stage.answer("Pending");

    assert_eq!(stage.kinds(), [Watched]);
}

#[test]
fn an_error_after_lasting_404s_is_no_outage() {
    // Answers of 404 show that the API works, so they are no outage, however short
    // `unreachable_after` is.
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = seconds(5);
    let mut stage = Stage::new(&[settings], Vec::new());
    stage.fail_for(FailureClass::NotFound, seconds(30));
    stage.fail(FailureClass::Transient);

    assert_eq!(stage.kinds(), []);
}

#[test]
fn a_poll_at_the_limit_decides() {
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = seconds(30);
    let mut stage = Stage::new(&[settings], Vec::new());
    stage.fail(FailureClass::Transient);
    let began = stage.now.instant;
    let mut last = began;
    while stage.kinds().is_empty() {
        let poll = stage.poll();
        last = stage.now.instant;
        stage.fail_poll(poll, failure(FailureClass::Transient));
    }

    assert_eq!(last.since(began), seconds(30));
}

#[test]
fn a_long_retry_after_does_not_delay_unreachable() {
    let mut stage = stage();
    let poll = stage.poll();
    let asked = Some(retry::RetryAfter::For(seconds(7200)));
    stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });

    assert_eq!(stage.next(), seconds(600));
    assert_eq!(stage.kinds(), [Unreachable]);
    assert!(stage.polls.is_empty(), "the pause that the server asked for holds");
    assert_eq!(stage.next(), seconds(6600));
    assert_eq!(stage.polls.len(), 1);
}

#[test]
fn a_long_throttle_makes_every_job_unreachable() {
    // One job is answered with 429. No other can be polled for two hours; each is unreachable in
    // time.
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], Vec::new());
    stage.answer("Pending");
    let poll = stage.poll();
    let asked = Some(retry::RetryAfter::For(seconds(7200)));
    stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });
    stage.answer("Pending");
    stage.kinds();
    while stage.emitted.len() < 3 {
        stage.next();
    }

    assert_eq!(stage.kinds(), [Unreachable, Unreachable, Unreachable]);
    assert!(stage.now.instant < Instant::after_start(seconds(605)));
    assert!(stage.polls.is_empty());
}

#[test]
fn a_short_pause_is_no_trouble() {
    let mut settings = project(&["a", "b"]);
    settings.watch.unreachable_after = seconds(20);
    let mut stage = Stage::new(&[settings], Vec::new());
    for _ in 0..50 {
        let poll = stage.poll();
        let asked = Some(retry::RetryAfter::For(seconds(5)));
        stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });
        stage.answer("Pending");
        stage.answer("Pending");
    }

    assert!(!stage.kinds().contains(&Unreachable));
}

#[test]
fn limits_of_zero_emit_at_the_first_failure() {
    let mut settings = project(&["a"]);
    settings.watch.not_found_grace = Duration::ZERO;
    settings.watch.unreachable_after = Duration::ZERO;
    for (class, kind) in [(FailureClass::NotFound, NotFound), (FailureClass::Transient, Unreachable)] {
        let mut stage = Stage::new(&[settings.clone()], Vec::new());
        stage.fail(class);
        assert_eq!(stage.kinds(), [kind]);
        stage.fail(class);
        assert_eq!(stage.kinds(), []);
    }
}

#[test]
fn a_deadline_counts_from_the_start_of_the_job() {
    let settings = JobSettings { deadline: Some(seconds(7200)), ..JobSettings::new(id("a")) };
    let mut stage = Stage::with_job(settings);
    let poll = stage.poll();
    let facts = JobFacts { created_at: Some("2026-11-23T10:30:00Z".parse().unwrap()), ..JobFacts::default() };
    stage.answer_with(poll, "Pending", facts);

    assert_eq!(stage.kinds(), [Watched]);

    stage.fail_for(FailureClass::Transient, seconds(1799 - 1200));
    stage.answer("Pending");

    assert_eq!(stage.kinds(), []);

    let until = stage.now.instant + seconds(1300);
    while stage.now.instant < until {
        stage.answer("Pending");
    }

    assert_eq!(stage.kinds(), [Overdue]);

    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Completed]);
}

#[test]
fn progress_is_emitted_at_most_every_ten_points() {
    let mut stage = stage();
    for percent in [0.0, 4.0, 9.9, 10.0, 15.0, 19.0, 21.0, 90.0, 100.0] {
        let poll = stage.poll();
        let facts = JobFacts { percent_complete: Some(percent), ..JobFacts::default() };
        stage.answer_with(poll, "Pending", facts);
    }
    let emitted: Vec<_> = stage
        .emitted
        .iter()
        .filter(|event| event.kind == Progressed)
        .filter_map(|event| event.job.as_ref()?.facts.percent_complete)
        .collect();

    assert_eq!(emitted, [10.0, 21.0, 90.0, 100.0]);
}

#[test]
fn facts_once_known_are_not_forgotten() {
    let mut stage = stage();
    let poll = stage.poll();
    let facts = JobFacts { target_index_name: Some("docs".into()), ..JobFacts::default() };
    stage.answer_with(poll, "Pending", facts);
    stage.answer("Completed");
    let end = stage.emitted.last().unwrap();

    assert_eq!(end.job.as_ref().unwrap().facts.target_index_name.as_deref(), Some("docs"));
}

#[test]
fn a_hanging_api_is_unreachable_from_its_first_poll_on() {
    let mut stage = Stage::with_job(JobSettings::new(id("a")));
    let start = stage.now.instant;
    while stage.emitted.is_empty() {
        let poll = stage.poll();
        stage.pass(seconds(10));
        stage.fail_poll(poll, failure(FailureClass::Transient));
    }

    assert_eq!(stage.kinds(), [EventKind::Unreachable]);

    let took = stage.now.instant.since(start);

    assert!((seconds(600)..=seconds(611)).contains(&took), "{took:?}");
}

#[test]
fn one_error_among_404s_of_an_unseen_job_is_no_outage() {
    let mut project = project(&["a"]);
    project.watch.not_found_grace = seconds(3600);
    let mut stage = Stage::new(&[project], Vec::new());
    stage.fail(FailureClass::Transient);
    stage.fail_for(FailureClass::NotFound, seconds(900));
    stage.fail(FailureClass::Transient);

    assert_eq!(stage.kinds(), []);

    stage.answer("Completed");

    assert_eq!(stage.outcome(), Outcome::Completed);
}

#[test]
fn a_mixed_outage_emits_unreachable_once_and_slows_polls() {
    let mut stage = Stage::with_job(JobSettings::new(id("a")));
    let (mut number, mut polls) = (0, Vec::new());
    while stage.now.instant < Instant::after_start(seconds(3600)) {
        let poll = stage.poll();
        polls.push(stage.now.instant);
        number += 1;
        let class = if number % 2 == 0 { FailureClass::Transient } else { FailureClass::NotFound };
        stage.fail_poll(poll, failure(class));
    }

    assert_eq!(stage.kinds(), [EventKind::Unreachable]);

    let late = polls.iter().filter(|at| **at > Instant::after_start(seconds(1800))).count();

    assert!(late < 200, "{late} polls in the second half hour");
}
