//! Restores that take longer than others, or than was said.

use super::snapshot::{ProjectRecord, ProjectSnapshot};
use super::*;
use crate::config::SlowAfter;

use EventKind::{Completed, Slow, Watched};

/// A project with the job `a`, and this limit.
fn settings(slow_after: SlowAfter) -> ProjectSettings {
    let mut settings = project(&["a"]);
    settings.watch.slow_after = Some(slow_after);
    settings
}

/// A disk that knows so many restores, of 1 to so many minutes.
fn past(restores: u64) -> Disk {
    let past = (1..=restores).map(|minutes| (0, minutes * 60_000)).collect();
    let snapshot = ProjectSnapshot { past, ..ProjectSnapshot::default() };
    let mut disk = Disk::default();
    let projects = vec![ProjectRecord { name: ProjectName::default(), snapshot }];
    disk.apply(&Batch { projects, ..Batch::default() });
    disk
}

impl Stage {
    fn with_past(disk: Disk, settings: ProjectSettings) -> Self {
        let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
        Self::on(disk, &[settings], Vec::new(), now)
    }

    /// Answers all polls of this time well; returns after how long the job was told as slow, and in which words.
    fn goes_on(&mut self, time: Duration) -> Option<(Duration, String)> {
        let until = self.now.instant + time;
        let mut slow = None;
        loop {
            while !self.polls.is_empty() {
                self.answer("Pending");
            }
            let is_slow = |told: &Arc<Event>| told.kind == Slow;
            if let Some(told) = self.told.extract_if(.., |told| is_slow(told)).next() {
                assert_eq!(slow, None, "told once");
                let age = Duration::try_from_secs_f64(told.elapsed_seconds.unwrap()).unwrap();
                slow = Some((age, told.reason.clone().unwrap()));
            }
            match self.engine.next_deadline() {
                Some(at) if at <= until => self.next(),
                _ => break,
            };
        }
        self.pass(until.since(self.now.instant));
        slow
    }
}

#[test]
fn a_time_that_passed_is_told_once_and_the_watch_goes_on() {
    let mut stage = Stage::with_past(Disk::default(), settings(SlowAfter::Time(seconds(600))));
    assert_eq!(stage.goes_on(seconds(580)), None);
    let (age, reason) = stage.goes_on(seconds(30)).unwrap();
    assert_eq!((age, reason.as_str()), (seconds(600), "longer than slow_after = 10m"));
    assert_eq!(stage.goes_on(seconds(3600)), None);
    assert_eq!(stage.outcome(), Outcome::Open);
    stage.answer("Completed");
    assert_eq!(stage.kinds(), [Watched, Completed]);
}

#[test]
fn a_part_of_the_past_counts_from_the_start_of_the_job() {
    let mut stage = Stage::with_past(past(40), settings(SlowAfter::Quantile(0.95)));
    let poll = stage.poll();
    let created_at = Some("2026-11-23T11:30:00Z".parse().unwrap());
    stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
    assert_eq!(stage.goes_on(seconds(7 * 60)), None);
    let (age, reason) = stage.goes_on(seconds(60)).unwrap();
    assert_eq!(
        (age, reason.as_str()),
        (seconds(38 * 60), "longer than 95 % of the past 40 restores (38m 00s)")
    );
}

#[test]
fn it_is_told_once_enough_is_known() {
    let mut settings = settings(SlowAfter::Quantile(0.5));
    settings.jobs.push(JobSettings::new(id("b")));
    let mut stage = Stage::with_past(past(19), settings);
    assert_eq!(stage.goes_on(seconds(3600)), None, "19 say nothing");
    let other = loop {
        let poll = stage.poll();
        if poll.job == id("b") {
            break poll;
        }
        stage.answer_with(poll, "Pending", JobFacts::default());
    };
    let at = |text: &str| Some(text.parse().unwrap());
    let facts = JobFacts {
        created_at: at("2026-11-23T12:00:00Z"),
        completed_at: at("2026-11-23T13:00:00Z"),
        ..JobFacts::default()
    };
    stage.answer_with(other, "Completed", facts);
    let (_, reason) = stage.goes_on(seconds(60)).unwrap();
    assert_eq!(reason, "longer than 50 % of the past 20 restores (10m 00s)");
    let expected = stage.engine.projects().next().unwrap().expectation.unwrap();
    assert_eq!(expected.restores, 20);
}

#[test]
fn what_nobody_saw_is_not_told() {
    let limit = settings(SlowAfter::Time(seconds(600)));
    let mut stage = Stage::with_past(Disk::default(), limit.clone());
    stage.goes_on(seconds(500));
    // It may have ended within the outage.
    stage.fail_for(FailureClass::Transient, seconds(300));
    assert_eq!(stage.kinds(), [Watched]);
    assert!(stage.goes_on(seconds(60)).is_some(), "the next answer says that it goes on");

    let mut stage = Stage::with_past(Disk::default(), limit.clone());
    stage.goes_on(seconds(500));
    stage.kinds();
    stage.pass(seconds(3600));
    stage.step(Input::Suspended(seconds(3600)));
    assert_eq!(stage.kinds(), []);
    stage.answer("Completed");
    assert_eq!(stage.kinds(), [Completed], "it ended while the machine slept");

    let mut stage = Stage::with_past(Disk::default(), limit.clone());
    stage.goes_on(seconds(500));
    stage.now.wall += seconds(3600);
    let mut stage = Stage::on(stage.disk, &[limit], Vec::new(), stage.now);
    assert_eq!(stage.kinds(), [], "nor by a process that starts later");
    stage.answer("Completed");
    assert_eq!(stage.kinds(), [Completed]);
}

#[test]
fn a_restart_does_not_tell_it_again() {
    let limit = settings(SlowAfter::Time(seconds(600)));
    let mut stage = Stage::with_past(Disk::default(), limit.clone());
    assert!(stage.goes_on(seconds(700)).is_some());
    let mut stage = Stage::on(stage.disk, &[limit], Vec::new(), stage.now);
    assert_eq!(stage.goes_on(seconds(700)), None);
}

#[test]
fn another_limit_holds_from_the_next_poll_on() {
    let mut stage = Stage::with_past(past(40), settings(SlowAfter::Time(seconds(36_000))));
    assert_eq!(stage.goes_on(seconds(1800)), None);
    let settings = [settings(SlowAfter::Quantile(0.5))];
    stage.engine.reconfigure(plan(&settings, Vec::new()), stage.now);
    stage.step(Input::TimeoutReached);
    let (_, reason) = stage.goes_on(seconds(60)).unwrap();
    assert_eq!(reason, "longer than 50 % of the past 40 restores (20m 00s)");
}

#[test]
fn an_index_is_not_slow() {
    let mut limit = settings(SlowAfter::Time(seconds(600)));
    limit.watch.until = Until::Ready;
    let mut stage = Stage::with_past(Disk::default(), limit);
    let poll = stage.poll();
    let facts = JobFacts { target_index_name: Some("docs".to_owned()), ..JobFacts::default() };
    stage.answer_with(poll, "Completed", facts);
    stage.kinds();
    for _ in 0..200 {
        while let Some((poll, _)) = stage.index_polls.pop_front() {
            let observation = IndexObservation {
                name: "docs".to_owned(),
                state: Some(Status::parse("Initializing")),
                ready: false,
            };
            stage.step(Input::Answered { poll, answer: Answer::Index(observation) });
        }
        stage.next();
    }
    assert!(stage.now.instant > Instant::after_start(seconds(600)));
    assert_eq!(stage.kinds(), []);
}
