//! Sample endings for tests.

use std::time::Duration;

use super::{Ending, Job};
use crate::model::{Elapsed, Outcome};

/// A job that took a minute.
pub(super) fn job(id: &str, outcome: Outcome) -> Job {
    Job {
        id: id.to_owned(),
        name: None,
        index: Some("docs".to_owned()),
        outcome,
        words: outcome.label(),
        elapsed: Elapsed::Exact(Duration::from_mins(1)),
        error: None,
    }
}

/// An ending with these jobs.
pub(super) fn ending(exit_code: u8, cut_short: bool, jobs: Vec<Job>) -> Ending {
    let (outcome, meaning) = match exit_code {
        0 => ("met", "condition met"),
        124 => ("timeout", "timeout"),
        _ => ("failed", "a job failed or was cancelled"),
    };
    Ending { outcome, exit_code, meaning, cut_short, resume: None, jobs, json: "[]".to_owned() }
}
