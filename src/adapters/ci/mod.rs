//! Services that run pipelines: their log commands, and the files in which they keep results.
//!
//! Invariant: no text from elsewhere (an answer of the API, a name that a user gave) becomes a
//! command there. Nothing here changes how a wait ends.

mod annotations;
mod command;
mod environment;
mod gitlab;
mod inert;
mod outputs;
mod record;
#[cfg(test)]
mod samples;
mod section;
mod summary;

pub use environment::{Environment, TextFilter};
pub use section::Section;

use crate::model::{Elapsed, Outcome};

/// A service whose own commands are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    GitHub,
    GitLab,
    None,
}

/// The result of a wait.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The published name of its outcome.
    pub outcome: &'static str,
    pub exit_code: u8,
    /// What the exit code means.
    pub meaning: &'static str,
    /// A timeout or a signal ended it, so that an open job is a failure.
    pub cut_short: bool,
    /// The command that goes on, if there is anything to go on with.
    pub resume: Option<String>,
    pub jobs: Vec<Job>,
    /// The jobs as JSON, as reports have them.
    pub json: String,
}

/// One job at the end of a wait.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The index that it makes, if known.
    pub index: Option<String>,
    /// How it stood.
    pub outcome: Outcome,
    /// The same in words, with its status where that says more.
    pub words: String,
    /// How long it took, or has been running; unknown if it was never seen.
    pub elapsed: Elapsed,
    /// The last error of a request for it.
    pub error: Option<String>,
}
