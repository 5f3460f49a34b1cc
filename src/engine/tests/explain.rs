//! Why a job is polled when it is: what is said is what happens.

use super::retry::RetryAfter;
use super::*;

impl Stage {
    fn explain(&self, job: &str) -> Explanation {
        self.engine.explain(&ProjectName::default(), &id(job), self.now).expect("it is watched")
    }

    /// Checks that the next poll comes when it is said to come.
    fn keeps_its_word(&mut self, job: &str) {
        let said = self.explain(job).next_poll_seconds.expect("a time");
        let start = self.now.instant;
        while !self.polls.iter().any(|poll| poll.job == id(job)) {
            self.next();
        }
        let was = self.now.instant.since(start).as_secs_f64();
        assert!((was - said).abs() < 1e-6, "{said} was said, {was} it was");
    }
}

fn interval(rule: Option<Rule>) -> (Since, f64) {
    match rule {
        Some(Rule::Cadence { since, interval_seconds, .. }) => (since, interval_seconds),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_cadence() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    assert_eq!(stage.explain("a").turn, Turn::Polling);
    let poll = stage.poll();
    let created_at = Some(stage.now.wall - seconds(720));
    stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
    stage.pass(seconds(3));
    let explained = stage.explain("a");
    assert_eq!((explained.turn, explained.age_seconds), (Turn::Waiting, 723.0));
    let (since, every) = interval(explained.rule);
    assert_eq!((since, every), (Since::Start, 144.0_f64.sqrt()));
    assert!((0.9 * every..=1.1 * every).contains(&(explained.due_seconds.unwrap() + 3.0)));
    assert_eq!(explained.answered_seconds_ago, Some(3.0));
    assert_eq!(explained.hold, None);
    let later: Vec<_> = explained.later.iter().map(|later| later.age_seconds).collect();
    assert_eq!(later, [3600.0, 18_000.0], "those that are still to come");
    stage.keeps_its_word("a");
}

#[test]
fn backoff_and_then_slowly() {
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = seconds(3600);
    let mut stage = Stage::new(&[settings], Vec::new());
    for failures in 1..=3 {
        stage.fail(FailureClass::Transient);
        let explained = stage.explain("a");
        let ceiling_seconds = [0.5, 1.0, 2.0][failures as usize - 1];
        // Of a job that is watched for seconds.
        assert_eq!(explained.rule, Some(Rule::Backoff { failures, ceiling_seconds, max_seconds: 2.0 }));
        assert_eq!(explained.last_error.as_deref(), Some("Transient"));
        stage.keeps_its_word("a");
    }
    stage.answer("Pending");
    stage.fail_for(FailureClass::NotFound, seconds(3700));
    assert_eq!(stage.explain("a").rule, Some(Rule::Slow { interval_seconds: 60.0 }), "it is lost");
}

#[test]
fn backoff_is_as_slow_as_the_cadence_and_no_slower() {
    for (age, class, most) in [
        (0, FailureClass::Transient, 2.0..5.0),
        (720, FailureClass::Transient, 24.0..27.0),
        (720, FailureClass::NotFound, 24.0..27.0),
        (720, FailureClass::Throttled, 60.0..60.1),
        (18_000, FailureClass::Transient, 60.0..60.1),
    ] {
        let mut stage = Stage::new(&[project(&["a"])], Vec::new());
        let poll = stage.poll();
        let created_at = Some(stage.now.wall - seconds(age));
        stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
        for failures in 1..=9 {
            stage.fail(class);
            let Some(Rule::Backoff { failures: told, ceiling_seconds, max_seconds }) =
                stage.explain("a").rule
            else {
                panic!("{:?}", stage.explain("a").rule);
            };
            assert_eq!(told, failures);
            assert!(most.contains(&max_seconds), "{class:?} at the age of {age} s: {max_seconds}");
            let doubled = 0.5 * 2.0_f64.powi(i32::try_from(failures).unwrap() - 1);
            assert!((ceiling_seconds - doubled.min(max_seconds)).abs() < 1e-6, "{ceiling_seconds}");
        }
        stage.keeps_its_word("a");
    }
}

#[test]
fn backoff_of_an_index_goes_by_the_time_since_the_completion() {
    let mut stage = Stage::with_job(JobSettings { until: Some(Until::Ready), ..JobSettings::new(id("a")) });
    let poll = stage.poll();
    let created_at = Some(stage.now.wall - seconds(18_000));
    let target_index_name = Some("docs".to_owned());
    stage.answer_with(poll, "Completed", JobFacts { target_index_name, created_at, ..JobFacts::default() });
    while stage.index_polls.is_empty() {
        stage.next();
    }
    let (poll, _) = stage.index_polls.pop_front().expect("one is under way");
    stage.fail_poll(poll, failure(FailureClass::Transient));
    let rule = stage.explain("a").rule;
    assert!(matches!(rule, Some(Rule::Backoff { max_seconds: 2.0, .. })), "{rule:?}");
}

#[test]
fn a_job_that_does_not_exist_yet() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::NotFound);
    for _ in 0..9 {
        stage.fail(FailureClass::NotFound);
    }
    let explained = stage.explain("a");
    assert_eq!(interval(explained.rule).0, Since::FirstNotFound);
    stage.keeps_its_word("a");
    stage.fail_for(FailureClass::NotFound, seconds(61));
    assert_eq!(stage.explain("a").rule, Some(Rule::Slow { interval_seconds: 60.0 }));
}

#[test]
fn what_the_server_asks_for() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let (first, second) = (stage.poll(), stage.poll());
    stage.answer_with(first, "Pending", JobFacts::default());
    let retry_after = Some(RetryAfter::For(seconds(90)));
    stage.fail_poll(second, Failure { retry_after, ..failure(FailureClass::Throttled) });
    for job in ["a", "b"] {
        let explained = stage.explain(job);
        let hold = explained.hold.expect("both are held");
        assert_eq!((hold.seconds, hold.reason.as_str()), (90.0, "the server asks for it: Throttled"));
    }
    assert!((interval(stage.explain("a").rule).1 - 1.0).abs() < 1e-9, "but for that");
    stage.keeps_its_word("a");
}

#[test]
fn a_refused_key() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);
    assert_eq!(stage.explain("a").hold.unwrap().reason, "a refusal of the key is to be confirmed");
    stage.fail(FailureClass::Unauthorized);
    let hold = stage.explain("a").hold.unwrap();
    assert_eq!((hold.seconds, hold.reason.as_str()), (60.0, "the key is refused: Unauthorized"));
    stage.keeps_its_word("a");
}

#[test]
fn the_rate() {
    let jobs: Vec<_> = (0..20).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], Vec::new());
    let explained = stage.explain("job-13");
    assert_eq!((explained.rule, explained.due_seconds), (Some(Rule::First), Some(0.0)));
    let rate = explained.rate;
    assert_eq!((rate.requests_per_second, rate.burst, rate.jobs_ahead), (2.0, 4, 9));
    assert!((rate.room_seconds - 0.525).abs() < 1e-9, "{rate:?}");
    stage.keeps_its_word("job-13");
}

#[test]
fn the_rate_that_was_learned() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let (first, second) = (stage.poll(), stage.poll());
    stage.fail_poll(first, failure(FailureClass::Throttled));
    stage.answer_with(second, "Pending", JobFacts::default());
    let rate = stage.explain("a").rate;
    assert_eq!((rate.requests_per_second, rate.burst), (2.0, 4), "as configured");
    let learned = LearnedRate { requests_per_second: 1.4, reason: "Throttled".to_owned() };
    assert_eq!(rate.learned, Some(learned));
    assert!(rate.room_seconds > 0.7, "{rate:?}");
    stage.keeps_its_word("a");
}

#[test]
fn nothing_is_to_come() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.answer("Pending");
    stage.command(Command::Pause(ProjectName::default()));
    let explained = stage.explain("a");
    assert_eq!((explained.turn, explained.next_poll_seconds, explained.rule), (Turn::Paused, None, None));
    stage.command(Command::Resume(ProjectName::default()));
    stage.answer("Failed");
    let explained = stage.explain("a");
    assert_eq!((explained.turn, explained.next_poll_seconds), (Turn::Over, None));
    assert_eq!(stage.engine.explain(&ProjectName::default(), &id("z"), stage.now), None);
}
