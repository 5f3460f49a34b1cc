//! A process that ends, and the next one, which continues from its state.

use super::*;
use crate::config::WatchSettings;

impl Stage {
    /// Kills the process and starts another one so much later, with these settings.
    pub(super) fn restart(&mut self, down: Duration, projects: &[ProjectSettings], sinks: Vec<SinkPlan>) {
        self.restart_under(self.now.wall + down, down, projects, sinks);
    }

    /// The same under another wall clock.
    pub(super) fn restart_under(
        &mut self,
        wall: Timestamp,
        down: Duration,
        projects: &[ProjectSettings],
        sinks: Vec<SinkPlan>,
    ) {
        let now = Now { instant: Instant::default(), wall };
        let server = self.server + down;
        *self = Self { server, is_dated: self.is_dated, ..Self::on(self.disk.clone(), projects, sinks, now) };
    }
}

#[test]
fn ended_job_is_not_polled_and_repeats_no_event() {
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Completed");
    stage.answer("Pending");
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed, EventKind::Watched]);
    while let Some(delivery) = stage.deliveries.pop_front() {
        stage.step(Input::Delivered(delivery.id));
    }
    stage.restart(seconds(60), &projects, vec![everything()]);
    assert_eq!(stage.poll().job, id("b"), "the other one is polled");
    assert!(stage.polls.is_empty() && stage.deliveries.is_empty());
    let outcomes = stage.engine.outcomes();
    assert_eq!(outcomes, [Outcome::Completed, Outcome::Open]);
    stage.restart(seconds(60), &projects, vec![everything()]);
    stage.answer("Failed");
    assert_eq!(stage.kinds(), [EventKind::Failed], "it was seen before");
}

#[test]
fn pending_delivery_keeps_its_attempts_and_due_time() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Pending");
    for attempt in 1..=2 {
        let delivery = stage.deliveries.pop_front().unwrap();
        assert_eq!(delivery.attempt, attempt);
        stage.step(Input::DeliveryFailed { id: delivery.id, failure: failure(FailureClass::Transient) });
        stage.pass(seconds(6));
        stage.step(Input::Timeout);
    }
    assert!(stage.deliveries.is_empty(), "the third attempt is minutes away");
    let due = stage.disk.load().deliveries[0].due;
    stage.restart(seconds(20), &projects, vec![everything()]);
    assert!(stage.deliveries.is_empty());
    while stage.deliveries.is_empty() {
        stage.next();
    }
    assert_eq!(stage.deliveries[0].attempt, 3);
    assert!(stage.now.wall.duration_since(due).as_secs().abs() <= 1, "{} {due}", stage.now.wall);
}

#[test]
fn delivery_in_flight_is_repeated_under_the_same_id() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Pending");
    let first = stage.deliveries.pop_front().unwrap();
    stage.restart(seconds(1), &projects, vec![everything()]);
    assert_eq!(stage.deliveries.pop_front().unwrap(), first);
}

#[test]
fn next_delivery_of_a_job_waits_for_the_commit_of_the_last() {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let mut engine =
        Engine::from_snapshot(plan(&[project(&["a"])], vec![everything()]), Snapshot::default(), 7, now);
    let mut step = |input| handle(&mut engine, input, now);
    step(Input::Timeout);
    let poll = PollId { project: ProjectName::default(), job: id("a"), generation: 1 };
    let observation = Observation { id: id("a"), status: Status::Completed, facts: JobFacts::default() };
    step(Input::Committed);
    step(Input::PollAnswered { poll, answer: Answer::Job(observation) });
    let deliver = step(Input::Committed);
    let [Action::Deliver(first)] = &deliver[..] else { panic!("{deliver:?}") };
    let mark = step(Input::Delivered(first.id.clone()));
    assert!(
        matches!(&mark[..], [Action::Commit(batch)] if batch.deliveries[0].change == DeliveryChange::Delivered)
    );
    let next = step(Input::Committed);
    assert!(matches!(&next[..], [Action::Deliver(second)] if second.id != first.id), "{next:?}");
}

#[test]
fn age_backoff_and_failures_continue() {
    let mut settings = project(&["a"]);
    settings.watch = WatchSettings { unreachable_after: seconds(600), ..settings.watch };
    settings.jobs[0].deadline = Some(seconds(7200));
    let projects = [settings];
    let mut stage = Stage::new(&projects, Vec::new());
    stage.answer("Pending");
    stage.fail_for(FailureClass::Transient, seconds(500));
    stage.kinds();
    let snapshot = stage.disk.job("a").clone();
    assert!(snapshot.failures > 5 && snapshot.last_error.is_some(), "{snapshot:?}");
    // Two hours without a process do not count as failures, but the job is older by them.
    stage.restart(seconds(7200), &projects, Vec::new());
    assert_eq!(stage.kinds(), [], "not by the clock of this machine alone");
    stage.fail_for(FailureClass::Transient, seconds(50));
    assert_eq!(stage.kinds(), []);
    stage.fail_for(FailureClass::Transient, seconds(120));
    assert_eq!(stage.kinds(), [EventKind::Unreachable]);
    stage.restart(seconds(10), &projects, Vec::new());
    stage.fail_for(FailureClass::Transient, seconds(900));
    assert_eq!(stage.kinds(), [], "that was emitted before");
    stage.answer("Pending");
    assert_eq!(stage.kinds(), [EventKind::Recovered, EventKind::Overdue]);
    let view = stage.engine.jobs().next().unwrap();
    assert!(view.tracker.age(stage.now.instant) >= seconds(8700));
}

#[test]
fn refused_key_is_emitted_once_and_tried_after_a_restart() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, Vec::new());
    stage.fail(FailureClass::Unauthorized);
    stage.fail(FailureClass::Unauthorized);
    assert_eq!(stage.kinds(), [EventKind::ProjectUnauthorized]);
    stage.restart(seconds(3600), &projects, Vec::new());
    stage.fail(FailureClass::Unauthorized);
    assert_eq!(stage.kinds(), []);
    stage.restart(seconds(1), &projects, Vec::new());
    stage.answer("Pending");
    assert_eq!(stage.kinds(), [EventKind::ProjectRecovered, EventKind::Watched]);
}

#[test]
fn retry_after_of_the_api_outlasts_a_restart() {
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, Vec::new());
    let poll = stage.poll();
    let asked = Some(retry::RetryAfter::For(seconds(600)));
    stage.fail_poll(poll, Failure { retry_after: asked, ..failure(FailureClass::Throttled) });
    stage.step(Input::Command(Command::Stop));
    stage.restart(seconds(60), &projects, Vec::new());
    assert!(stage.polls.is_empty());
    let mut waited = Duration::ZERO;
    while stage.polls.is_empty() {
        waited += stage.next();
    }
    assert!((535..=541).contains(&waited.as_secs()), "{waited:?}");
}

#[test]
fn archived_jobs_are_kept_for_the_configured_time() {
    let mut stage = Stage::new(&[project(&["a", "b"])], Vec::new());
    stage.answer("Completed");
    stage.restart(seconds(29 * 24 * 3600), &[project(&["b"])], Vec::new());
    assert!(stage.disk.has_job("a"));
    stage.restart(seconds(2 * 24 * 3600), &[project(&["a", "b"])], Vec::new());
    assert_eq!(stage.engine.outcomes(), [Outcome::Completed, Outcome::Open], "it is still known");
    stage.restart(seconds(31 * 24 * 3600), &[project(&["b"])], Vec::new());
    assert!(stage.disk.has_job("a"), "nothing is deleted on the word of this machine's clock at a start");
    let undated = stage.disk.clone();
    stage.step(Input::ServerTime { project: ProjectName::default(), time: stage.now.wall });
    stage.answer("Pending");
    stage.next();
    assert!(!stage.disk.has_job("a"), "the server says that it is as late");
    let mut stage = Stage::on(undated, &[project(&["b"])], Vec::new(), stage.now);
    for _ in 0..61 {
        stage.answer("Pending");
        stage.pass(seconds(60));
    }
    assert!(!stage.disk.has_job("a"), "nor does a server say so for an hour");
    assert!(stage.disk.has_job("b"), "what is watched is kept, however old");
}

#[test]
fn gone_sink_is_disabled_until_its_settings_change() {
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, vec![everything(), sink("two")]);
    stage.answer("Completed");
    let gone = stage.deliveries.iter().find(|delivery| delivery.id.sink.as_str() == "one").unwrap().clone();
    stage.step(Input::DeliveryFailed { id: gone.id, failure: failure(FailureClass::Gone) });
    let disabled = |note: &Diagnostic| matches!(note, Diagnostic::SinkDisabled { dead_letters: 2, .. });
    assert!(stage.diagnostics.iter().any(disabled), "{:?}", stage.diagnostics);
    stage.deliveries.clear();
    stage.answer("Failed");
    assert!(stage.deliveries.iter().all(|delivery| delivery.id.sink.as_str() == "two"));
    let dead = |stage: &Stage| {
        let dead = |(record, state): &&(snapshot::DeliveryRecord, DeliveryChange)| {
            *state == DeliveryChange::Dead && record.id.sink.as_str() == "one"
        };
        stage.disk.deliveries.iter().filter(dead).count()
    };
    assert_eq!(dead(&stage), 4, "each is a dead letter");

    // It stays disabled under the same settings. Others enable it; dead letters stay dead.
    stage.restart(seconds(1), &projects, vec![everything(), sink("two")]);
    assert!(
        stage.diagnostics.iter().any(|note| matches!(note, Diagnostic::SinkDisabled { dead_letters: 0, .. }))
    );
    assert!(stage.deliveries.iter().all(|delivery| delivery.id.sink.as_str() == "two"));
    let changed = SinkPlan { fingerprint: 2, ..everything() };
    stage.restart(seconds(1), &projects, vec![changed, sink("two")]);
    assert!(matches!(stage.diagnostics[..], [Diagnostic::SinkEnabled { .. }]), "{:?}", stage.diagnostics);
    assert_eq!((stage.disk.sink("one").disabled.as_ref(), dead(&stage)), (None, 4));
}

#[test]
fn a_former_fingerprint_keeps_a_sink_disabled_once() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Completed");
    let id = stage.deliveries.pop_front().unwrap().id;
    stage.step(Input::DeliveryFailed { id, failure: failure(FailureClass::Gone) });
    let is_disabled = |stage: &Stage| stage.disk.sink("one").disabled.is_some();

    let upgraded = SinkPlan { fingerprint: 2, former_fingerprint: Some(1), ..everything() };
    stage.restart(seconds(1), &projects, vec![upgraded]);
    stage.step(Input::Timeout);
    assert_eq!((is_disabled(&stage), stage.disk.sink("one").fingerprint), (true, 2));

    let moved = SinkPlan { fingerprint: 2, former_fingerprint: Some(3), ..everything() };
    stage.restart(seconds(1), &projects, vec![moved]);
    assert!(is_disabled(&stage), "the former one is not asked for again");
    let changed = SinkPlan { fingerprint: 4, former_fingerprint: Some(1), ..everything() };
    stage.restart(seconds(1), &projects, vec![changed]);
    assert!(!is_disabled(&stage));
}

#[test]
fn retry_after_of_a_receiver_outlasts_a_restart() {
    let projects = [project(&["a", "b"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Completed");
    let delivery = stage.deliveries.pop_front().unwrap();
    let asked = Some(retry::RetryAfter::For(seconds(3600)));
    let failed = Failure { retry_after: asked, ..failure(FailureClass::Throttled) };
    stage.step(Input::DeliveryFailed { id: delivery.id, failure: failed });
    stage.restart(seconds(600), &projects, vec![everything()]);
    stage.answer("Completed");
    stage.pass(seconds(2990));
    stage.step(Input::Timeout);
    assert!(stage.deliveries.is_empty());
    stage.pass(seconds(10));
    stage.step(Input::Timeout);
    assert_eq!(stage.deliveries.len(), 2);
}

#[test]
fn deliveries_of_a_removed_sink_stay_pending() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Completed");
    stage.restart(seconds(1), &projects, vec![sink("two")]);
    assert!(
        matches!(stage.diagnostics[..], [Diagnostic::SinkMissing { pending: 2, .. }]),
        "{:?}",
        stage.diagnostics
    );
    assert!(stage.deliveries.is_empty() && stage.engine.deliveries().is_settled());
    stage.restart(seconds(1), &projects, vec![everything()]);
    assert_eq!(stage.deliveries.len(), 1);
    assert_eq!(stage.engine.deliveries().pending(), 2);
}

#[test]
fn expired_delivery_is_dropped_and_reported() {
    let policy = DeliveryPolicy { expires_after: Some(seconds(3600)), ..everything().policy };
    let desktop = || SinkPlan { policy: policy.clone(), ..everything() };
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![desktop()]);
    stage.answer("Completed");
    stage.restart(seconds(3590), &projects, vec![desktop()]);
    assert_eq!(stage.deliveries.len(), 1, "not yet");
    stage.restart(seconds(20), &projects, vec![desktop()]);
    assert!(stage.deliveries.is_empty() && stage.engine.deliveries().is_settled());
    assert!(matches!(
        stage.diagnostics[..],
        [Diagnostic::DeliveryExpired { .. }, Diagnostic::DeliveryExpired { .. }]
    ));
    assert!(stage.disk.deliveries.iter().all(|(_, state)| *state == DeliveryChange::Dropped));
}

/// What is in the batches that are committed from this input on: their jobs by project and id.
fn batches_after(input: Input) -> Vec<Vec<(String, String)>> {
    let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
    let projects = ["one", "two"]
        .map(|name| ProjectSettings { name: ProjectName::new(name), ..project(&["a", "b", "c", "d"]) });
    let mut engine = Engine::from_snapshot(plan(&projects, Vec::new()), Snapshot::default(), 7, now);
    let mut batches = Vec::new();
    let mut actions = handle(&mut engine, input, now);
    while let Some(Action::Commit(batch)) = actions.iter().find(|action| matches!(action, Action::Commit(_)))
    {
        let name = |job: &snapshot::JobRecord| (job.project.to_string(), job.id.to_string());
        batches.push(batch.jobs.iter().map(name).collect());
        actions = handle(&mut engine, Input::Committed, now);
    }
    batches
}

#[test]
fn many_changed_jobs_are_committed_in_several_batches() {
    let of = |project: &str| ["a", "b", "c", "d"].map(|job| (project.to_owned(), job.to_owned()));

    assert_eq!(batches_after(Input::Timeout), [of("one"), of("two")]);
    let all = [of("one"), of("two")].concat();
    assert_eq!(batches_after(Input::Command(Command::Commit)), [all], "a request waits for one batch");
}

#[test]
fn edits_of_the_state_are_applied() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Completed");
    let watched = stage.deliveries.pop_front().unwrap();
    let failed = Input::DeliveryFailed { id: watched.id.clone(), failure: failure(FailureClass::Transient) };
    stage.step(failed);
    let end = stage.deliveries.pop_front().unwrap();
    // A waiting one is attempted at once; one under way does not begin twice.
    let record = |stage: &Stage, id: &DeliveryId| {
        stage.disk.deliveries.iter().find(|(record, _)| record.id == *id).unwrap().0.clone()
    };
    let edit = Edit::Retry(record(&stage, &end.id));
    stage.step(Input::DeliveriesEdited(vec![edit]));
    assert!(stage.deliveries.is_empty());
    stage.step(Input::Delivered(end.id.clone()));
    stage.deliveries.clear();
    // A dead letter becomes pending.
    let failed =
        |id: &DeliveryId| Input::DeliveryFailed { id: id.clone(), failure: failure(FailureClass::Permanent) };
    stage.restart(seconds(1), &projects, vec![everything()]);
    stage.pass(seconds(600));
    stage.step(Input::Timeout);
    stage.deliveries.clear();
    stage.step(failed(&watched.id));
    assert!(stage.engine.deliveries().is_settled());
    let edit = Edit::Retry(snapshot::DeliveryRecord { attempts: 0, ..record(&stage, &watched.id) });
    stage.step(Input::DeliveriesEdited(vec![edit]));
    assert_eq!(
        stage.deliveries.pop_front().map(|delivery| (delivery.id, delivery.attempt)),
        Some((watched.id.clone(), 1))
    );
    // A dropped one is not attempted again, and the end of its attempt does not count.
    let edit = Edit::Drop(record(&stage, &watched.id));
    stage.step(Input::DeliveriesEdited(vec![edit]));
    stage.step(failed(&watched.id));
    assert!(stage.engine.deliveries().is_settled());
}

#[test]
fn retry_of_a_delivered_event_before_its_commit_is_ignored() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    stage.answer("Pending");
    let pending = stage.disk.load();
    let [record] = &pending.deliveries[..] else { panic!("{pending:?}") };
    let edit = Input::DeliveriesEdited(vec![Edit::Retry(record.clone())]);
    let mut engine =
        Engine::from_snapshot(plan(&projects, vec![everything()]), pending.clone(), 7, stage.now);
    let mut step = |input| handle(&mut engine, input, stage.now);
    step(Input::Timeout);
    step(Input::Committed);
    let mark = step(Input::Delivered(record.id.clone()));
    assert!(matches!(mark[..], [Action::Commit(_)]), "{mark:?}");
    // In the state it is pending until the commit ends.
    let again = [step(edit), step(Input::Committed)].concat();
    assert!(!again.iter().any(|action| matches!(action, Action::Deliver(_))), "{again:?}");
}
