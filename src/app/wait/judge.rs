//! Whether a wait is over, asked after each commit of events.
//!
//! Invariant: the answer is that of [`Condition`] on all jobs. They are looked through only if the
//! events leave it open whether it is still the same, so that a wait for many jobs does not look at
//! each of them whenever one ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{Condition, DiscoveryState, Engine, JobView};
use crate::model::time::Instant;
use crate::model::{Event, Exit, JobId, Outcome, ProjectName};

/// The condition of a wait, and what is known of its jobs.
pub(super) struct Judge {
    condition: Condition,
    /// The jobs whose outcome is neither final nor open.
    troubled: BTreeSet<(ProjectName, JobId)>,
    /// The state of the discovery of other jobs when it was last asked for.
    discovery: DiscoveryState,
    /// How many projects were misconfigured then.
    misconfigured: usize,
}

impl Judge {
    /// Before any event: all jobs are open.
    pub(super) fn new(condition: Condition) -> Self {
        Self { condition, troubled: BTreeSet::new(), discovery: DiscoveryState::Complete, misconfigured: 0 }
    }

    /// The exit code of the wait after these events; none while it goes on. A job's own outcome
    /// changes only together with an event. The state of the discovery, and whether a project is
    /// misconfigured, can change without one.
    pub(super) fn after(&mut self, events: &[Arc<Event>], engine: &Engine, now: Instant) -> Option<Exit> {
        let discovery = engine.discovery(now);
        let mut may_be_over = std::mem::replace(&mut self.discovery, discovery) != discovery;

        let misconfigured = engine.totals().misconfigured;
        if std::mem::replace(&mut self.misconfigured, misconfigured) != misconfigured {
            // It changes the outcome of all jobs of a project.
            self.troubled = troubled(engine);
            may_be_over = true;
        }

        for event in events {
            may_be_over |= self.may_end_by(event, engine);
        }
        // If no job is open, all that have not ended are in trouble.
        may_be_over |= !events.is_empty() && engine.totals().undecided <= self.troubled.len();

        if may_be_over { self.condition.judge(&outcomes(engine, now)) } else { None }
    }

    /// The exit code of a wait whose time is over.
    pub(super) fn at_timeout(&self, engine: &Engine, now: Instant) -> Exit {
        self.condition.judge_at_timeout(&outcomes(engine, now))
    }

    /// Whether this event by itself may end the wait.
    fn may_end_by(&mut self, event: &Event, engine: &Engine) -> bool {
        let job = event.job.as_ref().and_then(|job| engine.job(&event.project, &job.id));
        let Some(job) = job else {
            // An event of a project changes the outcome of all its jobs.
            self.troubled = troubled(engine);
            return true;
        };

        if is_troubled(&job) {
            self.troubled.insert(key(&job));
        } else if !self.troubled.is_empty() {
            self.troubled.remove(&key(&job));
        }

        let outcome = job.outcome();
        match self.condition {
            Condition::Any => outcome.is_success(),
            Condition::All { fail_fast: true } => outcome != Outcome::Open && !outcome.is_success(),
            Condition::All { fail_fast: false } => false,
        }
    }
}

/// The outcomes of all jobs. Those that may yet be found count as one job.
fn outcomes(engine: &Engine, now: Instant) -> Vec<Outcome> {
    let discovery = match engine.discovery(now) {
        DiscoveryState::Complete => None,
        DiscoveryState::UnderWay => Some(Outcome::Open),
        DiscoveryState::Unreachable => Some(Outcome::Unreachable),
        DiscoveryState::Misconfigured => Some(Outcome::Misconfigured),
        DiscoveryState::Unauthorized => Some(Outcome::Unauthorized),
    };
    engine.outcomes().into_iter().chain(discovery).collect()
}

fn troubled(engine: &Engine) -> BTreeSet<(ProjectName, JobId)> {
    engine.jobs().filter(is_troubled).map(|job| key(&job)).collect()
}

fn is_troubled(job: &JobView<'_>) -> bool {
    let outcome = job.outcome();
    outcome != Outcome::Open && !outcome.is_final()
}

fn key(job: &JobView<'_>) -> (ProjectName, JobId) {
    (job.project.clone(), job.tracker.settings().id.clone())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{JobSettings, ProjectSettings, Retention};
    use crate::engine::snapshot::Snapshot;
    use crate::engine::{Action, Answer, Failure, FailureClass, Input, Plan};
    use crate::model::time::Now;
    use crate::model::{JobFacts, Observation, Status};

    /// Two projects with two jobs each, every poll of which is answered by the next of these
    /// numbers.
    fn play(condition: Condition, answers: &[u8]) -> Result<(), TestCaseError> {
        let project = |name: &str| {
            let mut project = ProjectSettings { name: ProjectName::new(name), ..ProjectSettings::default() };
            project.jobs = ["rj-1", "rj-2"].map(|id| JobSettings::new(JobId::new(id).unwrap())).into();
            project.watch.unreachable_after = Duration::from_secs(5);
            project.watch.not_found_grace = Duration::ZERO;
            project
        };
        let projects = [project("a"), project("b")];
        let plan = Plan { projects: projects.into(), sinks: Vec::new(), keep: Retention::FOREVER };
        let mut now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse().unwrap() };
        let mut engine = Engine::from_snapshot(plan, Snapshot::default(), 1, now);
        let mut judge = Judge::new(condition);
        let mut events = vec![Input::Timeout];
        let mut answers = answers.iter();
        for _ in 0..10_000 {
            let event = events.pop().unwrap_or_else(|| {
                let wait = engine.poll_timeout().unwrap().since(now.instant);
                now = Now { instant: now.instant + wait, wall: now.wall.checked_add(wait).unwrap() };
                Input::Timeout
            });
            engine.handle(event, now);
            while let Some(action) = engine.poll_action() {
                match action {
                    Action::Commit(batch) => {
                        events.push(Input::Committed);
                        let emitted: Vec<_> = batch.entries.into_iter().map(|entry| entry.event).collect();
                        let wanted = condition.judge(&engine.outcomes()).filter(|_| !emitted.is_empty());
                        prop_assert_eq!(judge.after(&emitted, &engine, now.instant), wanted);
                        if wanted.is_some() {
                            return Ok(());
                        }
                    }
                    Action::Poll(poll) => {
                        let Some(answer) = answers.next() else { return Ok(()) };
                        let status = match answer {
                            0..12 => Status::Pending,
                            12 => Status::Completed,
                            13 => Status::Failed,
                            _ => Status::Cancelled,
                        };
                        let class = match answer {
                            15..20 => Some(FailureClass::Transient),
                            20..25 => Some(FailureClass::NotFound),
                            25..28 => Some(FailureClass::Unauthorized),
                            28.. => Some(FailureClass::Misconfigured),
                            _ => None,
                        };
                        let observation =
                            Observation { id: poll.job.clone(), status, facts: JobFacts::default() };
                        // One answer at a time, and each is committed before the next.
                        events.insert(
                            0,
                            match class {
                                None => Input::PollAnswered { poll, answer: Answer::Job(observation) },
                                Some(class) => Input::PollFailed {
                                    poll,
                                    failure: Failure { class, retry_after: None, message: "no".to_owned() },
                                },
                            },
                        );
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_exit_code_is_that_of_all_jobs(
            number in 0..3,
            answers in prop::collection::vec(0_u8..34, 0..200),
        ) {
            let condition = match number {
                0 => Condition::Any,
                number => Condition::All { fail_fast: number == 1 },
            };
            play(condition, &answers)?;
        }
    }
}
