//! Whether a wait is over, asked after each transition.
//!
//! Invariant: the verdict is that of [`Condition`] on all jobs. They are only looked through where what was told leaves it
//! open whether it is still the same, so that a wait for many jobs does not look at each whenever one ends.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::engine::{Condition, Engine, JobView, Outcome};
use crate::model::{Exit, JobId, ProjectName, Transition};

/// The condition of a wait, and what is known of its jobs.
pub(super) struct Judge {
    condition: Condition,
    /// The jobs that have not ended and are no longer open either.
    troubled: BTreeSet<(ProjectName, JobId)>,
}

impl Judge {
    /// Before anything was told: all jobs are open.
    pub(super) fn new(condition: Condition) -> Self {
        Self { condition, troubled: BTreeSet::new() }
    }

    /// The exit code of the wait after these transitions; none while it goes on. How a job stands does not change without
    /// one.
    pub(super) fn hear(&mut self, told: &[Arc<Transition>], engine: &Engine) -> Option<Exit> {
        let mut may_be_over = false;
        for transition in told {
            may_be_over |= self.may_end(transition, engine);
        }
        // Where no job is open, all that have not ended are in trouble.
        may_be_over |= !told.is_empty() && engine.undecided() <= self.troubled.len();
        if may_be_over { self.condition.judge(&engine.outcomes()) } else { None }
    }

    /// The exit code of a wait whose time is over.
    pub(super) fn at_timeout(&self, engine: &Engine) -> Exit {
        self.condition.judge_at_timeout(&engine.outcomes())
    }

    /// Whether this transition by itself may end the wait.
    fn may_end(&mut self, transition: &Transition, engine: &Engine) -> bool {
        let job = transition.job.as_ref().and_then(|job| engine.job(&transition.project, &job.id));
        let Some(job) = job else {
            // One of a project changes how all its jobs stand.
            self.troubled = engine.jobs().filter(is_troubled).map(|job| key(&job)).collect();
            return true;
        };
        if is_troubled(&job) {
            self.troubled.insert(key(&job));
        } else if !self.troubled.is_empty() {
            self.troubled.remove(&key(&job));
        }
        let outcome = Outcome::of(&job);
        match self.condition {
            Condition::Any => outcome.is_good(),
            Condition::All { fail_fast: true } => outcome != Outcome::Open && !outcome.is_good(),
            Condition::All { fail_fast: false } => false,
        }
    }
}

fn is_troubled(job: &JobView<'_>) -> bool {
    let outcome = Outcome::of(job);
    outcome != Outcome::Open && !outcome.is_end()
}

fn key(job: &JobView<'_>) -> (ProjectName, JobId) {
    (job.project.clone(), job.tracker.settings().id.clone())
}
