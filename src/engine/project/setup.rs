//! Whether requests of the project can be made as they are set up: certificates, proxies, schemes.

use super::{Job, Project};
use crate::engine::{Diagnostic, Failure, FailureClass};
use crate::model::Outcome;
use crate::model::time::Instant;

impl Project {
    /// Takes what a failed request that began at `began` says of how requests are set up.
    pub(super) fn judge_setup(&mut self, began: Instant, failure: &Failure, now: Instant) {
        if failure.class == FailureClass::Misconfigured {
            self.misconfiguration.fail(began, &failure.message, now);
        } else {
            self.misconfiguration.end();
        }
    }

    /// What is to be logged about it, at once and not again for a while.
    pub(in crate::engine) fn take_setup_note(&mut self) -> Option<Diagnostic> {
        let reason = self.misconfiguration.take_unlogged()?;
        Some(Diagnostic::Misconfigured { project: self.name.clone(), reason })
    }

    /// Whether it is sure that requests cannot be made as they are set up.
    pub(in crate::engine) fn is_misconfigured(&self) -> bool {
        self.misconfiguration.confirmed().is_some()
    }

    /// Why nothing can be learned of this job as requests are set up, if so. Trouble that has lasted needs no further proof.
    pub(super) fn misconfigured(&self, job: &Job) -> Option<&str> {
        let has_lasted = job.tracker.outcome() == Outcome::Unreachable;
        let suspected = self.misconfiguration.suspected().filter(|_| has_lasted);
        self.misconfiguration.confirmed().or(suspected)
    }
}
