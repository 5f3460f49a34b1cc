//! The list of a project's jobs: when it is asked for, what its rows mean, and which jobs are
//! discovered.

mod history;

use std::num::NonZeroU32;

use super::*;
use crate::config::{DiscoverySettings, IndexPattern, Rate, SlowAfter};

/// A row of the list: a job of this status that began this many seconds before noon, and makes an
/// index of its name.
fn row(job: &str, status: &str, began: u64) -> Observation {
    let created_at = NOON.parse::<jiff::Timestamp>().unwrap() - seconds(began);
    let facts = JobFacts {
        created_at: Some(created_at),
        completed_at: (status == "Completed").then(|| created_at + seconds(60)),
        target_index_name: Some(format!("index-{job}")),
        ..JobFacts::default()
    };
    Observation { id: id(job), status: Status::parse(status), facts }
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("job-{number:03}")).collect()
}

/// A project that names this many jobs and permits one request a second.
fn crowd(count: usize) -> ProjectSettings {
    let names = names(count);
    let mut settings = project(&names.iter().map(String::as_str).collect::<Vec<_>>());
    settings.api.requests_per_second = Rate::new(1.0).unwrap();
    settings.api.burst = NonZeroU32::MIN;
    settings
}

/// A project that names no job and discovers these.
fn discovering(discovery: DiscoverySettings) -> ProjectSettings {
    ProjectSettings { discover: Some(discovery), ..project(&[]) }
}

fn all() -> DiscoverySettings {
    DiscoverySettings::default()
}

impl Stage {
    /// The page under way; moves the clocks until one is asked for.
    pub(super) fn list(&mut self) -> (ListId, Option<String>) {
        for _ in 0..200 {
            if let Some(list) = self.lists.pop_front() {
                return list;
            }
            self.next();
        }
        panic!("no page was asked for");
    }

    fn page(&mut self, list: ListId, jobs: Vec<Observation>, next: Option<&str>) {
        let page = ListPage { jobs, surplus: 0, next: next.map(str::to_owned) };
        self.step(Input::PageFetched { list, page });
    }

    /// Answers the next page, which is the last.
    pub(super) fn answer_list(&mut self, jobs: Vec<Observation>) {
        let (list, _) = self.list();
        self.page(list, jobs, None);
    }

    /// Answers all requests for this time: of each job that it runs, of the list with these rows.
    /// Returns how many requests were made for jobs, and for pages.
    fn go_on(&mut self, time: Duration, rows: &[Observation]) -> (usize, usize) {
        let until = self.now.instant + time;
        let (mut jobs, mut pages) = (0, 0);
        loop {
            while let Some(poll) = self.polls.pop_front() {
                let facts = row(poll.job.as_str(), "Pending", 600).facts;
                self.answer_with(poll, "Pending", facts);
                jobs += 1;
            }
            while let Some((list, token)) = self.lists.pop_front() {
                let from = token.map_or(0, |token| token.parse().unwrap());
                let page: Vec<_> = rows.iter().skip(from).take(100).cloned().collect();
                let next = (rows.len() > from + 100).then(|| (from + 100).to_string());
                self.page(list, page, next.as_deref());
                pages += 1;
            }
            match self.engine.poll_timeout() {
                Some(at) if at <= until => self.next(),
                _ => break,
            };
        }
        self.pass(until.since(self.now.instant));
        (jobs, pages)
    }

    /// The longest time without an answer about a job.
    fn longest_unanswered(&self) -> Duration {
        let answered = self.engine.jobs().map(|job| job.tracker.answered_at().unwrap_or_default());
        self.now.instant.since(answered.min().unwrap())
    }
}

#[test]
fn a_page_stands_for_many_jobs() {
    let rows: Vec<_> = names(200).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(200)], Vec::new());
    let (jobs, pages) = stage.go_on(seconds(600), &rows);
    assert!(jobs + pages <= 601, "{jobs} and {pages}");
    assert!(pages > 40, "{pages}");
    assert!(stage.longest_unanswered() < seconds(30), "{:?}", stage.longest_unanswered());
}

#[test]
fn a_list_that_shows_few_jobs_is_soon_left() {
    let rows: Vec<_> = (0..3000).map(|n| row(&format!("old-{n}"), "Completed", 90_000)).collect();
    let mut stage = Stage::new(&[crowd(200)], Vec::new());
    let (jobs, pages) = stage.go_on(seconds(1800), &rows);
    assert!(pages < 60, "{pages} unproductive pages beside {jobs} jobs");

    // All are polled, in turn: 200 in as many seconds, and those that the list does not show are no
    // fewer.
    assert!(stage.longest_unanswered() < seconds(260), "{:?}", stage.longest_unanswered());
}

/// Long after each was described, so that the list alone no longer counts.
#[test]
fn a_page_stands_for_many_jobs_for_hours() {
    let rows: Vec<_> = names(200).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(200)], Vec::new());

    for _ in 0..60 {
        stage.go_on(seconds(300), &rows);
        assert!(stage.longest_unanswered() < seconds(200), "{:?}", stage.longest_unanswered());
    }
    let (jobs, pages) = stage.go_on(seconds(3600), &rows);
    assert!((200..1800).contains(&jobs), "{jobs} descriptions, {pages} pages");
}

#[test]
fn jobs_that_the_list_does_not_show_are_described() {
    // Half of them are on the list, and the others are not.
    let rows: Vec<_> = names(100).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(200)], Vec::new());
    stage.go_on(seconds(1800), &rows);
    assert!(stage.longest_unanswered() < seconds(260), "{:?}", stage.longest_unanswered());
    assert!(stage.engine.jobs().all(|job| job.tracker.answered_at().is_some()));
}

#[test]
fn few_jobs_are_described() {
    let rows: Vec<_> = names(3).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(3)], Vec::new());
    let (_, pages) = stage.go_on(seconds(3600), &rows);
    assert_eq!(pages, 1, "once, for what it says of the past");
}

#[test]
fn an_end_is_believed_once_it_is_described() {
    let mut rows: Vec<_> = names(40).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(40)], Vec::new());

    stage.go_on(seconds(120), &rows);
    stage.emitted.clear();
    rows[7] = row("job-007", "Completed", 600);
    while stage.lists.is_empty() {
        stage.polls.retain(|poll| poll.job != id("job-007"));
        if let Some(poll) = stage.polls.pop_front() {
            stage.answer_with(poll, "Pending", JobFacts::default());
        } else {
            stage.next();
        }
    }
    stage.answer_list(rows.clone());
    assert_eq!(stage.kinds(), []);
    let poll = stage.poll();
    assert_eq!(poll.job, id("job-007"), "before all others");
    stage.answer_with(poll, "Completed", rows[7].facts.clone());
    assert_eq!(stage.kinds(), [EventKind::Completed]);
}

#[test]
fn past_durations_are_learned_from_one_page() {
    let mut settings = project(&["a"]);
    settings.watch.slow_after = Some(SlowAfter::Quantile(0.95));
    let mut stage = Stage::new(&[settings], Vec::new());

    assert!(stage.lists.is_empty(), "whether there is anything to expect is not known yet");
    stage.answer("Pending");
    let past = (1..30).map(|n| row(&format!("old-{n}"), "Completed", 9000 * n)).collect();
    stage.answer_list(past);
    let expected = stage.engine.projects().next().unwrap().expectation.unwrap();
    assert_eq!(expected.to_string(), "past 29 restores: half within 1m 00s, nine in ten within 1m 00s");
    stage.go_on(seconds(7200), &[]);
    assert!(stage.lists.is_empty());
    let slow = stage.emitted.iter().filter(|event| event.kind == EventKind::Slow).count();
    assert_eq!(slow, 1);
}

#[test]
fn no_past_is_fetched_once_all_jobs_ended() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.answer("Completed");
    assert_eq!((stage.lists.len(), stage.engine.polls().next_at()), (0, None));
}

#[test]
fn a_failing_list_delays_no_job() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());

    stage.answer("Pending");
    for _ in 0..3 {
        let (list, _) = stage.list();
        let failure = failure(FailureClass::Transient);
        stage.step(Input::PageFailed { list, is_of_token: false, failure });
        stage.go_on(seconds(1), &[]);
    }
    let (jobs, pages) = stage.go_on(seconds(3600), &[]);
    assert_eq!(pages, 0, "given up");
    assert!(jobs > 60, "{jobs}");
    assert!(stage.diagnostics.is_empty());
}

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
    assert_eq!(stage.command(Command::Forget(name.clone(), id("a"))), Reply::Done);
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

/// Forty jobs that are to be polled every 11 to 20 s, and forty every minute, are four times what
/// the rate permits.
#[test]
fn all_cadences_are_stretched_alike() {
    let mut stage = Stage::new(&[crowd(80)], Vec::new());
    let (mut young, mut old) = (0_u32, 0_u32);
    let is_young = |job: &JobId| job.as_str() < "job-040";
    while stage.now.instant < Instant::after_start(seconds(1800)) {
        while let Some((list, _)) = stage.lists.pop_front() {
            let failure = failure(FailureClass::Permanent);
            stage.step(Input::PageFailed { list, is_of_token: false, failure });
        }
        let Some(poll) = stage.polls.pop_front() else {
            stage.next();
            continue;
        };
        *if is_young(&poll.job) { &mut young } else { &mut old } += 1;
        let began = if is_young(&poll.job) { 600 } else { 18_000 };
        let facts = row(poll.job.as_str(), "Pending", began).facts;
        stage.answer_with(poll, "Pending", facts);
    }
    assert!((1600..=1800).contains(&(young + old)), "{young} and {old}");
    let ratio = f64::from(young) / f64::from(old);
    assert!((2.5..6.0).contains(&ratio), "{young} and {old}");
}

#[test]
fn an_end_on_a_page_is_described_before_overdue_jobs() {
    let mut rows: Vec<_> = names(600).iter().map(|job| row(job, "Pending", 600)).collect();
    let mut stage = Stage::new(&[crowd(600)], Vec::new());

    stage.go_on(seconds(1200), &rows[..100]);
    rows[50] = row("job-050", "Completed", 600);
    let is_ended = |stage: &Stage| stage.emitted.iter().any(|event| event.kind == EventKind::Completed);
    let start = stage.now.instant;
    while !is_ended(&stage) {
        while let Some((list, _)) = stage.lists.pop_front() {
            stage.page(list, rows[..100].to_vec(), None);
        }
        if let Some(poll) = stage.polls.pop_front() {
            let number: usize = poll.job.as_str()["job-".len()..].parse().unwrap();
            let status = rows[number].status.to_string();
            stage.answer_with(poll, &status, rows[number].facts.clone());
        } else {
            stage.next();
        }
    }
    let took = stage.now.instant.since(start);
    assert!(took < seconds(120), "{took:?}");
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
    assert_eq!(stage.command(Command::Forget(ProjectName::default(), id("a"))), Reply::Done);
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
