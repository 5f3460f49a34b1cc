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
        self.step(Input::Answered { poll, answer: Answer::Index(observation) });
    }

    fn complete(&mut self) {
        let poll = self.poll();
        self.answer_with(poll, "Completed", completed());
    }
}

#[test]
fn a_completed_job_is_followed_by_its_index() {
    let mut stage = until_ready();
    stage.complete();
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed]);
    assert_eq!(stage.standing(), Standing::Open);
    assert_eq!(stage.index_polls.len() + usize::from(stage.engine.next_poll() == Some(stage.now.instant)), 1);
    stage.index_is("Initializing", false);
    assert_eq!(stage.kinds(), []);
    let view = stage.engine.jobs().next().unwrap();
    assert_eq!(Outcome::of(&view), Outcome::Open);
    assert_eq!(view.tracker.status(), Some(&Status::Completed));
    let of_index = view.tracker.index().and_then(IndexWatch::state);
    assert_eq!(of_index.map(Status::as_str), Some("Initializing"));
    stage.index_is("Ready", true);
    let told = stage.told.pop().unwrap();
    assert_eq!(told.kind, EventKind::IndexReady);
    let status = |status: &Option<Status>| status.as_ref().map(ToString::to_string);
    assert_eq!(status(&told.previous_status).as_deref(), Some("Initializing"));
    assert_eq!(status(&told.status).as_deref(), Some("Ready"));
    assert_eq!(told.detection_delay_seconds, None);
    assert_eq!(stage.standing(), Standing::Ready);
    assert_eq!(stage.engine.outcomes(), [Outcome::Ready]);
    assert_eq!(stage.engine.next_poll(), None);
}

#[test]
fn what_serves_counts_whatever_else_it_does() {
    for (state, ready, standing) in [
        ("ScalingUp", true, Standing::Ready),
        ("SomethingNew", true, Standing::Ready),
        ("SomethingNew", false, Standing::Open),
        ("Ready", false, Standing::Open),
        ("InitializationFailed", false, Standing::NotReady),
        ("initializationfailed", false, Standing::NotReady),
        ("Failed", false, Standing::NotReady),
        ("Disabled", false, Standing::NotReady),
        ("Terminating", true, Standing::NotReady),
    ] {
        let mut stage = until_ready();
        stage.complete();
        stage.index_is(state, ready);
        assert_eq!(stage.standing(), standing, "{state}");
        if standing == Standing::NotReady {
            let told = stage.told.pop().unwrap();
            let words = told.reason.as_deref().unwrap();
            assert!(words.eq_ignore_ascii_case(&format!("its state is {state}")), "{words}");
        }
    }
}

#[test]
fn other_ends_are_ends() {
    for end in ["Failed", "Cancelled"] {
        let mut stage = until_ready();
        let poll = stage.poll();
        stage.answer_with(poll, end, completed());
        assert!(stage.engine.jobs().next().unwrap().tracker.has_ended());
        assert_eq!(stage.engine.next_poll(), None, "{end}");
    }
}

/// Fails every poll of the index until something is told. Says how long that took.
fn fail_until_told(stage: &mut Stage, class: FailureClass) -> Duration {
    let start = stage.now.instant;
    stage.kinds();
    while stage.told.is_empty() {
        let poll = stage.index_poll();
        stage.fail_poll(poll, failure(class));
        if stage.told.is_empty() && stage.index_polls.is_empty() {
            stage.next();
        }
    }
    stage.now.instant.since(start)
}

#[test]
fn a_404_that_lasts_ends_it() {
    let mut stage = until_ready();
    stage.complete();
    let took = fail_until_told(&mut stage, FailureClass::NotFound);
    assert!((seconds(60)..seconds(62)).contains(&took), "{took:?}");
    assert_eq!(stage.kinds(), [EventKind::IndexNotReady]);
    assert_eq!(stage.standing(), Standing::NotReady);
    assert_eq!(stage.engine.next_poll(), None);

    // One that was seen is believed to be there for longer.
    let mut stage = until_ready();
    stage.complete();
    stage.index_is("Initializing", false);
    let took = fail_until_told(&mut stage, FailureClass::NotFound);
    assert!((seconds(600)..seconds(602)).contains(&took), "{took:?}");
    assert_eq!(stage.told[0].reason.as_deref(), Some("NotFound"));
    assert_eq!(stage.kinds(), [EventKind::IndexNotReady]);
}

#[test]
fn an_outage_is_no_verdict() {
    let mut stage = until_ready();
    stage.complete();
    fail_until_told(&mut stage, FailureClass::Transient);
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    assert_eq!(stage.standing(), Standing::Unreachable);
    stage.index_is("Ready", true);
    assert_eq!(stage.kinds(), [EventKind::Recovered, EventKind::IndexReady]);
}

#[test]
fn one_404_in_an_outage_is_no_verdict() {
    // Whether it was seen before or not.
    for seen in [false, true] {
        let mut stage = until_ready();
        stage.complete();
        if seen {
            stage.index_is("Initializing", false);
        }
        stage.kinds();
        let (mut number, mut last) = (0, FailureClass::NotFound);
        while stage.told.is_empty() {
            let poll = stage.index_poll();
            number += 1;
            last = if number % 7 == 1 { FailureClass::NotFound } else { FailureClass::Transient };
            stage.fail_poll(poll, failure(last));
            if stage.told.is_empty() && stage.index_polls.is_empty() {
                stage.next();
            }
        }
        assert_eq!(stage.kinds(), [EventKind::Unreachable], "{seen} {last:?}");
        assert_eq!(stage.standing(), Standing::Unreachable);
        // The 404s that come then count by themselves.
        let took = fail_until_told(&mut stage, FailureClass::NotFound);
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
    while stage.told.is_empty() {
        stage.answer("Completed");
        if stage.told.is_empty() && stage.polls.is_empty() {
            stage.next();
        }
    }
    assert!(stage.now.instant.since(start) >= seconds(600));
    assert_eq!(stage.told[0].reason.as_deref(), Some("the API does not say which index the restore made"));
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    stage.complete();
    assert_eq!(stage.kinds(), [EventKind::Recovered]);
    assert_eq!(stage.index_polls.len(), 1, "its index is asked for at once");
    stage.index_is("Ready", true);
    assert_eq!(stage.standing(), Standing::Ready);
}

/// A stage with a completed job whose index is followed, and one that is open.
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
fn a_key_that_may_not_ask_for_the_index_alone_is_the_trouble_of_this_job() {
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
    assert_eq!(stage.kinds(), [EventKind::Unreachable], "told once, and of no project");
    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized, Outcome::Open]);
    stage.index_polls.clear();
    let refused = stage.engine.explain(&ProjectName::default(), &id("a"), stage.now).unwrap();
    assert!(refused.job.tracker.last_error().is_some());
}

#[test]
fn a_key_that_is_refused_the_job_too_is_refused() {
    let mut stage = until_ready();
    stage.complete();
    stage.kinds();
    while stage.told.is_empty() {
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
fn the_last_look_goes_on_from_the_job_to_its_index() {
    let mut stage = until_ready();
    stage.answer("Pending");
    stage.step(Input::FinalPollRequested);
    stage.complete();
    assert!(stage.engine.polls_until(stage.now.instant), "its index is still to be looked at");
    stage.index_is("Initializing", false);
    assert!(!stage.engine.polls_until(stage.now.instant + seconds(3600)));
}

#[test]
fn a_deadline_covers_the_index() {
    let settings =
        JobSettings { until: Some(Until::Ready), deadline: Some(seconds(30)), ..JobSettings::new(id("a")) };
    let mut stage = Stage::with_job(settings);
    stage.complete();
    stage.kinds();
    while stage.told.is_empty() {
        stage.index_is("Initializing", false);
        stage.next();
    }
    assert_eq!(stage.kinds(), [EventKind::Overdue]);
}

#[test]
fn polls_of_the_index_start_anew_with_the_shortest_interval() {
    let mut stage = until_ready();
    stage.answer("Pending");
    stage.pass(seconds(7200));
    stage.step(Input::TimeoutReached);
    stage.complete();
    stage.index_is("Initializing", false);
    let start = stage.now.instant;
    stage.index_poll();
    assert!(stage.now.instant.since(start) <= seconds(2), "two hours of restore say nothing about the index");
}

#[test]
fn a_restart_goes_on_in_the_second_half() {
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
    stage.step(Input::TimeoutReached);
    let mut stage = Stage::on(stage.disk, &settings(), Vec::new(), stage.now);
    stage.index_is("Ready", true);
    assert_eq!(stage.kinds(), [EventKind::IndexReady]);
    let stage = Stage::on(stage.disk, &settings(), Vec::new(), stage.now);
    assert_eq!(stage.standing(), Standing::Ready);
    assert_eq!(stage.engine.next_poll(), None);
}

#[test]
fn until_when_can_change_while_it_is_watched() {
    let with = |until| {
        let mut project = project(&[]);
        project.jobs.push(JobSettings { until: Some(until), ..JobSettings::new(id("a")) });
        project
    };
    let change = |stage: &mut Stage, until| {
        stage.engine.reconfigure(plan(&[with(until)], Vec::new()), stage.now);
        stage.step(Input::TimeoutReached);
    };
    // What has ended has ended.
    let mut stage = Stage::new(&[with(Until::Completed)], Vec::new());
    stage.complete();
    stage.kinds();
    change(&mut stage, Until::Ready);
    assert_eq!(stage.standing(), Standing::Ended(Ending::Completed));
    assert_eq!((stage.engine.next_poll(), stage.kinds()), (None, Vec::new()));
    let stage = Stage::on(stage.disk, &[with(Until::Ready)], Vec::new(), stage.now);
    assert_eq!(stage.engine.next_poll(), None);

    let mut stage = Stage::new(&[with(Until::Completed)], Vec::new());
    change(&mut stage, Until::Ready);
    stage.complete();
    let poll = stage.index_poll();
    change(&mut stage, Until::Completed);
    assert_eq!(stage.standing(), Standing::Ended(Ending::Completed));
    change(&mut stage, Until::Ready);
    stage.fail_poll(poll, failure(FailureClass::Transient));
    stage.index_is("Ready", true);
    change(&mut stage, Until::Completed);
    assert_eq!(stage.standing(), Standing::Ended(Ending::Completed));
    stage.kinds();
    change(&mut stage, Until::Ready);
    assert_eq!((stage.standing(), stage.kinds()), (Standing::Ready, Vec::new()), "it is not decided twice");
}

#[test]
fn a_404_of_the_job_says_nothing_about_the_index() {
    // In place of the index, that the key may not ask for, the job is asked for; and it is gone.
    let mut stage = until_ready();
    stage.complete();
    stage.kinds();
    while stage.told.is_empty() {
        match (stage.index_polls.pop_front(), stage.polls.pop_front()) {
            (Some((poll, _)), _) => stage.fail_poll(poll, failure(FailureClass::Unauthorized)),
            (None, Some(poll)) => stage.fail_poll(poll, failure(FailureClass::NotFound)),
            (None, None) => drop(stage.next()),
        }
    }
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized]);

    // The index is not known by name, and the job is gone.
    let mut stage = until_ready();
    stage.answer("Completed");
    stage.kinds();
    stage.fail_for(FailureClass::NotFound, seconds(500));
    assert_eq!(stage.kinds(), []);
    stage.fail_for(FailureClass::NotFound, seconds(200));
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
}

#[test]
fn the_last_look_finds_out_what_is_refused() {
    let mut stage = until_ready();
    stage.complete();
    stage.index_is("Initializing", false);
    stage.step(Input::FinalPollRequested);
    let poll = stage.index_poll();
    stage.fail_poll(poll, failure(FailureClass::Unauthorized));
    stage.complete();
    let poll = stage.index_poll();
    stage.fail_poll(poll, failure(FailureClass::Unauthorized));
    assert_eq!(stage.engine.outcomes(), [Outcome::Unauthorized]);
}

#[test]
fn whoever_adds_a_completed_job_until_its_index_serves_means_it() {
    let mut stage = Stage::new(&[project(&[])], Vec::new());
    let add = |stage: &mut Stage, until| {
        let job = JobSettings { until, ..JobSettings::new(id("a")) };
        stage.engine.add(&ProjectName::default(), job, stage.now);
        stage.step(Input::TimeoutReached);
    };
    add(&mut stage, None);
    stage.complete();
    add(&mut stage, None);
    assert_eq!(stage.standing(), Standing::Ended(Ending::Completed));
    add(&mut stage, Some(Until::Ready));
    assert_eq!(stage.standing(), Standing::Open);
    stage.index_is("Ready", true);
    assert_eq!(stage.standing(), Standing::Ready);
}
