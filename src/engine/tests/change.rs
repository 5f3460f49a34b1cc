//! What people change while the engine runs.

use super::*;
use crate::config::{Rate, WatchSettings};
use crate::engine::retry::RetryAfter;

impl Stage {
    fn reload(&mut self, projects: &[ProjectSettings], sinks: Vec<SinkPlan>) -> Reconfigured {
        let changed = self.engine.reconfigure(plan(projects, sinks), self.now);
        self.step(Input::TimeoutReached);
        changed
    }

    fn add(&mut self, job: &str) -> Option<AddResult> {
        let added = self.engine.add(&ProjectName::default(), JobSettings::new(id(job)), self.now);
        self.saves();
        added
    }

    fn forget(&mut self, job: &str) -> Forgotten {
        let forgotten = self.engine.forget(&ProjectName::default(), &id(job), self.now);
        self.saves();
        forgotten
    }

    /// What changed is safe as soon as it was promised.
    fn saves(&mut self) {
        let promised = self.engine.promise(self.now);
        self.step(Input::TimeoutReached);
        assert!(self.engine.committed_batches() >= promised);
    }

    fn watched(&self) -> Vec<&str> {
        self.engine.jobs().map(|job| job.tracker.settings().id.as_str()).collect()
    }
}

#[test]
fn a_job_is_left_alone_as_long_as_the_server_asked_although_the_machine_slept() {
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
fn added_jobs_start_and_removed_ones_are_left_but_what_is_owed_for_them_goes_on() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    stage.answer("Pending");
    let late = stage.poll();
    assert_eq!(late.job, id("b"));
    let delivery = stage.deliveries.pop_front().unwrap();
    let changed = stage.reload(&[project(&["b", "c"])], vec![everything()]);
    assert_eq!(changed, Reconfigured { added: vec![id("c")], removed: vec![id("a")] });
    assert_eq!(stage.polls.pop_front().unwrap().job, id("c"), "at once");
    stage.step(Input::Delivered(delivery.id.clone()));
    assert!(stage.disk.marked().contains(&delivery.id));
    stage.kinds();
    stage.answer_with(late, "Completed", JobFacts::default());
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed], "it survived");
    stage.fail_for(FailureClass::Transient, seconds(120));
    assert_eq!(stage.watched(), ["b", "c"]);
}

#[test]
fn a_late_answer_to_a_job_that_went_and_came_back_is_no_answer_to_its_new_poll() {
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
fn what_was_told_of_a_job_is_not_told_again_when_it_comes_back() {
    let mut stage = Stage::new(&[project(&["a", "b"])], vec![everything()]);
    stage.answer("Completed");
    stage.reload(&[project(&["b"])], vec![everything()]);
    stage.reload(&[project(&["a", "b"])], vec![everything()]);
    assert_eq!(stage.engine.outcomes(), [Outcome::Completed, Outcome::Open]);
    assert_eq!(stage.kinds(), [EventKind::Watched, EventKind::Completed]);
    // A whole project, with what is known of its key.
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
fn a_key_that_was_refused_is_tried_at_once_after_a_reload() {
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
fn new_settings_hold_for_what_is_watched() {
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
    assert_eq!(stage.polls.len(), 4, "one burst");
}

#[test]
fn owed_to_a_sink_that_goes_and_comes_back() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything(), sink("two")]);
    stage.answer("Pending");
    let [first, second] = [stage.deliveries.pop_front().unwrap(), stage.deliveries.pop_front().unwrap()];
    stage.step(Input::Delivered(first.id));
    stage.reload(&projects, vec![everything()]);
    let missing = Diagnostic::SinkMissing { sink: SinkName::new("two"), pending: 1 };
    assert_eq!(stage.diagnostics, [missing]);
    assert!(stage.engine.is_settled(), "nobody is waited for who is not there");
    let transient = failure(FailureClass::Transient);
    stage.step(Input::DeliveryFailed { id: second.id.clone(), failure: transient.clone() });
    assert_eq!(stage.engine.pending_by_job().values().sum::<usize>(), 1);
    stage.pass(seconds(3600));
    stage.step(Input::TimeoutReached);
    assert!(stage.deliveries.is_empty());
    stage.reload(&projects, vec![everything(), sink("two")]);
    let again = stage.deliveries.pop_front().unwrap();
    assert_eq!((&again.id, again.attempt), (&second.id, 2));
    // What is under way when its sink goes may still be made, and counts.
    stage.reload(&projects, vec![everything()]);
    stage.step(Input::Delivered(again.id.clone()));
    assert!(stage.disk.marked().contains(&again.id));
    stage.reload(&projects, vec![everything(), sink("two")]);
    assert!(stage.deliveries.is_empty());
}

#[test]
fn a_sink_that_was_mended_is_tried_at_once() {
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
fn added_jobs_outlive_restarts_and_reloads_until_they_are_forgotten() {
    let projects = [project(&["a"])];
    let mut stage = Stage::new(&projects, vec![everything()]);
    assert_eq!(stage.add("b"), Some(AddResult::New));
    let named = JobSettings { name: Some("nightly".to_owned()), ..JobSettings::new(id("b")) };
    stage.engine.add(&ProjectName::default(), named, stage.now);
    assert_eq!(stage.add("b"), Some(AddResult::Known));
    assert_eq!(
        stage.disk.job("b").added.as_ref().unwrap().name.as_deref(),
        Some("nightly"),
        "as said before"
    );
    assert_eq!(stage.engine.add(&ProjectName::new("none"), JobSettings::new(id("c")), stage.now), None);
    stage = Stage::on(stage.disk, &projects, vec![everything()], stage.now);
    assert_eq!(stage.watched(), ["a", "b"]);
    stage.reload(&projects, vec![everything()]);
    assert_eq!(stage.watched(), ["a", "b"]);
    // The configuration may name it, too, and no longer.
    stage.reload(&[project(&["a", "b"])], vec![everything()]);
    assert_eq!(stage.forget("a"), Forgotten::Configured);
    stage.reload(&projects, vec![everything()]);
    assert_eq!(stage.watched(), ["a", "b"]);
    stage = Stage::on(stage.disk, &projects, vec![everything()], stage.now);
    assert_eq!((stage.forget("b"), stage.forget("b")), (Forgotten::Gone, Forgotten::Unknown));
    assert_eq!(stage.watched(), ["a"]);
    assert!(!stage.disk.has_job("b"));
    // One that was forgotten and is added before that was made safe.
    stage.add("b");
    stage.engine.forget(&ProjectName::default(), &id("b"), stage.now);
    stage.add("b");
    assert!(stage.disk.has_job("b"));
}

#[test]
fn jobs_that_were_added_to_a_project_that_goes_are_missed() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.add("b");
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    stage.reload(&[other], Vec::new());
    assert_eq!(stage.diagnostics, [Diagnostic::ProjectMissing { project: ProjectName::default(), jobs: 1 }]);
    stage.reload(&[project(&["a"])], Vec::new());
    assert_eq!(stage.watched(), ["a", "b"]);
}

#[test]
fn added_jobs_that_ended_are_forgotten_once_they_are_old() {
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
fn a_paused_project_is_left_alone_over_restarts_and_its_silence_is_no_trouble() {
    let mut settings = project(&["a", "b"]);
    settings.watch = WatchSettings { unreachable_after: seconds(30), ..settings.watch };
    let projects = [settings];
    let mut stage = Stage::new(&projects, Vec::new());
    stage.fail(FailureClass::Transient);
    let name = ProjectName::default();
    assert_eq!(stage.engine.pause(&name, stage.now), Some(true));
    assert_eq!(stage.engine.pause(&name, stage.now), Some(false));
    stage.saves();
    stage.answer("Pending");
    stage.polls.clear();
    stage = Stage::on(stage.disk, &projects, Vec::new(), stage.now);
    stage.pass(seconds(3600));
    stage.step(Input::TimeoutReached);
    assert!(stage.polls.is_empty() && stage.kinds().is_empty());
    assert!(stage.engine.forecast().is_empty() && stage.engine.jobs().all(|job| job.is_paused));
    assert_eq!(stage.engine.resume(&name, stage.now), Some(true));
    assert_eq!(stage.engine.resume(&name, stage.now), Some(false));
    stage.saves();
    assert_eq!(stage.polls.len(), 2, "all jobs are looked at");
    stage.fail(FailureClass::Transient);
    stage.fail(FailureClass::Transient);
    assert_eq!(stage.kinds(), []);
    assert_eq!(stage.engine.resume(&ProjectName::new("none"), stage.now), None);
}

#[test]
fn a_suspension_is_no_trouble_and_is_followed_by_one_round_that_is_spread_out() {
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
fn what_an_earlier_receiver_says_is_nothing_about_the_one_there_is_now() {
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
fn a_deadline_that_moved_is_told_of_by_the_next_process_too() {
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
fn jobs_of_a_project_that_is_gone_can_be_forgotten_and_are_not_forgotten_by_themselves() {
    let mut stage = Stage::new(&[project(&["a"])], Vec::new());
    stage.add("b");
    stage.add("c");
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    stage.reload(&[other], Vec::new());
    assert_eq!(stage.engine.holder(&id("b")), Some(&ProjectName::default()));
    assert_eq!(stage.forget("b"), Forgotten::Gone);
    assert_eq!(stage.engine.holder(&id("b")), None);
    for _ in 0..40 {
        stage.pass(seconds(24 * 3600));
        stage.answer("Pending");
    }
    assert!(stage.disk.has_job("c") && !stage.disk.has_job("a"));
}

#[test]
fn a_refusal_of_the_key_that_was_used_before_is_none_of_the_new_one() {
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
    // Where nothing is left to ask for, the refusal is nobody's trouble.
    stage.reload(&[project(&[])], Vec::new());
    assert!(stage.engine.projects().all(|project| project.open == 0));
}

#[test]
fn a_project_that_was_gone_for_a_moment_gets_no_further_requests() {
    let jobs: Vec<_> = (0..50).map(|n| format!("job-{n}")).collect();
    let settings = project(&jobs.iter().map(String::as_str).collect::<Vec<_>>());
    let other = ProjectSettings { name: ProjectName::new("other"), ..project(&["z"]) };
    let mut stage = Stage::new(std::slice::from_ref(&settings), Vec::new());
    stage.reload(&[other], Vec::new());
    stage.reload(&[settings], Vec::new());
    let polls = stage.polls.iter().filter(|poll| poll.project == ProjectName::default()).count();
    assert_eq!(polls, 4, "one burst");
}
