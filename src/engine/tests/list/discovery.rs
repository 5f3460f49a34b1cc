//! Which jobs of the list are discovered, and when all of them are known.

use super::*;
use crate::config::IndexPattern;

#[test]
fn unfinished_jobs_are_discovered() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], vec![everything()]);
    let running = row("new", "Pending", 30);
    stage.answer_list(vec![
        row("old", "Completed", 500),
        running.clone(),
        running,
        row("bad", "Failed", 400),
    ]);
    assert_eq!(stage.kinds(), [EventKind::Watched]);
    let job = stage.engine.jobs().next().unwrap();
    assert_eq!((job.tracker.settings().id.as_str(), job.is_discovered, job.is_added), ("new", true, false));
    let poll = stage.poll();
    stage.answer_with(poll, "Completed", row("new", "Completed", 30).facts);
    assert_eq!(stage.kinds(), [EventKind::Completed]);
}

/// If an end time stands beside `Pending`, or is a placeholder that the client takes out.
#[test]
fn pending_wins_over_an_end_time_in_the_list() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let facts = row("a", "Completed", 5000).facts;
    let pending = Observation { facts, ..row("a", "Pending", 5000) };
    let unknown = row("b", "Initializing", 5000);
    stage.answer_list(vec![pending.clone(), unknown]);
    let found: Vec<_> = stage.engine.jobs().map(|job| job.tracker.settings().id.to_string()).collect();
    assert_eq!(found, ["a", "b"]);
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Watched]);
    let expected = stage.engine.projects().next().unwrap().expectation;
    assert!(expected.is_none(), "nothing is learned of the duration of a restore that runs");
}

#[test]
fn a_job_that_ran_between_two_scans_emits_its_end() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let old = || vec![row("old", "Completed", 500), row("just", "Failed", 10)];
    stage.answer_list(old());
    assert_eq!(stage.next(), seconds(60));
    let quick = Observation { status: Status::Failed, ..row("quick", "Failed", 0) };
    stage.answer_list([vec![quick], old()].concat());
    let poll = stage.poll();
    assert_eq!(poll.job, id("quick"));
    stage.answer_with(poll, "Failed", row("quick", "Failed", 0).facts);
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Failed]);
    assert!(stage.polls.is_empty());
}

#[test]
fn an_end_during_downtime_is_emitted_after_a_restart() {
    let settings = discovering(DiscoverySettings::default());
    let mut stage = Stage::new(std::slice::from_ref(&settings), Vec::new());

    stage.answer_list(vec![row("old", "Completed", 500), row("running", "Pending", 5)]);
    stage.go_on(seconds(10), &[row("running", "Pending", 5)]);
    stage.pass(seconds(6000));
    let mut stage = Stage::on(stage.disk, &[settings], Vec::new(), stage.now);
    let jobs: Vec<_> = stage.engine.jobs().map(|job| job.tracker.settings().id.to_string()).collect();
    assert_eq!(jobs, ["running"], "a discovered job stays watched");
    let quick = Observation { id: id("quick"), ..row("quick", "Completed", 0) };
    stage.answer_list(vec![row("old", "Completed", 500), quick]);
    let polled: Vec<_> = (0..2).map(|_| stage.poll().job).collect();
    assert!(polled.contains(&id("quick")) && polled.contains(&id("running")), "{polled:?}");
}

#[test]
fn index_patterns_select_the_discovered_jobs() {
    let pattern = |text| IndexPattern::parse(text).unwrap();
    let discovery =
        DiscoverySettings { indexes: vec![pattern("index-a*")], exclude: vec![pattern("*-ab")], ..all() };
    let mut stage = Stage::new(&[discovering(discovery)], Vec::new());

    stage.answer_list(["a1", "ab", "b", "a2"].map(|job| row(job, "Pending", 5)).into());
    let found = |stage: &Stage| {
        stage.engine.jobs().map(|job| job.tracker.settings().id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(&stage), ["a1", "a2"]);

    // Other patterns select other jobs.
    let discovery = DiscoverySettings { indexes: vec![pattern("index-a2"), pattern("index-b")], ..all() };
    let settings = discovering(discovery);
    stage.command(Command::Reconfigure(plan(&[settings], Vec::new())));
    assert_eq!(found(&stage), ["a2"]);
    stage.step(Input::Timeout);
    stage.answer_list(["a1", "ab", "b", "a2"].map(|job| row(job, "Pending", 5)).into());
    assert_eq!(found(&stage), ["a2", "b"]);
}

#[test]
fn a_forgotten_job_is_not_discovered_again() {
    let settings = discovering(DiscoverySettings::default());
    let mut stage = Stage::new(std::slice::from_ref(&settings), Vec::new());

    stage.answer_list(vec![row("a", "Pending", 5)]);
    let name = ProjectName::default();
    assert_eq!(stage.command(Command::Forget(name.clone(), id("a"))), CommandReply::Done);
    stage.go_on(seconds(200), &[row("a", "Pending", 5)]);
    let mut stage = Stage::on(stage.disk, &[settings], Vec::new(), stage.now);

    stage.go_on(seconds(200), &[row("a", "Pending", 5)]);
    assert_eq!(stage.engine.jobs().count(), 0);
}

#[test]
fn a_refused_token_restarts_the_scan() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let (list, token) = stage.list();
    assert_eq!(token, None);
    stage.page(list, vec![row("a", "Pending", 5)], Some("next"));
    let (list, token) = stage.list();
    assert_eq!(token.as_deref(), Some("next"));
    let failure = failure(FailureClass::NotFound);
    stage.step(Input::PageFailed { list, is_of_token: true, failure });
    let (_, token) = stage.list();
    assert_eq!(token, None);
}

#[test]
fn tokens_that_lead_in_a_circle_end_the_scan() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let start = stage.now.instant;
    for _ in 0..3 {
        let (list, _) = stage.list();
        stage.page(list, Vec::new(), Some("again"));
    }
    assert!(stage.now.instant.since(start) >= seconds(60), "the third page is one of the next scan");
}

#[test]
fn discovery_is_over_a_minute_after_it_began() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let discovery = |stage: &Stage| stage.engine.discovery(stage.now.instant);
    assert_eq!(discovery(&stage), DiscoveryState::UnderWay);
    stage.answer_list(Vec::new());
    assert_eq!(
        discovery(&stage),
        DiscoveryState::UnderWay,
        "what began just before may be missing from the list"
    );
    stage.answer_list(Vec::new());
    assert_eq!(
        (discovery(&stage), stage.now.instant),
        (DiscoveryState::Complete, Instant::after_start(seconds(60)))
    );

    // After an end, a scan soon shows whether that was the last.
    stage.answer_list(vec![row("a", "Pending", 0)]);
    let poll = stage.poll();
    stage.answer_with(poll, "Completed", row("a", "Completed", 0).facts);
    assert_eq!(discovery(&stage), DiscoveryState::UnderWay);
    let before = stage.now.instant;
    stage.answer_list(vec![row("a", "Completed", 0)]);
    assert_eq!(discovery(&stage), DiscoveryState::Complete);
    assert!(stage.now.instant.since(before) <= seconds(2));
}

#[test]
fn an_unreadable_list_is_reported_and_retried() {
    let mut settings = discovering(DiscoverySettings::default());
    settings.watch.unreachable_after = seconds(300);
    let mut stage = Stage::new(&[settings], Vec::new());

    while stage.diagnostics.is_empty() {
        let (list, _) = stage.list();
        let failure = failure(FailureClass::Transient);
        stage.step(Input::PageFailed { list, is_of_token: false, failure });
    }
    assert_eq!(stage.engine.discovery(stage.now.instant), DiscoveryState::Unreachable);
    assert!(matches!(&stage.diagnostics[..], [Diagnostic::ListLost { reason, .. }] if reason == "Transient"));
    stage.answer_list(vec![row("a", "Pending", 0)]);
    assert!(matches!(stage.diagnostics[1..], [Diagnostic::ListRestored { .. }]));
    assert_eq!(stage.engine.jobs().count(), 1);
}

#[test]
fn a_key_that_may_not_list_is_refused() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());

    for _ in 0..2 {
        let (list, _) = stage.list();
        let failure = failure(FailureClass::Unauthorized);
        stage.step(Input::PageFailed { list, is_of_token: false, failure });
    }
    assert_eq!(stage.kinds(), [EventKind::ProjectUnauthorized]);
    assert_eq!(stage.engine.discovery(stage.now.instant), DiscoveryState::Unauthorized);
    stage.answer_list(Vec::new());
    assert_eq!(stage.kinds(), [EventKind::ProjectRecovered]);
}

#[test]
fn an_end_that_the_first_scan_missed_is_emitted() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());

    stage.answer_list(vec![row("old", "Completed", 5000)]);
    stage.pass(seconds(600));
    let mut late = row("late", "Completed", 3600);
    late.facts.completed_at = Some(NOON.parse::<jiff::Timestamp>().unwrap() + seconds(300));
    stage.step(Input::Timeout);
    stage.answer_list(vec![row("old", "Completed", 5000), row("other", "Completed", 4000), late]);
    assert_eq!(stage.poll().job, id("late"));
    assert!(stage.polls.is_empty());
}

#[test]
fn an_old_forgotten_job_stays_forgotten() {
    let mut stage = Stage::new(&[discovering(DiscoverySettings::default())], Vec::new());
    let old = || vec![row("a", "Pending", 40_000)];
    stage.answer_list(old());
    assert_eq!(stage.command(Command::Forget(ProjectName::default(), id("a"))), CommandReply::Done);
    stage.go_on(seconds(300), &old());
    assert_eq!(stage.engine.jobs().count(), 0);
}

#[test]
fn other_patterns_emit_no_history() {
    let pattern = |text| IndexPattern::parse(text).unwrap();
    let discovery = DiscoverySettings { indexes: vec![pattern("index-a")], ..all() };
    let mut stage = Stage::new(&[discovering(discovery)], Vec::new());
    let rows = || {
        vec![row("a", "Completed", 1_700_000), row("b", "Completed", 900_000), row("c", "Failed", 800_000)]
    };
    stage.answer_list(rows());
    stage.command(Command::Reconfigure(plan(&[discovering(DiscoverySettings::default())], Vec::new())));
    stage.answer_list(rows());
    stage.answer_list(rows());
    assert_eq!((stage.polls.len(), stage.engine.jobs().count()), (0, 0));
}

#[test]
fn tokens_that_are_always_refused_cause_no_storm() {
    let mut settings = discovering(DiscoverySettings::default());
    settings.watch.unreachable_after = seconds(300);
    let mut stage = Stage::new(&[settings], Vec::new());
    let (mut pages, end) = (0, Instant::after_start(seconds(600)));
    while stage.now.instant < end {
        let (list, token) = stage.list();
        pages += 1;
        if token.is_none() {
            stage.page(list, Vec::new(), Some("next"));
        } else {
            let failure = failure(FailureClass::NotFound);
            stage.step(Input::PageFailed { list, is_of_token: true, failure });
        }
    }
    assert!(pages < 80, "{pages}");
    assert_eq!(stage.engine.discovery(stage.now.instant), DiscoveryState::Unreachable);
}
