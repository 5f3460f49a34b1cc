//! What a wait says to the host of a pipeline.

use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::time::timeout;

use crate::adapters::ci::{Host, Place};
use crate::app::wait::Report;
use crate::platform::blocking;
use crate::platform::output::Output;

/// How long the report waits for the progress before it to be written. Whoever reads both streams then has them in this
/// order; whoever reads one of them only is not waited for.
const PROGRESS_FIRST: Duration = Duration::from_millis(200);

/// How long the files of the host may take.
const FILES: Duration = Duration::from_secs(5);

/// Chooses what a wait says to the host of a pipeline.
#[derive(Debug, Args)]
pub(super) struct CiArgs {
    /// The host of the pipeline, for which progress is folded; on GitHub Actions there are also annotations, a job
    /// summary and outputs. `auto` goes by `GITHUB_ACTIONS` and `GITLAB_CI`
    #[arg(long, value_enum, default_value_t = Form::Auto)]
    ci: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// By the environment.
    Auto,
    /// GitHub Actions.
    Github,
    /// GitLab CI/CD.
    Gitlab,
    /// None; lines stay plain in every pipeline.
    None,
}

impl CiArgs {
    /// Where this command runs.
    pub(super) fn place(&self) -> Place {
        Place::find(match self.ci {
            Form::Auto => None,
            Form::Github => Some(Host::GitHub),
            Form::Gitlab => Some(Host::GitLab),
            Form::None => Some(Host::None),
        })
    }
}

/// Tells the host how a wait ended, before anything else is said of it.
pub(super) async fn conclude(place: Place, report: &Report, people: &Output) {
    if place.section().is_none() {
        return;
    }
    settle(people).await;
    let ending = report.ending();
    people.command(place.annotations(&ending));
    // A file may be a pipe that nobody reads; on a thread of its own it delays no signal.
    let recorded = blocking::start("record", move || place.record(&ending));
    let warnings = match recorded {
        Ok(recorded) => timeout(FILES, recorded).await.map(Result::unwrap_or_default),
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

/// Waits until what was said is written, for a moment. Too late is as good as written: nothing depends on it.
pub(super) async fn settle(people: &Output) {
    drop(timeout(PROGRESS_FIRST, people.settled()).await);
}
