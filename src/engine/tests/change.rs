//! Commands to a running engine, suspensions and reloads.

use super::*;
use crate::config::{Rate, WatchSettings};
use crate::engine::retry::RetryAfter;

impl Stage {
    fn reload(&mut self, projects: &[ProjectSettings], sinks: Vec<SinkPlan>) -> Reconfigured {
        match self.command(Command::Reconfigure(plan(projects, sinks))) {
            CommandReply::Reconfigured(changed) => changed,
            reply => panic!("{reply:?}"),
        }
    }

    fn add(&mut self, job: &str) -> CommandReply {
        let added = self.command(Command::Add(ProjectName::default(), JobSettings::new(id(job))));
        self.commit();
        added
    }

    fn forget(&mut self, job: &str) -> CommandReply {
        let forgotten = self.command(Command::Forget(ProjectName::default(), id(job)));
        self.commit();
        forgotten
    }

    /// Commits what changed, at once.
    fn commit(&mut self) {
        self.command(Command::Commit);
        assert!(self.engine.is_committed(self.engine.commit_ticket()));
    }

    fn watched(&self) -> Vec<&str> {
        self.engine.jobs().map(|job| job.tracker.settings().id.as_str()).collect()
    }
}

/// An engine that watches `a` and whose first batch is under way.
fn committing(now: Now) -> Engine {
    let plan = plan(&[project(&["a"])], Vec::new());
    let mut engine = Engine::from_snapshot(plan, Snapshot::default(), 7, now);
    let actions = handle(&mut engine, Input::Timeout, now);
    assert!(matches!(&actions[..], [Action::Poll(_), Action::Commit(_)]), "{actions:?}");
    engine
}

#[test]
fn command_takes_effect_without_a_further_input() {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let mut engine = committing(now);

    let add = Command::Add(ProjectName::default(), JobSettings::new(id("b")));
    let actions = handle(&mut engine, add.into(), now);

    assert!(matches!(&actions[..], [Action::Poll(poll)] if poll.job == id("b")), "{actions:?}");
}

#[test]
fn ticket_of_a_change_waits_for_the_batch_after_the_present_one() {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let mut engine = committing(now);

    handle(&mut engine, Command::Pause(ProjectName::default()).into(), now);
    let actions = handle(&mut engine, Command::Commit.into(), now);
    let ticket = engine.commit_ticket();
    assert_eq!(actions, [], "one batch at a time");

    let actions = handle(&mut engine, Input::Committed, now);
    assert!(matches!(&actions[..], [Action::Commit(_)]), "{actions:?}");
    assert!(!engine.is_committed(ticket));

    handle(&mut engine, Input::Committed, now);
    assert!(engine.is_committed(ticket));
}

#[test]
fn retry_after_of_a_job_outlasts_a_suspension() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    let poll = stage.poll();
    let asked = Some(RetryAfter::For(seconds(600)));
    stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Transient) });
    let failed = stage.now.instant;
    stage.pass(seconds(60));
    stage.step(Input::Suspended(seconds(30)));
    stage.poll();
    assert!(stage.now.instant.since(failed) >= seconds(600), "{:?}", stage.now.instant.since(failed));
}

#[test]
fn reload_starts_added_jobs_and_delivers_for_removed_ones() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    stage.answer("Pending");
    let late = stage.poll();
    assert_eq!(late.job, id("b"));
    let delivery = stage.deliveries.pop_front().unwrap();
    let changed = stage.reload(&[project(&["b", "c"])], vec![everything()]);
    assert_eq!(changed, Reconfigured { added: vec![id("c")], removed: vec![id("a")] });
    assert_eq!(stage.polls.pop_front().unwrap().job, id("c"), "at once");
    stage.step(Input::Delivered(delivery.id.clone()));
    assert!(stage.disk.delivered().contains(&delivery.id));
    stage.kinds();
    stage.answer_with(late, "Completed", JobFacts::default());
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed], "it survived");
    stage.fail_for(FailureClass::Transient, seconds(120));
    assert_eq!(stage.watched(), ["b", "c"]);
}

#[test]
fn answer_to_an_earlier_watch_of_a_job_is_ignored() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    let late = stage.poll();
    stage.reload(&[project(&["b"])], vec![everything()]);
    stage.reload(&[project(&["a", "b"])], vec![everything()]);
    stage.answer_with(late, "Completed", JobFacts::default());
    assert_eq!(stage.kinds(), []);
    let polls: Vec<_> = stage.polls.iter().map(|poll| poll.job.as_str().to_owned()).collect();
    assert_eq!(polls, ["b", "a"]);
}

#[test]
fn job_that_comes_back_repeats_no_event() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    stage.answer("Completed");
    stage.reload(&[project(&["b"])], vec![everything()]);
    stage.reload(&[project(&["a", "b"])], vec![everything()]);
    assert_eq!(stage.engine.outcomes(), [Outcome::Completed, Outcome::Open]);
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed]);
    // The same for a whole project and the state of its key.
    for _ in 0..2 {
        stage.fail(FailureClass::Unauthorized);
    }
    assert_eq!(stage.kinds(), [EventKind::ProjectUnauthorized]);
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    stage.reload(&[other], vec![everything()]);
    stage.reload(&[project(&["a", "b"])], vec![everything()]);
    assert_eq!(stage.engine.outcomes(), [Outcome::Completed, Outcome::Unauthorized]);
    stage.polls.clear();
    stage.fail_for(FailureClass::Unauthorized, seconds(100));
    assert_eq!(stage.kinds(), []);
}

#[test]
fn reload_tries_a_refused_key_at_once() {
    let mut stage = Stage::new(&[project(&["a", "b", "c"])], Vec::new());
    while stage.kinds().is_empty() {
        stage.fail(FailureClass::Unauthorized);
    }
    stage.polls.clear();
    stage.reload(&[project(&["a", "b", "c"])], Vec::new());
    assert_eq!(stage.polls.len(), 1, "one job tries it for all");
    stage.answer("Pending");
    assert!(stage.kinds().starts_with(&[EventKind::ProjectRecovered]));
}

#[test]
fn reload_applies_new_settings_to_watched_jobs() {
    let mut settings = project(&["a"]);
    settings.cadence.max_interval = seconds(3600);
    let mut stage = Stage::new(&[settings.clone()], Vec::new());
    stage.pass(seconds(36000));
    stage.answer("Pending");
    stage.pass(seconds(10));
    stage.kinds();
    settings.cadence.max_interval = seconds(5);
    settings.watch = WatchSettings { unreachable_after: seconds(20), ..settings.watch };
    settings.jobs[0].deadline = Some(seconds(1));
    stage.reload(&[settings.clone()], Vec::new());
    assert_eq!(stage.kinds(), [EventKind::Overdue]);
    settings.jobs[0].deadline = Some(seconds(36100));
    stage.reload(&[settings], Vec::new());
    assert!(stage.next() <= seconds(5));
    stage.fail_for(FailureClass::Transient, seconds(30));
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    stage.fail_for(FailureClass::Transient, seconds(60));
    assert_eq!(stage.kinds(), [EventKind::Overdue], "the later deadline is one of its own");
}

#[test]
fn reloads_give_no_further_requests() {
    let jobs: Vec<_> = (0..50).map(|n| format!("job-{n}")).collect();
    let mut settings = project(&jobs.iter().map(String::as_str).collect::<Vec<_>>());
    let mut stage = Stage::new(&[settings.clone()], Vec::new());
    for rate in [2.0, 1.0, 2.0, 0.5, 2.0] {
        settings.api.requests_per_second = Rate::new(rate).unwrap();
        stage.reload(&[settings.clone()], Vec::new());
    }
    assert_eq!((stage.polls.len(), stage.lists.len()), (3, 1), "one burst");
}

#[test]
fn deliveries_wait_for_a_sink_that_is_not_configured() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything(), sink("two")]);
    stage.answer("Pending");
    let [first, second] = [stage.deliveries.pop_front().unwrap(), stage.deliveries.pop_front().unwrap()];
    stage.step(Input::Delivered(first.id));
    stage.reload(&projects, vec![everything()]);
    let missing = Diagnostic::SinkMissing { sink: SinkName::new("two"), pending: 1 };
    assert_eq!(stage.diagnostics, [missing]);
    assert!(stage.engine.deliveries().is_settled(), "only configured sinks count");
    let transient = failure(FailureClass::Transient);
    stage.step(Input::DeliveryFailed { id: second.id.clone(), failure: transient.clone() });
    assert_eq!(stage.engine.deliveries().pending_of(&ProjectName::default(), &id("a")), 1);
    stage.pass(seconds(3600));
    stage.step(Input::Timeout);
    assert!(stage.deliveries.is_empty());
    stage.reload(&projects, vec![everything(), sink("two")]);
    let again = stage.deliveries.pop_front().unwrap();
    assert_eq!((&again.id, again.attempt), (&second.id, 2));
    // An attempt under way when its sink is removed still counts.
    stage.reload(&projects, vec![everything()]);
    stage.step(Input::Delivered(again.id.clone()));
    assert!(stage.disk.delivered().contains(&again.id));
    stage.reload(&projects, vec![everything(), sink("two")]);
    assert!(stage.deliveries.is_empty());
}

#[test]
fn changed_sink_is_attempted_at_once() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Pending");
    for _ in 0..3 {
        let delivery = stage.deliveries.pop_front().unwrap();
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
        while stage.deliveries.is_empty() {
            stage.next();
        }
    }
    let delivery = stage.deliveries.pop_front().unwrap();
    stage.step(Input::DeliveryFailed { id: delivery.id.clone(), failure: failure(FailureClass::Transient) });
    stage.reload(&projects, vec![everything()]);
    assert!(stage.deliveries.is_empty(), "nothing changed");
    stage.reload(&projects, vec![SinkPlan { fingerprint: 2, ..everything() }]);
    assert_eq!(stage.deliveries.pop_front().unwrap().id, delivery.id);
}

#[test]
fn added_jobs_outlive_restarts_and_reloads_until_forgotten() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    assert_eq!(stage.add("b"), CommandReply::Done);
    let named = JobSettings { name: Some("nightly".to_owned()), ..JobSettings::new(id("b")) };
    stage.command(Command::Add(ProjectName::default(), named));
    assert_eq!(stage.add("b"), CommandReply::Unchanged);
    assert_eq!(
        stage.disk.job("b").added.as_ref().unwrap().name.as_deref(),
        Some("nightly"),
        "as said before"
    );
    assert_eq!(
        stage.command(Command::Add(ProjectName::new("none"), JobSettings::new(id("c")))),
        CommandReply::UnknownProject
    );
    stage = Stage::on(stage.disk, &projects, vec![everything()], stage.now);
    assert_eq!(stage.watched(), ["a", "b"]);
    stage.reload(&projects, vec![everything()]);
    assert_eq!(stage.watched(), ["a", "b"]);
    // The configuration names it for a while.
    stage.reload(&[project(&["a", "b"])], vec![everything()]);
    assert_eq!(stage.forget("a"), CommandReply::Configured);
    stage.reload(&projects, vec![everything()]);
    assert_eq!(stage.watched(), ["a", "b"]);
    stage = Stage::on(stage.disk, &projects, vec![everything()], stage.now);
    assert_eq!((stage.forget("b"), stage.forget("b")), (CommandReply::Done, CommandReply::UnknownJob));
    assert_eq!(stage.watched(), ["a"]);
    assert!(!stage.disk.has_job("b"));
    // It is forgotten and added again before that is committed.
    stage.add("b");
    stage.command(Command::Forget(ProjectName::default(), id("b")));
    stage.add("b");
    assert!(stage.disk.has_job("b"));
}

#[test]
fn added_jobs_of_a_removed_project_are_reported() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.add("b");
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    stage.reload(&[other], Vec::new());
    assert_eq!(stage.diagnostics, [Diagnostic::ProjectMissing { project: ProjectName::default(), jobs: 1 }]);
    stage.reload(&[project(&["a"])], Vec::new());
    assert_eq!(stage.watched(), ["a", "b"]);
}

#[test]
fn added_jobs_are_deleted_once_their_end_is_old() {
    let mut stage = Stage::new(&[project(&["a"])], vec![everything()]);
    stage.add("b");
    stage.answer("Completed");
    stage.answer("Completed");
    stage.add("c");
    for _ in 0..40 {
        stage.pass(seconds(24 * 3600));
        stage.answer("Pending");
    }
    assert_eq!(stage.watched(), ["a", "c"], "what the configuration names stays");
    assert!(!stage.disk.has_job("b"));
}

#[test]
fn paused_project_gets_no_requests_and_emits_nothing() {
    let mut settings = project(&["a", "b"]);
    settings.watch = WatchSettings { unreachable_after: seconds(30), ..settings.watch };
    let projects = [settings];
    let mut stage = Stage::new(&projects, Vec::new());
    stage.fail(FailureClass::Transient);
    let name = ProjectName::default();
    assert_eq!(stage.command(Command::Pause(name.clone())), CommandReply::Done);
    assert_eq!(stage.command(Command::Pause(name.clone())), CommandReply::Unchanged);
    stage.commit();
    stage.answer("Pending");
    stage.polls.clear();
    stage = Stage::on(stage.disk, &projects, Vec::new(), stage.now);
    stage.pass(seconds(3600));
    stage.step(Input::Timeout);
    assert!(stage.polls.is_empty() && stage.kinds().is_empty());
    assert!(stage.engine.polls().forecast().is_empty() && stage.engine.jobs().all(|job| job.is_paused));
    assert_eq!(stage.command(Command::Resume(name.clone())), CommandReply::Done);
    assert_eq!(stage.command(Command::Resume(name.clone())), CommandReply::Unchanged);
    stage.commit();
    assert_eq!(stage.polls.len(), 2, "all jobs are polled");
    stage.fail(FailureClass::Transient);
    stage.fail(FailureClass::Transient);
    assert_eq!(stage.kinds(), []);
    assert_eq!(stage.command(Command::Resume(ProjectName::new("none"))), CommandReply::UnknownProject);
}

#[test]
fn suspension_is_followed_by_one_spread_out_round() {
    let jobs: Vec<_> = (0..40).map(|n| format!("job-{n:02}")).collect();
    let mut settings = project(&jobs.iter().map(String::as_str).collect::<Vec<_>>());
    settings.api.requests_per_second = Rate::new(1000.0).unwrap();
    settings.api.burst = std::num::NonZeroU32::new(1000).unwrap();
    settings.jobs[0].deadline = Some(seconds(3600));
    let mut stage = Stage::new(&[settings], Vec::new());
    for _ in 0..20 {
        stage.answer("Pending");
    }
    for _ in 20..40 {
        stage.fail(FailureClass::Transient);
    }
    stage.kinds();
    stage.polls.clear();
    stage.pass(seconds(5 * 3600));
    stage.step(Input::Suspended(seconds(5 * 3600)));
    assert!(stage.polls.len() <= 4, "{}", stage.polls.len());
    assert_eq!(stage.kinds(), [EventKind::Overdue], "time did pass");
    let mut polled = std::collections::BTreeSet::new();
    let start = stage.now.instant;
    while stage.now.instant.since(start) < seconds(10) {
        stage.next();
        let polls: Vec<_> = stage.polls.drain(..).collect();
        polled.extend(polls.iter().map(|poll| poll.job.clone()));
        for poll in polls {
            stage.answer_with(poll, "Pending", JobFacts::default());
        }
    }
    assert_eq!(polled.len(), 40);
    assert!(stage.kinds().iter().all(|kind| *kind == EventKind::Watched));
}

#[test]
fn answer_of_a_replaced_receiver_is_ignored() {
    let projects = [project(&["a", "b"])];
    for class in [FailureClass::Gone, FailureClass::Permanent, FailureClass::Throttled] {
        let mut stage = Stage::new(&projects, vec![everything()]);
        stage.answer("Pending");
        let delivery = stage.deliveries.pop_front().unwrap();
        stage.reload(&projects, vec![SinkPlan { fingerprint: 2, ..everything() }]);
        let retry_after = Some(RetryAfter::For(seconds(3600)));
        let failure = Failure { class, retry_after, message: "from elsewhere".to_owned() };
        stage.step(Input::DeliveryFailed { id: delivery.id.clone(), failure });
        let again = stage.deliveries.pop_front().expect("it is tried at once");
        assert_eq!(again.id, delivery.id, "{class:?}");
        stage.answer("Pending");
        assert_eq!(stage.deliveries.len(), 1, "{class:?}: nothing else is held up");
        assert!(stage.engine.sinks().all(|sink| sink.disabled.is_none()));
    }
}

#[test]
fn moved_deadline_holds_in_the_next_process() {
    let mut settings = project(&["a"]);
    settings.jobs[0].deadline = Some(seconds(10));
    let mut stage = Stage::new(&[settings.clone()], Vec::new());
    stage.answer("Pending");
    stage.fail_for(FailureClass::Transient, seconds(20));
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Overdue]);
    stage = Stage::on(stage.disk, &[settings.clone()], Vec::new(), stage.now);
    stage.fail_for(FailureClass::Transient, seconds(20));
    assert_eq!(stage.kinds(), []);
    settings.jobs[0].deadline = Some(seconds(60));
    stage = Stage::on(stage.disk, &[settings], Vec::new(), stage.now);
    stage.fail_for(FailureClass::Transient, seconds(60));
    assert_eq!(stage.kinds(), [EventKind::Overdue]);
}

#[test]
fn jobs_of_a_removed_project_are_kept_until_forgotten() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.add("b");
    stage.add("c");
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    stage.reload(&[other], Vec::new());
    assert_eq!(stage.engine.holder(&id("b"), None), Some(&ProjectName::default()));
    assert_eq!(stage.forget("b"), CommandReply::Done);
    assert_eq!(stage.engine.holder(&id("b"), None), None);
    for _ in 0..40 {
        stage.pass(seconds(24 * 3600));
        stage.answer("Pending");
    }
    assert!(stage.disk.has_job("c") && !stage.disk.has_job("a"));
}

#[test]
fn refusal_of_the_old_key_does_not_count_for_the_new_one() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    while stage.kinds().is_empty() {
        stage.fail(FailureClass::Unauthorized);
    }
    let late = stage.poll();
    stage.pass(seconds(1));
    stage.reload(&[project(&["a", "b"])], Vec::new());
    stage.fail_poll(late, failure(FailureClass::Unauthorized));
    let start = stage.now.instant;
    stage.answer("Pending");
    assert!(stage.now.instant.since(start) <= seconds(1), "the new key is tried at once");
    // A project without open jobs stays unauthorized quietly.
    stage.reload(&[project(&[])], Vec::new());
    assert!(stage.engine.projects().all(|project| project.open == 0));
}

#[test]
fn project_that_comes_back_keeps_its_rate() {
    let jobs: Vec<_> = (0..50).map(|n| format!("job-{n}")).collect();
    let settings = project(&jobs.iter().map(String::as_str).collect::<Vec<_>>());
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    let mut stage = Stage::new(std::slice::from_ref(&settings), Vec::new());
    stage.reload(&[other], Vec::new());
    stage.reload(&[settings], Vec::new());
    let polls = stage.polls.iter().filter(|poll| poll.project == ProjectName::default()).count();
    assert_eq!((polls, stage.lists.len()), (3, 1), "one burst");
}
