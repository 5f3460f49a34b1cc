//! The list of a project's jobs: when it is asked for, and what its rows mean.

mod discovery;
mod history;
mod scans;

use std::num::NonZeroU32;

use super::*;
use crate::config::{DiscoverySettings, Rate, SlowAfter};

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
    assert!(pages <= 62, "{pages} unproductive pages beside {jobs} jobs");

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
    assert_eq!(expected.to_string(), "usually 60s (29 restores)");
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
