//! How past restores, and expected ones, decide when a job is polled.

use super::snapshot::{Origin, PastRestore, ProjectRecord, ProjectSnapshot};
use super::*;

/// A project of which this many restores are recorded, one a day, that took about ten minutes.
fn with_past(restores: u64, jobs: &[&str]) -> Stage {
    let mut disk = Disk::default();
    let wall: jiff::Timestamp = NOON.parse().unwrap();
    let past = (1..=restores).map(|day| {
        let completed = wall.as_second() - 86_400 * i64::try_from(day).unwrap();
        PastRestore { completed, took: 1000 * (570 + day), origin: Origin::default() }
    });
    let snapshot = ProjectSnapshot { past: past.collect(), ..ProjectSnapshot::default() };
    let project_record = ProjectRecord { name: ProjectName::default(), snapshot };
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
        PastRestore::of(&JobFacts {
            created_at: Some(completed_at - took),
            completed_at: Some(completed_at),
            target_index_name: Some(format!("{index}-{night}")),
            ..JobFacts::default()
        })
    };
    let past = (0..10).flat_map(|night| [(night, short, 1), (night, long, 10)]).filter_map(restore);
    let snapshot = ProjectSnapshot { past: past.collect(), ..ProjectSnapshot::default() };
    let project_record = ProjectRecord { name: ProjectName::default(), snapshot };
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
    assert_eq!(expected(&stage, "a"), "usually 69s, 9 in 10 under 11 min (20 restores)");

    let first = describe(&mut stage, "docs-30");

    assert_eq!(expected(&stage, first.as_str()), "usually 64s, 9 in 10 under 68s (10 restores of docs)");
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
