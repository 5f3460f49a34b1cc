//! The report of a wait to the host of a pipeline.

use std::io::{self, Write as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::time::timeout;

use crate::adapters::ci::{Ending, Environment, Host};
use crate::app::setup::SetupErrors;
use crate::platform::blocking;
use crate::platform::output::Output;

/// How long the report waits until the progress before it is written, so that a reader of both
/// streams has them in this order. A reader of one of them alone is not waited for.
const PROGRESS_WRITE_LIMIT: Duration = Duration::from_millis(200);

/// How long writing the files of the host may take.
const FILES_WRITE_LIMIT: Duration = Duration::from_secs(5);

/// The option that chooses the host of the pipeline.
#[derive(Debug, Args)]
pub(super) struct CiArgs {
    /// The pipeline to report to
    ///
    /// Progress is folded there. On GitHub Actions there are also annotations, a job summary and
    /// outputs.
    #[arg(long, value_enum, default_value_t = HostChoice::Auto)]
    ci: HostChoice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HostChoice {
    /// By `GITHUB_ACTIONS` and `GITLAB_CI`.
    Auto,
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// Plain lines in every pipeline.
    None,
}

impl CiArgs {
    pub(super) fn environment(&self) -> Environment {
        Environment::detect(match self.ci {
            HostChoice::Auto => None,
            HostChoice::Github => Some(Host::GitHub),
            HostChoice::Gitlab => Some(Host::GitLab),
            HostChoice::None => Some(Host::None),
        })
    }
}

/// Reports to the host how a wait ended, before anything else is printed about it.
pub(super) async fn conclude(environment: Environment, ending: Ending, people: &Output) {
    if environment.section().is_none() {
        return;
    }
    settle(people).await;
    people.command(environment.annotations(&ending));
    // A file may be a pipe without a reader; on a thread of its own it delays no signal.
    let recorded = blocking::start("record", move || environment.record(&ending));
    let warnings = match recorded {
        Ok(recorded) => timeout(FILES_WRITE_LIMIT, recorded).await.map(Result::unwrap_or_default),
        Err(error) => Ok(vec![format!("warning: the job summary and the outputs were not written: {error}")]),
    };
    let warnings = match warnings {
        Ok(warnings) => warnings,
        Err(_) => vec!["warning: the job summary and the outputs took too long to be written".to_owned()],
    };

    for warning in warnings {
        people.write(format!("restore-watch: {warning}\n"));
    }
}

/// Says on the host where to set the key that is not set, if that is what is wrong.
pub(super) fn annotate(environment: Environment, errors: &SetupErrors) {
    if let Some(variable) = errors.missing_variable() {
        // A failure of this cannot be reported anywhere.
        drop(io::stderr().write_all(environment.missing_key(variable).as_bytes()));
    }
}

/// Waits until progress is written, for a moment. If that takes longer, only the order of lines may
/// suffer.
pub(super) async fn settle(people: &Output) {
    drop(timeout(PROGRESS_WRITE_LIMIT, people.settled()).await);
}
