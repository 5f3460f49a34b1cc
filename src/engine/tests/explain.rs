//! Why a job is polled when it is: the explanation matches what happens.

use super::retry::RetryAfter;
use super::*;

impl Stage {
    fn explain(&self, job: &str) -> Explanation<'_> {
        self.engine.explain(&ProjectName::default(), &id(job), self.now).expect("it is watched")
    }

    pub(super) fn wait(&self, job: &str) -> Wait {
        match self.explain(job).turn {
            Turn::Waiting(wait) => *wait,
            other => panic!("{other:?}"),
        }
    }

    /// Why no request is made for the project of a job that waits, if so.
    pub(super) fn hold(&self, job: &str) -> Option<Hold> {
        match self.explain(job).turn {
            Turn::Waiting(wait) => wait.hold,
            Turn::Polling | Turn::Paused | Turn::Over => None,
        }
    }

    /// Checks that the next poll is made when the explanation says.
    fn polls_as_explained(&mut self, job: &str) {
        let explained = self.wait(job).next_poll.expect("a time");
        let start = self.now.instant;

        while !self.polls.iter().any(|poll| poll.job == id(job)) {
            self.next();
        }

        let waited = self.now.instant.since(start);
        assert!(is_about(waited, explained), "{explained:?} was explained, {waited:?} it was");
    }
}

fn is_about(a: Duration, b: Duration) -> bool {
    a.abs_diff(b) < Duration::from_micros(1)
}

fn interval(rule: Rule) -> (Since, Duration) {
    match rule {
        Rule::Cadence(CadenceRule { since, interval, .. }) => (since, interval),
        other => panic!("{other:?}"),
    }
}

fn running_for(stage: &mut Stage, age: u64) {
    let poll = stage.poll();
    let created_at = Some(stage.now.wall - seconds(age));
    stage.answer_with(poll, "Pending", JobFacts { created_at, ..JobFacts::default() });
}

#[test]
fn cadence_explains_interval_due_time_and_later_intervals() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    assert_eq!(stage.explain("a").turn, Turn::Polling);
    running_for(&mut stage, 720);
    stage.pass(seconds(3));

    let explained = stage.explain("a");
    assert_eq!((explained.age, explained.answered), (seconds(723), Some(seconds(3))));

    let wait = stage.wait("a");
    let (since, every) = interval(wait.rule);
    assert_eq!(since, Since::Start);
    assert!(is_about(every, Duration::from_secs_f64(144.0_f64.sqrt())), "{every:?}");
    let after_poll = wait.due.unwrap() + seconds(3);
    assert!((every.mul_f64(0.9)..=every.mul_f64(1.1)).contains(&after_poll), "{after_poll:?}");
    assert_eq!(wait.hold, None);
    let later: Vec<_> = wait.later.iter().map(|(age, _)| *age).collect();
    assert_eq!(later, [seconds(3600), seconds(18_000)], "only ages that are still to come");
    stage.polls_as_explained("a");
}

#[test]
fn backoff_after_failures_and_longest_interval_once_lost() {
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = seconds(3600);
    let mut stage = Stage::new(&[settings], Vec::new());

    for failures in 1..=3 {
        stage.fail(FailureClass::Transient);
        let ceiling = Duration::from_millis([500, 1000, 2000][failures as usize - 1]);
        // The highest ceiling is that of a job that has been watched for seconds.
        assert_eq!(stage.wait("a").rule, Rule::Backoff { failures, ceiling, max: seconds(2) });
        assert_eq!(stage.explain("a").job.tracker.last_error(), Some("Transient"));
        stage.polls_as_explained("a");
    }

    stage.answer("Pending");
    stage.fail_for(FailureClass::NotFound, seconds(3700));
    assert_eq!(stage.wait("a").rule, Rule::LongestInterval(seconds(60)), "it is lost");
}

#[test]
fn backoff_is_bounded_by_twice_the_interval_of_the_cadence() {
    for (age, class, bounds) in [
        (0, FailureClass::Transient, 2.0..5.0),
        (720, FailureClass::Transient, 24.0..27.0),
        (720, FailureClass::NotFound, 24.0..27.0),
        (720, FailureClass::Throttled, 60.0..60.1),
        (18_000, FailureClass::Transient, 60.0..60.1),
    ] {
        let mut stage = Stage::new(&[project(&["a"])], Vec::new());
        running_for(&mut stage, age);

        for count in 1..=9 {
            stage.fail(class);

            let Rule::Backoff { failures, ceiling, max } = stage.wait("a").rule else {
                panic!("{:?}", stage.wait("a").rule);
            };
            assert_eq!(failures, count);
            assert!(bounds.contains(&max.as_secs_f64()), "{class:?} at the age of {age} s: {max:?}");
            let doubled = Duration::from_millis(500) * 2_u32.pow(failures - 1);
            assert!(is_about(ceiling, doubled.min(max)), "{ceiling:?}");
        }
        stage.polls_as_explained("a");
    }
}

#[test]
fn backoff_of_an_index_goes_by_the_time_since_completion() {
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

    let rule = stage.wait("a").rule;
    assert!(matches!(rule, Rule::Backoff { max, .. } if max == seconds(2)), "{rule:?}");
}

#[test]
fn unknown_job_is_polled_by_cadence_since_the_first_404() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    for _ in 0..10 {
        stage.fail(FailureClass::NotFound);
    }
    assert_eq!(interval(stage.wait("a").rule).0, Since::FirstNotFound);
    stage.polls_as_explained("a");

    stage.fail_for(FailureClass::NotFound, seconds(61));
    assert_eq!(stage.wait("a").rule, Rule::LongestInterval(seconds(60)));
}

#[test]
fn unreachable_unknown_job_is_polled_by_the_longest_interval() {
    let mut settings = project(&["a"]);
    settings.watch.unreachable_after = seconds(60);
    settings.watch.not_found_grace = seconds(3600);
    let mut stage = Stage::new(&[settings], Vec::new());
    stage.fail_for(FailureClass::Transient, seconds(61));

    stage.fail(FailureClass::NotFound);

    assert_eq!(stage.wait("a").rule, Rule::LongestInterval(seconds(60)));
    assert_eq!(stage.wait("a").due, Some(seconds(60)));
    stage.polls_as_explained("a");
}

#[test]
fn retry_after_holds_every_job_of_the_project() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let (first, second) = (stage.poll(), stage.poll());
    stage.answer_with(first, "Pending", JobFacts::default());
    let retry_after = Some(RetryAfter::For(seconds(90)));
    stage.fail_poll(second, Failure { retry_after, ..failure(FailureClass::Throttled) });

    for job in ["a", "b"] {
        let reason = HoldReason::RetryAfter("Throttled".to_owned());
        assert_eq!(stage.hold(job), Some(Hold { left: seconds(90), reason }));
    }
    let (_, every) = interval(stage.wait("a").rule);
    assert!(is_about(every, seconds(1)), "{every:?} without the hold");
    stage.polls_as_explained("a");
}

#[test]
fn refused_key_holds_the_project() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.fail(FailureClass::Unauthorized);
    assert_eq!(stage.hold("a").map(|hold| hold.reason), Some(HoldReason::UnauthorizedOnce));

    stage.fail(FailureClass::Unauthorized);

    let reason = HoldReason::Unauthorized("Unauthorized".to_owned());
    assert_eq!(stage.hold("a"), Some(Hold { left: seconds(60), reason }));
    stage.polls_as_explained("a");
}

#[test]
fn rate_limit_delays_jobs_by_those_ahead() {
    let jobs: Vec<_> = (0..20).map(|n| format!("job-{n:02}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    let mut stage = Stage::new(&[project(&jobs)], Vec::new());

    let wait = stage.wait("job-13");
    assert_eq!((wait.rule, wait.due, wait.jobs_ahead), (Rule::First, Some(Duration::ZERO), 10));

    let rate = stage.explain("job-13").rate;
    assert!((rate.configured - 2.0).abs() < f64::EPSILON && rate.burst == 4, "{rate:?}");
    assert!(is_about(rate.ready, Duration::from_millis(525)), "{rate:?}");
    stage.polls_as_explained("job-13");
}

#[test]
fn learned_rate_is_explained_beside_the_configured_one() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    let (first, second) = (stage.poll(), stage.poll());
    stage.fail_poll(first, failure(FailureClass::Throttled));
    stage.answer_with(second, "Pending", JobFacts::default());

    let Explanation { rate, project, .. } = stage.explain("a");
    assert!((rate.configured - 2.0).abs() < f64::EPSILON && rate.burst == 4, "{rate:?}");
    assert!((project.requests_per_second - 1.4).abs() < 1e-9, "{project:?}");
    assert_eq!(project.limited, Some("Throttled"));
    assert!(rate.ready > Duration::from_millis(700), "{rate:?}");
    stage.polls_as_explained("a");
}

#[test]
fn paused_and_ended_jobs_wait_for_nothing() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.answer("Pending");
    stage.command(Command::Pause(ProjectName::default()));
    assert_eq!(stage.explain("a").turn, Turn::Paused);

    stage.command(Command::Resume(ProjectName::default()));
    stage.answer("Failed");
    assert_eq!(stage.explain("a").turn, Turn::Over);

    assert!(stage.engine.explain(&ProjectName::default(), &id("z"), stage.now).is_none());
}
