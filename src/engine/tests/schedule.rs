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
    assert_eq!((stage.polls.len(), stage.lists.len()), (3, 1));
    assert_eq!(stage.next().as_millis(), 525);
    assert_eq!(stage.polls.len(), 4);
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
    assert_eq!(forecast.len(), 17, "three are being polled, and a page was asked for");
    assert_eq!(stage.engine.polls().round_takes(stage.now.instant).as_millis(), 525 * 20);
    stage.polls.clear();
    for _ in 0..17 {
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

    assert_eq!((stage.polls.len(), stage.lists.len()), (29, 1));
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
