//! Jobs that are watched until their index serves.

use super::*;

/// A job that made the index `docs`, as one is that completed.
fn completed() -> JobFacts {
    JobFacts { target_index_name: Some("docs".to_owned()), ..JobFacts::default() }
}

fn until_ready() -> Stage {
    Stage::with_job(JobSettings { until: Some(Until::Ready), ..JobSettings::new(id("a")) })
}

impl Stage {
    /// The poll of an index under way that began first; moves the clocks until there is one.
    fn index_poll(&mut self) -> PollId {
        for _ in 0..10 {
            assert!(self.polls.is_empty(), "a job that completed is described again");
            if let Some((poll, index)) = self.index_polls.pop_front() {
                assert_eq!(index, "docs");
                return poll;
            }
            self.next();
        }
        panic!("no poll of an index came of ten deadlines");
    }

    fn index_is(&mut self, state: &str, ready: bool) {
        let poll = self.index_poll();
        let state = Some(Status::parse(state));
        let observation = IndexObservation { name: "docs".to_owned(), state, ready };
        self.step(Input::PollAnswered { poll, answer: Answer::Index(observation) });
    }

    fn complete(&mut self) {
        let poll = self.poll();
        self.answer_with(poll, "Completed", completed());
    }
}

#[test]
fn a_completed_job_awaits_its_index() {
    let mut stage = until_ready();
    stage.complete();

    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed]);
    assert_eq!(stage.outcome(), Outcome::Open);
    assert_eq!(
        stage.index_polls.len() + usize::from(stage.engine.polls().next_at() == Some(stage.now.instant)),
        1
    );

    stage.index_is("Initializing", false);

    assert_eq!(stage.kinds(), []);

    let view = stage.engine.jobs().next().unwrap();
    let index_state = view.tracker.index().and_then(IndexWatch::state);
    let words = view.outcome().in_words(view.tracker.status(), index_state, view.tracker.last_error());

    assert_eq!(words, "Completed, index Initializing");

    stage.index_is("Ready", true);
    let event = stage.emitted.pop().unwrap();

    assert_eq!(event.kind, EventKind::IndexReady);

    let status = |status: &Option<Status>| status.as_ref().map(ToString::to_string);

    assert_eq!(status(&event.previous_status).as_deref(), Some("Initializing"));
    assert_eq!(status(&event.status).as_deref(), Some("Ready"));
    assert_eq!(event.detection_delay_seconds, None);
    assert_eq!(stage.outcome(), Outcome::Ready);
    assert_eq!(stage.engine.outcomes(), [Outcome::Ready]);
    assert_eq!(stage.engine.polls().next_at(), None);
}

#[test]
fn readiness_decides_unless_the_state_never_serves() {
    for (state, ready, outcome) in [
        ("ScalingUp", true, Outcome::Ready),
        ("SomethingNew", true, Outcome::Ready),
        ("SomethingNew", false, Outcome::Open),
        ("Ready", false, Outcome::Open),
        ("InitializationFailed", false, Outcome::NotReady),
        ("initializationfailed", false, Outcome::NotReady),
        ("Failed", false, Outcome::NotReady),
        ("Disabled", false, Outcome::NotReady),
        ("Terminating", true, Outcome::NotReady),
    ] {
        let mut stage = until_ready();
        stage.complete();
        stage.index_is(state, ready);
        assert_eq!(stage.outcome(), outcome, "{state}");
        if outcome == Outcome::NotReady {
            let event = stage.emitted.pop().unwrap();
            let words = event.reason.as_deref().unwrap();
            assert!(words.eq_ignore_ascii_case(&format!("its state is {state}")), "{words}");
        }
    }
}

#[test]
fn a_job_that_did_not_complete_awaits_no_index() {
    for end in ["Failed", "Cancelled"] {
        let mut stage = until_ready();
        let poll = stage.poll();
        stage.answer_with(poll, end, completed());
        assert!(stage.engine.jobs().next().unwrap().tracker.has_ended());
        assert_eq!(stage.engine.polls().next_at(), None, "{end}");
    }
}

/// Fails every poll of the index until an event is emitted. Returns how long that took.
fn fail_until_emitted(stage: &mut Stage, class: FailureClass) -> Duration {
    let start = stage.now.instant;
    stage.kinds();
    while stage.emitted.is_empty() {
        let poll = stage.index_poll();
        stage.fail_poll(poll, failure(class));
        if stage.emitted.is_empty() && stage.index_polls.is_empty() {
            stage.next();
        }
    }
    stage.now.instant.since(start)
}

#[test]
fn an_unseen_index_is_not_ready_after_the_grace() {
    let mut stage = until_ready();
    stage.complete();

    let took = fail_until_emitted(&mut stage, FailureClass::NotFound);

    assert!((seconds(60)..seconds(62)).contains(&took), "{took:?}");
    assert_eq!(stage.kinds(), [EventKind::IndexNotReady]);
    assert_eq!(stage.outcome(), Outcome::NotReady);
    assert_eq!(stage.engine.polls().next_at(), None);
}

#[test]
fn a_seen_index_is_not_ready_after_unreachable_after() {
    let mut stage = until_ready();
    stage.complete();
    stage.index_is("Initializing", false);

    let took = fail_until_emitted(&mut stage, FailureClass::NotFound);

    assert!((seconds(600)..seconds(602)).contains(&took), "{took:?}");
    assert_eq!(stage.emitted[0].reason.as_deref(), Some("NotFound"));
    assert_eq!(stage.kinds(), [EventKind::IndexNotReady]);
}

#[test]
fn an_outage_decides_nothing() {
    let mut stage = until_ready();
    stage.complete();
    fail_until_emitted(&mut stage, FailureClass::Transient);

    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    assert_eq!(stage.outcome(), Outcome::Unreachable);

    stage.index_is("Ready", true);

    assert_eq!(stage.kinds(), [EventKind::Recovered, EventKind::IndexReady]);
}

#[test]
fn one_404_in_an_outage_decides_nothing() {
    // Whether it was seen before or not.
    for seen in [false, true] {
        let mut stage = until_ready();
        stage.complete();
        if seen {
            stage.index_is("Initializing", false);
        }
        stage.kinds();
        let (mut number, mut last) = (0, FailureClass::NotFound);
        while stage.emitted.is_empty() {
            let poll = stage.index_poll();
            number += 1;
            last = if number % 7 == 1 { FailureClass::NotFound } else { FailureClass::Transient };
            stage.fail_poll(poll, failure(last));
            if stage.emitted.is_empty() && stage.index_polls.is_empty() {
                stage.next();
            }
        }
        assert_eq!(stage.kinds(), [EventKind::Unreachable], "{seen} {last:?}");
        assert_eq!(stage.outcome(), Outcome::Unreachable);
        // The 404s that come then count by themselves.
        let took = fail_until_emitted(&mut stage, FailureClass::NotFound);
        assert_eq!(stage.kinds(), [EventKind::IndexNotReady]);
        assert!(took >= if seen { seconds(590) } else { seconds(50) }, "{took:?}");
    }
}

#[test]
fn an_answer_that_names_no_index_is_trouble() {
    let mut stage = until_ready();
    stage.answer("Completed");
    stage.kinds();
    let start = stage.now.instant;
    while stage.emitted.is_empty() {
        stage.answer("Completed");
        if stage.emitted.is_empty() && stage.polls.is_empty() {
            stage.next();
        }
    }

    assert!(stage.now.instant.since(start) >= seconds(600));
    assert_eq!(stage.emitted[0].reason.as_deref(), Some("the API does not say which index the restore made"));
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);

    stage.complete();

    assert_eq!(stage.kinds(), [EventKind::Recovered]);
    assert_eq!(stage.index_polls.len(), 1, "its index is polled at once");

    stage.index_is("Ready", true);

    assert_eq!(stage.outcome(), Outcome::Ready);
}

/// A stage with a completed job whose index is awaited, and one that is open.
fn beside_another() -> Stage {
    let mut project = project(&["b"]);
    project.jobs.insert(0, JobSettings { until: Some(Until::Ready), ..JobSettings::new(id("a")) });
    let mut stage = Stage::new(&[project], Vec::new());
    stage.complete();
    stage.answer("Pending");
    stage.kinds();
    stage
}

#[test]
fn a_key_refused_the_index_alone_concerns_one_job() {
    let mut stage = beside_another();
    for _ in 0..200 {
        if let Some((poll, _)) = stage.index_polls.pop_front() {
            stage.fail_poll(poll, failure(FailureClass::Unauthorized));
        }
        if let Some(poll) = stage.polls.pop_front() {
            let status = if poll.job == id("a") { "Completed" } else { "Pending" };
            stage.answer_with(poll, status, completed());
        }
        stage.next();
    }

    assert_eq!(stage.kinds(), [EventKind::Unreachable], "emitted once, and of no project");
    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized, Outcome::Open]);

    stage.index_polls.clear();
    let refused = stage.engine.explain(&ProjectName::default(), &id("a"), stage.now).unwrap();

    assert!(refused.job.tracker.last_error().is_some());
}

#[test]
fn a_key_refused_index_and_job_is_unauthorized() {
    let mut stage = until_ready();
    stage.complete();
    stage.kinds();
    while stage.emitted.is_empty() {
        let (poll, _) = match (stage.index_polls.pop_front(), stage.polls.pop_front()) {
            (Some(poll), _) => poll,
            (None, Some(poll)) => (poll, String::new()),
            (None, None) => {
                stage.next();
                continue;
            }
        };
        stage.fail_poll(poll, failure(FailureClass::Unauthorized));
    }

    assert_eq!(stage.kinds(), [EventKind::ProjectUnauthorized]);

    stage.complete();

    assert_eq!(stage.kinds(), [EventKind::ProjectRecovered]);

    stage.index_is("Ready", true);

    assert_eq!(stage.kinds(), [EventKind::IndexReady]);
}

#[test]
fn the_final_poll_continues_from_the_job_to_its_index() {
    let mut stage = until_ready();
    stage.answer("Pending");
    stage.step(Input::Command(Command::FinalPoll));
    stage.complete();

    assert!(stage.engine.polls().busy_until(stage.now.instant), "its index is still to be polled");

    stage.index_is("Initializing", false);

    assert!(!stage.engine.polls().busy_until(stage.now.instant + seconds(3600)));
}

#[test]
fn a_deadline_covers_the_index() {
    let settings =
        JobSettings { until: Some(Until::Ready), deadline: Some(seconds(30)), ..JobSettings::new(id("a")) };
    let mut stage = Stage::with_job(settings);
    stage.complete();
    stage.kinds();
    while stage.emitted.is_empty() {
        stage.index_is("Initializing", false);
        stage.next();
    }

    assert_eq!(stage.kinds(), [EventKind::Overdue]);
}

#[test]
fn polls_of_the_index_begin_with_the_shortest_interval() {
    let mut stage = until_ready();
    stage.answer("Pending");
    stage.pass(seconds(7200));
    stage.step(Input::Timeout);
    stage.complete();
    stage.index_is("Initializing", false);
    let start = stage.now.instant;
    stage.index_poll();

    assert!(stage.now.instant.since(start) <= seconds(2), "two hours of restore say nothing about the index");
}

#[test]
fn a_restart_resumes_the_wait_for_the_index() {
    let settings = || {
        let mut project = project(&[]);
        project.watch.until = Until::Ready;
        project.jobs.push(JobSettings::new(id("a")));
        [project]
    };
    let mut stage = Stage::new(&settings(), Vec::new());
    stage.complete();
    stage.index_is("Initializing", false);
    stage.pass(seconds(5));
    stage.step(Input::Timeout);
    let mut stage = Stage::on(stage.disk, &settings(), Vec::new(), stage.now);
    stage.index_is("Ready", true);

    assert_eq!(stage.kinds(), [EventKind::IndexReady]);

    let stage = Stage::on(stage.disk, &settings(), Vec::new(), stage.now);

    assert_eq!(stage.outcome(), Outcome::Ready);
    assert_eq!(stage.engine.polls().next_at(), None);
}

/// A project whose job is watched until this.
fn watched(until: Until) -> ProjectSettings {
    let mut project = project(&[]);
    project.jobs.push(JobSettings { until: Some(until), ..JobSettings::new(id("a")) });
    project
}

impl Stage {
    fn change(&mut self, until: Until) {
        self.command(Command::Reconfigure(plan(&[watched(until)], Vec::new())));
    }
}

#[test]
fn an_ended_job_awaits_no_index_that_is_wanted_later() {
    let mut stage = Stage::new(&[watched(Until::Completed)], Vec::new());
    stage.complete();
    stage.kinds();

    stage.change(Until::Ready);

    assert_eq!(stage.outcome(), Outcome::Completed);
    assert_eq!((stage.engine.polls().next_at(), stage.kinds()), (None, Vec::new()));

    let stage = Stage::on(stage.disk, &[watched(Until::Ready)], Vec::new(), stage.now);

    assert_eq!(stage.engine.polls().next_at(), None);
}

#[test]
fn until_can_change_while_the_index_is_awaited() {
    let mut stage = Stage::new(&[watched(Until::Completed)], Vec::new());
    stage.change(Until::Ready);
    stage.complete();
    let poll = stage.index_poll();

    stage.change(Until::Completed);

    assert_eq!(stage.outcome(), Outcome::Completed);

    stage.change(Until::Ready);
    stage.fail_poll(poll, failure(FailureClass::Transient));
    stage.index_is("Ready", true);
    stage.change(Until::Completed);

    assert_eq!(stage.outcome(), Outcome::Completed);

    stage.kinds();
    stage.change(Until::Ready);

    assert_eq!((stage.outcome(), stage.kinds()), (Outcome::Ready, Vec::new()), "it is not decided twice");
}

#[test]
fn a_404_of_the_job_in_place_of_its_index_decides_nothing() {
    let mut stage = until_ready();
    stage.complete();
    stage.kinds();

    while stage.emitted.is_empty() {
        match (stage.index_polls.pop_front(), stage.polls.pop_front()) {
            (Some((poll, _)), _) => stage.fail_poll(poll, failure(FailureClass::Unauthorized)),
            (None, Some(poll)) => stage.fail_poll(poll, failure(FailureClass::NotFound)),
            (None, None) => drop(stage.next()),
        }
    }

    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized]);
}

#[test]
fn a_404_of_a_completed_job_without_an_index_name_is_an_outage() {
    let mut stage = until_ready();
    stage.answer("Completed");
    stage.kinds();

    stage.fail_for(FailureClass::NotFound, seconds(500));

    assert_eq!(stage.kinds(), []);

    stage.fail_for(FailureClass::NotFound, seconds(200));

    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
}

#[test]
fn the_final_poll_finds_out_what_is_refused() {
    let mut stage = until_ready();
    stage.complete();
    stage.index_is("Initializing", false);
    stage.step(Input::Command(Command::FinalPoll));
    let poll = stage.index_poll();
    stage.fail_poll(poll, failure(FailureClass::Unauthorized));
    stage.complete();
    let poll = stage.index_poll();
    stage.fail_poll(poll, failure(FailureClass::Unauthorized));

    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized]);
}

#[test]
fn adding_a_completed_job_until_ready_awaits_its_index() {
    let mut stage = Stage::new(&[project(&[])], Vec::new());
    let add = |stage: &mut Stage, until| {
        let job = JobSettings { until, ..JobSettings::new(id("a")) };
        stage.command(Command::Add(ProjectName::default(), job));
        stage.step(Input::Timeout);
    };
    add(&mut stage, None);
    stage.complete();
    add(&mut stage, None);

    assert_eq!(stage.outcome(), Outcome::Completed);

    add(&mut stage, Some(Until::Ready));

    assert_eq!(stage.outcome(), Outcome::Open);

    stage.index_is("Ready", true);

    assert_eq!(stage.outcome(), Outcome::Ready);
}
