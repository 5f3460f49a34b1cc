//! What the handlers of an input work with: the project it concerns, the time, randomness, and the
//! effects that follow.
//!
//! Invariant: effects are carried out in the order in which they arose, once the project has taken
//! the whole input. An event so shows its job as the input left it.

use super::Diagnostic;
use super::tracker::Draft;
use crate::model::time::Now;
use crate::model::{EventKind, JobId, ProjectName};

/// The context of one input to one project.
#[derive(Debug)]
pub(super) struct Cx<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) now: Now,
    pub(super) rng: &'a mut fastrand::Rng,
    pub(super) effects: &'a mut Effects,
}

/// What is to be carried out for a project, in order.
#[derive(Debug, Default)]
pub(super) struct Effects(Vec<Effect>);

/// Something to be carried out for a project.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Emit an event of a job.
    JobEvent {
        job: JobId,
        draft: Draft,
    },
    /// Emit an event of the project itself.
    ProjectEvent {
        kind: EventKind,
        reason: Option<String>,
    },
    /// Log something that is no event.
    Diagnostic(Diagnostic),
    Forget(JobId),
}

impl Cx<'_> {
    pub(super) fn emit(&mut self, job: &JobId, drafts: impl IntoIterator<Item = Draft>) {
        let events = drafts.into_iter().map(|draft| Effect::JobEvent { job: job.clone(), draft });
        self.effects.0.extend(events);
    }

    pub(super) fn emit_for_project(&mut self, kind: EventKind, reason: Option<String>) {
        self.effects.0.push(Effect::ProjectEvent { kind, reason });
    }

    /// Logs a diagnostic of the project.
    pub(super) fn report(&mut self, diagnostic: impl FnOnce(ProjectName) -> Diagnostic) {
        self.effects.0.push(Effect::Diagnostic(diagnostic(self.project.clone())));
    }

    pub(super) fn forget(&mut self, job: JobId) {
        self.effects.0.push(Effect::Forget(job));
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = std::vec::IntoIter<Effect>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
impl Cx<'_> {
    /// Runs something in a context at `now`. Returns its result and the effects.
    pub(super) fn run<T>(now: Now, act: impl FnOnce(&mut Cx<'_>) -> T) -> (T, Vec<Effect>) {
        let (project, mut rng) = (ProjectName::default(), fastrand::Rng::with_seed(7));
        let mut effects = Effects::default();
        let result = act(&mut Cx { project: &project, now, rng: &mut rng, effects: &mut effects });
        (result, effects.0)
    }
}
