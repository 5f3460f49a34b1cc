//! When polls are made.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use super::retry::RetryAfter;
use super::*;
use crate::config::Rate;

fn far() -> Instant {
    Instant::after_start(Duration::from_hours(1000))
}

fn throttled(pause: Duration) -> Failure {
    Failure { retry_after: Some(RetryAfter::For(pause)), ..failure(FailureClass::Throttled) }
}

#[test]
fn a_start_makes_a_burst_then_keeps_to_the_rate() {
    let jobs: Vec<_> = (0..20).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], Vec::new());
    assert_eq!(stage.polls.len(), 4);
    assert_eq!(stage.next().as_millis(), 525);
    assert_eq!(stage.polls.len(), 5);
}

#[test]
fn every_job_is_polled_when_there_are_too_many() {
    let jobs: Vec<_> = (0..50).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], Vec::new());
    let mut polled = BTreeMap::<JobId, u32>::new();
    for _ in 0..500 {
        let poll = stage.poll();
        *polled.entry(poll.job.clone()).or_default() += 1;
        stage.answer_with(poll, "Pending", JobFacts::default());
    }
    assert_eq!(polled.len(), 50);
    let (least, most) = (polled.values().min().unwrap(), polled.values().max().unwrap());
    assert!(most - least <= 2, "between {least} and {most} polls a job");
}

#[test]
fn the_forecast_is_what_happens() {
    let jobs: Vec<_> = (0..20).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], Vec::new());
    let forecast = stage.engine.polls().forecast();
    assert_eq!(forecast.len(), 16, "four are being polled");
    assert_eq!(stage.engine.polls().round_takes(stage.now.instant).as_millis(), 525 * 20);
    stage.polls.clear();
    for _ in 0..16 {
        stage.next();
        let poll = stage.polls.pop_front().unwrap();
        assert_eq!(forecast[&(poll.project, poll.job)], stage.now.instant);
    }
}

#[test]
fn a_throttled_project_delays_no_other() {
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["c"]) };
    let mut stage = Stage::new(&[project(&["a", "b"]), other], Vec::new());
    let began = stage.now.instant;
    for _ in 0..3 {
        let poll = stage.poll();
        if poll.project.as_str() == "other" {
            stage.answer_with(poll, "Pending", JobFacts::default());
        } else {
            stage.fail_poll(poll, throttled(seconds(30)));
        }
    }
    let mut others = 0;
    loop {
        let poll = stage.poll();
        if poll.project.as_str() == "default" {
            break;
        }
        others += 1;
        stage.answer_with(poll, "Pending", JobFacts::default());
    }
    assert_eq!(stage.now.instant.since(began), seconds(30));
    assert!(others > 10, "{others}");
}

#[test]
fn a_429_without_retry_after_slows_the_project() {
    let jobs: Vec<_> = (0..1000).map(|n| format!("job-{n:03}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], Vec::new());
    let mut polls = 0;
    while stage.now.instant < Instant::after_start(seconds(600)) {
        stage.fail(FailureClass::Throttled);
        polls += 1;
    }

    // A burst every half a minute on average; the rate would permit 1200.
    assert!(polls < 150, "{polls} polls in ten minutes of nothing but 429");
}

#[test]
fn a_throttled_burst_counts_as_one_refusal() {
    let jobs: Vec<_> = (0..30).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut settings = project(&jobs);
    settings.api.burst = NonZeroU32::new(30).unwrap();
    let mut stage = Stage::new(&[settings], Vec::new());

    assert_eq!(stage.polls.len(), 30);
    while let Some(poll) = stage.polls.pop_front() {
        stage.fail_poll(poll, failure(FailureClass::Throttled));
    }
    assert!(stage.next() < seconds(1), "the first pause is half a second at most");
}

#[test]
fn retry_after_of_one_job_does_not_hold_the_project() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let asked =
        Failure { retry_after: Some(RetryAfter::For(seconds(100))), ..failure(FailureClass::Transient) };
    let first = stage.poll();
    stage.fail_poll(first, asked);
    loop {
        let poll = stage.poll();
        if poll.job == id("a") {
            break;
        }
        stage.answer_with(poll, "Pending", JobFacts::default());
    }
    assert_eq!(stage.now.instant, Instant::after_start(seconds(100)));
    assert!(stage.engine.jobs().all(|job| job.polls >= 1));
    assert!(stage.engine.jobs().any(|job| job.polls > 10), "the other job was polled meanwhile");
}

#[test]
fn hanging_polls_are_bounded() {
    let jobs: Vec<_> = (0..200).map(|n| format!("job-{n:03}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut settings = project(&jobs);
    settings.api.requests_per_second = Rate::new(1000.0).unwrap();
    settings.api.burst = NonZeroU32::new(500).unwrap();
    let mut stage = Stage::new(&[settings], Vec::new());

    assert_eq!(stage.polls.len(), 64);
    assert_eq!(stage.engine.poll_timeout(), None, "only answers can bring anything about");
    stage.answer("Pending");
    assert_eq!(stage.polls.len(), 64);
}

#[test]
fn a_final_poll_polls_each_open_job_once() {
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], Vec::new());

    stage.answer("Completed");
    stage.answer("Pending");
    let under_way = stage.poll();
    stage.pass(seconds(5));
    stage.step(Input::Command(Command::FinalPoll));
    let asked = stage.poll();
    assert_eq!(asked.job, id("b"));
    stage.answer_with(asked, "Pending", JobFacts::default());

    // The poll that was under way began before, so it does not count as the final poll.
    stage.answer_with(under_way, "Pending", JobFacts::default());
    let again = stage.poll();
    assert_eq!(again.job, id("c"));
    stage.fail_poll(again, failure(FailureClass::Transient));
    assert!(!stage.engine.polls().busy_until(far()));
}

#[test]
fn a_final_poll_respects_retry_after() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    let poll = stage.poll();
    stage.fail_poll(poll, throttled(seconds(30)));
    stage.step(Input::Command(Command::FinalPoll));
    assert!(stage.polls.is_empty());
    assert!(!stage.engine.polls().busy_until(Instant::after_start(seconds(29))));
    assert!(stage.engine.polls().busy_until(Instant::after_start(seconds(30))));
    assert_eq!(stage.next(), seconds(30));
}

#[test]
fn a_stopped_engine_polls_no_more() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    let under_way = stage.poll();
    stage.answer("Pending");
    stage.step(Input::Command(Command::Stop));
    stage.answer_with(under_way, "Completed", JobFacts::default());
    assert_eq!(stage.kinds(), [EventKind::Watched], "an answer after the stop does not count");
    assert!(!stage.engine.polls().busy_until(far()));
    let delivery = stage.deliveries.pop_front().unwrap();
    stage.step(Input::Delivered(delivery.id));
    assert_eq!(stage.engine.poll_timeout(), None);
    assert!(stage.engine.deliveries().is_settled());
}

#[test]
fn jumps_of_the_wall_clock_move_no_poll() {
    for jump in [86_400_i64, -86_400] {
        let mut stage = Stage::new(&[project(&["a"])], Vec::new());
        stage.answer("Pending");
        stage.now.wall += jiff::SignedDuration::from_secs(jump);
        let mut polls = 0;
        while stage.now.instant < Instant::after_start(seconds(600)) {
            stage.answer("Pending");
            polls += 1;
        }
        assert!((90..150).contains(&polls), "{polls} polls in ten minutes after a jump of {jump} s");
    }
}

#[test]
fn the_age_of_a_job_survives_a_restart() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    let poll = stage.poll();
    let facts = JobFacts { created_at: Some("2026-11-23T11:00:00Z".parse().unwrap()), ..JobFacts::default() };
    stage.answer_with(poll, "Pending", facts);
    let wait = stage.next().as_secs_f64();

    // sqrt(2 · 0.1 s · 3600 s) = 26.8 s, by 0.9 to 1.1.
    assert!((24.1..29.6).contains(&wait), "{wait}");
}

/// A project of which this many restores are recorded, one a day, that took about ten minutes.
fn with_past(restores: u64, jobs: &[&str]) -> Stage {
    let mut disk = Disk::default();
    let wall: jiff::Timestamp = NOON.parse().unwrap();
    let past = (1..=restores).map(|day| {
        let completed = wall.as_second() - 86_400 * i64::try_from(day).unwrap();
        snapshot::PastRestore { completed, took: 1000 * (570 + day), origin: snapshot::Origin::default() }
    });
    let snapshot = snapshot::ProjectSnapshot { past: past.collect(), ..snapshot::ProjectSnapshot::default() };
    let project_record = snapshot::ProjectRecord { name: ProjectName::default(), snapshot };
    disk.apply(&Batch { projects: vec![project_record], ..Batch::default() });
    Stage::on(disk, &[project(jobs)], Vec::new(), Now { instant: Instant::default(), wall })
}

/// When a job was polled that runs until then, in seconds since its start.
fn polls_until(stage: &mut Stage, until: Duration) -> Vec<f64> {
    let start = stage.now.instant;
    let mut polled = Vec::new();
    loop {
        let poll = stage.poll();
        let age = stage.now.instant.since(start);
        polled.push(age.as_secs_f64());
        let created_at = Some(stage.now.wall - age);
        if age >= until {
            let completed_at = Some(stage.now.wall - age.saturating_sub(until));
            let facts = JobFacts { created_at, completed_at, ..JobFacts::default() };
            stage.answer_with(poll, "Completed", facts);
            return polled;
        }
        stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
    }
}

#[test]
fn a_known_past_saves_early_polls_and_finds_the_end_sooner() {
    let takes = seconds(600);
    let [unknown, known] = [0, 60].map(|past| polls_until(&mut with_past(past, &["a"]), takes));
    let early = |polls: &[f64]| polls.iter().filter(|at| **at < 450.0).count();
    let gap = |polls: &[f64]| {
        let near: Vec<_> = polls.iter().copied().filter(|at| (560.0..640.0).contains(at)).collect();
        near.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max)
    };
    assert!(early(&known) * 2 < early(&unknown), "{} of {}", early(&known), early(&unknown));
    assert!(gap(&known) * 2.0 < gap(&unknown), "{} of {}", gap(&known), gap(&unknown));
    assert!(known.len() < unknown.len(), "{} of {}", known.len(), unknown.len());
}

#[test]
fn learned_durations_survive_a_restart() {
    let mut stage = with_past(0, &["a", "b"]);

    // The first of them ends for good, so that the second is the only one polled.
    stage.answer("Failed");
    polls_until(&mut stage, seconds(300));
    let Stage { disk, now, .. } = stage;
    let mut stage = Stage::on(disk, &[project(&["c"])], Vec::new(), now);
    let explained = |stage: &Stage| {
        let rule = stage.wait("c").rule;
        let Rule::Cadence(CadenceRule { past_restores, interval, .. }) = rule else { panic!("{rule:?}") };
        (past_restores, interval.as_secs_f64())
    };
    let poll = stage.poll();
    let created_at = Some(stage.now.wall - seconds(100));
    stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
    let (restores, interval) = explained(&stage);
    assert_eq!(restores, 1);
    assert!(interval > 20.0_f64.sqrt() && interval < 1.5 * 20.0_f64.sqrt(), "{interval}");
    let Stage { disk, now, .. } = stage;
    let stage = Stage::on(disk, &[project(&["c"])], Vec::new(), now);
    assert!(!stage.wait("c").later.is_empty());
}

/// A project that restored an index of this name a minute long each night, and one ten times as
/// long.
fn with_grouped_past(short: &str, long: &str, jobs: &[&str]) -> Stage {
    let wall: jiff::Timestamp = NOON.parse().unwrap();
    let restore = |(night, index, minutes): (u64, &str, u64)| {
        let completed_at = wall - Duration::from_hours(24 * (night + 1)) - Duration::from_mins(minutes);
        let took = Duration::from_secs(60 * minutes + night);
        snapshot::PastRestore::of(&JobFacts {
            created_at: Some(completed_at - took),
            completed_at: Some(completed_at),
            target_index_name: Some(format!("{index}-{night}")),
            ..JobFacts::default()
        })
    };
    let past = (0..10).flat_map(|night| [(night, short, 1), (night, long, 10)]).filter_map(restore);
    let snapshot = snapshot::ProjectSnapshot { past: past.collect(), ..snapshot::ProjectSnapshot::default() };
    let project_record = snapshot::ProjectRecord { name: ProjectName::default(), snapshot };
    let mut disk = Disk::default();
    disk.apply(&Batch { projects: vec![project_record], ..Batch::default() });
    Stage::on(disk, &[project(jobs)], Vec::new(), Now { instant: Instant::default(), wall })
}

/// When a restore into this index is polled in its first five minutes, in seconds since its start.
fn polls_of_index(stage: &mut Stage, index: &str) -> Vec<f64> {
    let start = stage.now;
    let facts = JobFacts {
        created_at: Some(start.wall),
        target_index_name: Some(index.to_owned()),
        ..JobFacts::default()
    };
    let mut polled = Vec::new();
    while stage.now.instant < start.instant + seconds(300) {
        let poll = stage.poll();
        polled.push(stage.now.instant.since(start.instant).as_secs_f64());
        stage.answer_with(poll, "Pending", facts.clone());
    }
    polled
}

#[test]
fn a_short_index_is_polled_sooner_than_a_long_one() {
    let [short, long, pooled] = ["docs-30", "orders-30", "users"]
        .map(|index| polls_of_index(&mut with_grouped_past("docs", "orders", &["a"]), index));

    let about_a_minute = |polls: &[f64]| polls.iter().filter(|at| (50.0..90.0).contains(*at)).count();
    assert!(about_a_minute(&short) > 3 * about_a_minute(&long), "{short:?}, {long:?}");
    assert!(about_a_minute(&short) > about_a_minute(&pooled), "{short:?}, {pooled:?}");
}

#[test]
fn explanations_and_waits_name_the_group() {
    let mut stage = with_grouped_past("docs", "orders", &["a", "b"]);
    let describe = |stage: &mut Stage, index: &str| {
        let poll = stage.poll();
        let facts = JobFacts { target_index_name: Some(index.to_owned()), ..JobFacts::default() };
        let job = poll.job.clone();
        stage.answer_with(poll, "Pending", facts);
        job
    };
    let expected = |stage: &Stage, job: &str| {
        let explained = stage.engine.explain(&ProjectName::default(), &id(job), stage.now).unwrap();
        explained.expectation.unwrap().to_string()
    };
    let common = |stage: &Stage| stage.engine.common_expectation(&ProjectName::default());
    assert_eq!(expected(&stage, "a"), "past 20 restores: half within 1m 09s, nine in ten within 10m 07s");

    let first = describe(&mut stage, "docs-30");

    assert_eq!(
        expected(&stage, first.as_str()),
        "past 10 restores of docs: half within 1m 04s, nine in ten within 1m 08s"
    );
    assert_eq!(common(&stage), None, "the index of the other one is not known");

    describe(&mut stage, "docs-31");

    assert_eq!(common(&stage).map(|expected| expected.restores), Some(10));
}

#[test]
fn an_expected_duration_holds_until_one_is_known() {
    let mut settings = project(&["a", "b"]);
    settings.cadence.expect = Some(seconds(600));
    let mut stage = Stage::new(&[settings], Vec::new());
    let rule = |stage: &Stage| match stage.wait("b").rule {
        Rule::Cadence(rule) => (rule.past_restores, rule.expected, rule.interval.as_secs_f64()),
        rule => panic!("{rule:?}"),
    };
    let answer = |stage: &mut Stage, job: &str, status: &str, completed: Option<u64>| {
        let mut poll = stage.poll();
        while poll.job != id(job) {
            stage.answer_with(poll, "Pending", JobFacts::default());
            poll = stage.poll();
        }
        let created_at = stage.now.wall - seconds(100);
        let completed_at = completed.map(|after| created_at + seconds(after));
        let facts = JobFacts { created_at: Some(created_at), completed_at, ..JobFacts::default() };
        stage.answer_with(poll, status, facts);
    };

    answer(&mut stage, "b", "Pending", None);

    let (past, expected, interval) = rule(&stage);
    assert_eq!((past, expected), (0, Some(seconds(600))));
    assert!(interval > 1.5 * 20.0_f64.sqrt(), "{interval}");

    answer(&mut stage, "a", "Completed", Some(90));
    answer(&mut stage, "b", "Pending", None);

    assert_eq!((rule(&stage).0, rule(&stage).1), (1, None));
}
