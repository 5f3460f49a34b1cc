//! Restores that take longer than others, or than configured.

use super::snapshot::{Origin, PastRestore, ProjectRecord, ProjectSnapshot};
use super::*;
use crate::config::SlowAfter;

use EventKind::{Completed, Slow, Watched};

/// How old a restore may get in most of these tests, and an age at which it is not slow yet.
const LIMIT: Duration = Duration::from_mins(10);
const JUST_BEFORE: Duration = Duration::from_secs(500);

/// A project with the job `a`, and this limit.
fn settings(slow_after: SlowAfter) -> ProjectSettings {
    let mut settings = project(&["a"]);
    settings.watch.slow_after = Some(slow_after);
    settings
}

/// A disk that knows so many restores, of 1 to so many minutes.
fn past(restores: u64) -> Disk {
    let took = (1..=restores).map(|minutes| minutes * 60_000);
    let past = took.map(|took| PastRestore { completed: 0, took, origin: Origin::default() }).collect();
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

    /// Answers all polls of this time well. Returns the age at which the job was emitted as slow,
    /// and the reason.
    fn answer_well_for(&mut self, time: Duration) -> Option<(Duration, String)> {
        let until = self.now.instant + time;
        let mut slow = None;
        loop {
            while !self.polls.is_empty() {
                self.answer("Pending");
            }
            if let Some(event) = self.emitted.extract_if(.., |event| event.kind == Slow).next() {
                assert_eq!(slow, None, "emitted once");
                let Elapsed::Exact(age) = event.elapsed else { panic!("{event:?}") };
                slow = Some((age, event.reason.clone().unwrap()));
            }
            match self.engine.poll_timeout() {
                Some(at) if at <= until => self.next(),
                _ => break,
            };
        }
        self.pass(until.since(self.now.instant));
        slow
    }
}

#[test]
fn a_passed_limit_is_emitted_once() {
    let mut stage = Stage::with_past(Disk::default(), settings(SlowAfter::Time(LIMIT)));

    assert_eq!(stage.answer_well_for(seconds(580)), None);

    let (age, reason) = stage.answer_well_for(seconds(30)).unwrap();

    assert_eq!((age, reason.as_str()), (LIMIT, "longer than slow_after = 10m"));
    assert_eq!(stage.answer_well_for(seconds(3600)), None);
    assert_eq!(stage.outcome(), Outcome::Open);

    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Watched, Completed]);
}

#[test]
fn a_quantile_counts_from_the_start_of_the_job() {
    let mut stage = Stage::with_past(past(40), settings(SlowAfter::Quantile(0.95)));
    let poll = stage.poll();
    let created_at = Some("2026-11-23T11:30:00Z".parse().unwrap());
    stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });

    assert_eq!(stage.answer_well_for(seconds(7 * 60)), None);

    let (age, reason) = stage.answer_well_for(seconds(60)).unwrap();
    // The 95th percentile of 1, 2, … 40 minutes.
    assert_eq!(age, Duration::from_mins(38));
    assert_eq!(reason, "longer than 95 % of the past 40 restores (38m 00s)");
}

#[test]
fn a_quantile_needs_enough_past_restores() {
    let mut settings = settings(SlowAfter::Quantile(0.5));
    settings.jobs.push(JobSettings::new(id("b")));
    let mut stage = Stage::with_past(past(19), settings);

    assert_eq!(stage.answer_well_for(seconds(3600)), None, "19 are not enough");

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
    let (_, reason) = stage.answer_well_for(seconds(60)).unwrap();

    assert_eq!(reason, "longer than 50 % of the past 20 restores (10m 00s)");

    let expected = stage.engine.projects().next().unwrap().expectation.unwrap();

    assert_eq!(expected.restores, 20);
}

#[test]
fn slow_needs_an_answer_after_an_outage() {
    let mut stage = Stage::with_past(Disk::default(), settings(SlowAfter::Time(LIMIT)));
    stage.answer_well_for(JUST_BEFORE);

    stage.fail_for(FailureClass::Transient, seconds(300));

    assert_eq!(stage.kinds(), [Watched], "it may have ended within the outage");

    assert!(stage.answer_well_for(seconds(60)).is_some(), "the next answer says that it goes on");
}

#[test]
fn slow_needs_an_answer_after_a_suspension() {
    let mut stage = Stage::with_past(Disk::default(), settings(SlowAfter::Time(LIMIT)));
    stage.answer_well_for(JUST_BEFORE);
    stage.kinds();

    stage.pass(seconds(3600));
    stage.step(Input::Suspended(seconds(3600)));

    assert_eq!(stage.kinds(), []);

    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Completed], "it ended while the machine slept");
}

#[test]
fn slow_needs_an_answer_after_a_restart() {
    let limit = settings(SlowAfter::Time(LIMIT));
    let mut stage = Stage::with_past(Disk::default(), limit.clone());
    stage.answer_well_for(JUST_BEFORE);

    stage.now.wall += seconds(3600);
    let mut stage = Stage::on(stage.disk, &[limit], Vec::new(), stage.now);

    assert_eq!(stage.kinds(), []);

    stage.answer("Completed");

    assert_eq!(stage.kinds(), [Completed]);
}

#[test]
fn a_restart_does_not_emit_slow_again() {
    let limit = settings(SlowAfter::Time(LIMIT));
    let mut stage = Stage::with_past(Disk::default(), limit.clone());

    assert!(stage.answer_well_for(seconds(700)).is_some());

    let mut stage = Stage::on(stage.disk, &[limit], Vec::new(), stage.now);

    assert_eq!(stage.answer_well_for(seconds(700)), None);
}

#[test]
fn a_changed_limit_holds_from_the_next_poll_on() {
    let mut stage = Stage::with_past(past(40), settings(SlowAfter::Time(seconds(36_000))));

    assert_eq!(stage.answer_well_for(seconds(1800)), None);

    let settings = [settings(SlowAfter::Quantile(0.5))];
    stage.command(Command::Reconfigure(plan(&settings, Vec::new())));
    let (_, reason) = stage.answer_well_for(seconds(60)).unwrap();

    assert_eq!(reason, "longer than 50 % of the past 40 restores (20m 00s)");
}

#[test]
fn an_index_is_not_slow() {
    let mut limit = settings(SlowAfter::Time(LIMIT));
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
            stage.step(Input::PollAnswered { poll, answer: Answer::Index(observation) });
        }
        stage.next();
    }

    assert!(stage.now.instant > Instant::after_start(LIMIT));
    assert_eq!(stage.kinds(), []);
}
