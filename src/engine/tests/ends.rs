//! When a job ended, as far as that is known: the API dates the end of completed jobs only.

use super::*;

/// A job whose first poll is under way; it began 10 s ago.
fn stage() -> Stage {
    let mut stage = Stage::with_job(JobSettings::new(id("a")));
    stage.pass(seconds(10));
    stage
}

fn started() -> JobFacts {
    JobFacts { created_at: Some(NOON.parse().unwrap()), ..JobFacts::default() }
}

fn at_most(bound: u64, seen_running: Option<u64>) -> Elapsed {
    Elapsed::AtMost { bound: seconds(bound), seen_running: seen_running.map(seconds) }
}

impl Stage {
    fn is(&mut self, status: &str, facts: JobFacts) {
        let poll = self.poll();
        self.answer_with(poll, status, facts);
    }

    fn elapsed(&self) -> Elapsed {
        self.engine.jobs().next().unwrap().tracker.elapsed(self.now)
    }

    /// The time that the last event gives.
    fn emitted_elapsed(&self) -> Elapsed {
        self.emitted.last().unwrap().elapsed
    }
}

#[test]
fn an_end_without_a_time_has_a_bound() {
    for status in ["Failed", "Cancelled", "Completed"] {
        let mut unseen = stage();
        unseen.is(status, started());

        let mut seen = stage();
        seen.is("Pending", started());
        seen.pass(seconds(20));
        seen.is(status, started());

        assert_eq!(unseen.emitted_elapsed(), at_most(10, None), "{status}");
        assert_eq!(seen.emitted_elapsed(), at_most(30, Some(10)), "{status}");
        seen.pass(seconds(3600));
        assert_eq!(seen.elapsed(), at_most(30, Some(10)), "it does not grow: {status}");
    }
}

#[test]
fn times_of_the_api_are_exact_if_they_are_credible() {
    let ended_at = |text: &str| JobFacts { completed_at: Some(text.parse().unwrap()), ..started() };
    for (status, facts, elapsed) in [
        ("Completed", ended_at("2026-11-23T12:00:06Z"), Elapsed::Exact(seconds(6))),
        ("Failed", ended_at("2026-11-23T12:00:06Z"), Elapsed::Exact(seconds(6))),
        ("Strange", ended_at("2026-11-23T12:00:06Z"), Elapsed::Exact(seconds(6))),
        ("Completed", ended_at("2026-11-23T11:59:00Z"), at_most(10, None)),
        ("Completed", JobFacts::default(), Elapsed::Unknown),
        ("Failed", JobFacts::default(), Elapsed::Unknown),
    ] {
        let mut stage = stage();

        stage.is(status, facts);

        assert_eq!(stage.emitted_elapsed(), elapsed, "{status}");
    }
}

#[test]
fn a_running_job_has_run_for_its_age() {
    let mut stage = stage();

    stage.is("Pending", started());
    stage.pass(seconds(5));

    assert_eq!(stage.elapsed(), Elapsed::Exact(seconds(15)));
}

#[test]
fn a_restart_keeps_when_a_job_was_last_seen_running() {
    let projects = [project(&["a"])];
    let mut stage = stage();
    stage.is("Pending", started());

    stage.restart(seconds(3600), &projects, Vec::new());
    stage.is("Failed", started());
    assert_eq!(stage.emitted_elapsed(), at_most(3610, Some(10)));

    stage.restart(seconds(3600), &projects, Vec::new());
    assert_eq!(stage.elapsed(), at_most(3610, Some(10)));
}

#[test]
fn an_index_that_is_not_ready_has_a_bound() {
    let mut settings = JobSettings::new(id("a"));
    settings.until = Some(Until::Ready);
    for (state, ready, elapsed) in
        [("InitializationFailed", false, at_most(30, Some(10))), ("Ready", true, Elapsed::Exact(seconds(30)))]
    {
        let mut stage = Stage::with_job(settings.clone());
        stage.pass(seconds(10));
        let completed_at = Some("2026-11-23T12:00:06Z".parse().unwrap());
        let facts = JobFacts { target_index_name: Some("docs".to_owned()), completed_at, ..started() };
        stage.is("Completed", facts);
        assert_eq!(stage.emitted_elapsed(), Elapsed::Exact(seconds(6)));

        stage.pass(seconds(20));
        let (poll, name) = stage.index_polls.pop_front().unwrap();
        let observation = IndexObservation { name, state: Some(Status::parse(state)), ready };
        stage.step(Input::PollAnswered { poll, answer: Answer::Index(observation) });

        assert_eq!(stage.emitted_elapsed(), elapsed);
        assert_eq!(stage.elapsed(), elapsed);
        assert_eq!(stage.disk.history()[0].elapsed, Elapsed::Exact(seconds(6)), "the restore itself");
    }
}

#[test]
fn an_end_before_the_watch_has_no_delay() {
    for (completed_at, delay) in [("2026-11-23T11:59:59Z", None), ("2026-11-23T12:00:06Z", Some(4.0))] {
        let created_at = Some("2026-11-23T11:00:00Z".parse().unwrap());
        let completed_at = Some(completed_at.parse().unwrap());
        let mut stage = stage();

        stage.is("Completed", JobFacts { created_at, completed_at, ..JobFacts::default() });

        assert_eq!(stage.disk.history()[0].detection_delay_seconds, delay);
        assert!(stage.emitted.last().unwrap().detection_delay_seconds.is_some(), "the event says it");
    }
}

#[test]
fn a_daemon_that_did_not_run_observes_ends_late() {
    let mut stage = stage();
    stage.is("Pending", started());

    stage.restart(seconds(3600), &[project(&["a"])], Vec::new());
    let completed_at = Some("2026-11-23T12:00:20Z".parse().unwrap());
    stage.is("Completed", JobFacts { completed_at, ..started() });

    assert_eq!(stage.disk.history()[0].detection_delay_seconds, Some(3590.0));
}

#[test]
fn a_restore_that_leaves_while_its_index_is_awaited_has_ended() {
    type Leave<'a> = &'a dyn Fn(&mut Stage);

    let job = JobSettings { until: Some(Until::Ready), ..JobSettings::new(id("a")) };
    let named = ProjectSettings { jobs: vec![job.clone()], ..project(&[]) };
    let reconfigure = |stage: &mut Stage, projects: &[ProjectSettings]| {
        stage.command(Command::Reconfigure(plan(projects, Vec::new())));
    };
    let ways: [(&str, &ProjectSettings, Leave<'_>); 4] = [
        ("removed", &named, &|stage| reconfigure(stage, &[project(&[])])),
        ("removed with its project", &named, &|stage| reconfigure(stage, &[])),
        ("removed while no process ran", &named, &|stage| {
            stage.restart(seconds(60), &[project(&[])], Vec::new());
        }),
        ("forgotten", &project(&[]), &|stage| {
            stage.command(Command::Forget(ProjectName::default(), id("a")));
        }),
    ];
    for (way, settings, leave) in ways {
        let mut stage = Stage::new(std::slice::from_ref(settings), Vec::new());
        if settings.jobs.is_empty() {
            stage.command(Command::Add(ProjectName::default(), job.clone()));
        }
        stage.pass(seconds(10));
        let completed_at = Some("2026-11-23T12:00:06Z".parse().unwrap());
        let facts = JobFacts { target_index_name: Some("docs".to_owned()), completed_at, ..started() };
        stage.is("Completed", facts);
        let observed_at = stage.now.wall;
        assert_eq!(stage.disk.history(), [], "{way}");

        leave(&mut stage);
        stage.command(Command::Commit);

        let rows = stage.disk.history();
        let ends: Vec<_> = rows.iter().map(|row| (row.outcome, row.end_observed_at, row.elapsed)).collect();
        assert_eq!(ends, [(Outcome::Completed, observed_at, Elapsed::Exact(seconds(6)))], "{way}");
    }
}
