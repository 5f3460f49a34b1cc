//! `restore-watch run`

use std::path::PathBuf;

use clap::Parser;
use tracing::{info, warn};

use super::{Done, Failure, block_on, listen, log_format};
use crate::clock::Clock;
use crate::config::{self, StateSettings};
use crate::daemon::{self, Options};
use crate::driver::{Driver, State};
use crate::model::Exit;
use crate::process;
use crate::store::{Opened, Sqlite};
use crate::telemetry::{self, Stream, Style};

/// Watch the restore jobs of a configuration file and tell sinks of every transition, until stopped
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The configuration file [default: `$RESTORE_WATCH_CONFIG`, else restore-watch/config.toml in
    /// `$XDG_CONFIG_HOME` (or ~/.config), else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// End once every job ended and all was delivered: with 0 when all completed, 1 when one failed or was cancelled,
    /// 6 when one ended in a state we do not know
    #[arg(long)]
    exit_when_done: bool,

    /// Rename a state that cannot be used and start anew: jobs that ended are told again, and what was owed is not
    /// delivered
    #[arg(long)]
    set_state_aside: bool,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    process::keep_files_private();
    let path = config::locate(args.config.as_deref())?;
    let settings = config::load(&path)?;
    // The log is a sink, and polling never waits for a sink.
    let style = Style { stream: Stream::Detached, ..Style::usual(log_format(&settings)) };
    let _logging = telemetry::init(style, "info");
    let clock = Clock::system();
    let state = open(&settings.state, args.set_state_aside, clock)?;
    block_on(async {
        let mut signals = listen()?;
        let driver = Driver::new(&settings.projects, &settings.sinks, state, clock)?;
        let options = Options { exit_when_done: args.exit_when_done };
        Ok(Done::Exit(daemon::run(driver, options, &mut signals).await?))
    })
}

/// Opens the state, before anything is polled or sent.
fn open(settings: &StateSettings, set_aside: bool, clock: Clock) -> Result<State, Failure> {
    let path = settings.path.as_deref().ok_or_else(|| {
        Failure::new(Exit::Config, "there is no place for the state: neither STATE_DIRECTORY nor HOME is set")
            .with_help("write [state] path = \"/var/lib/restore-watch/state.db\"")
    })?;
    let Opened { store, saved, dead_letters, set_aside } =
        Sqlite::open(path, set_aside.then(|| clock.now().wall))?;
    if let Some(aside) = set_aside {
        warn!("the state was set aside, as {}", aside.display());
    }
    let (jobs, owed) = (saved.jobs.len(), saved.deliveries.len());
    let path = path.display();
    info!(
        jobs,
        owed, dead_letters, "state {path}: jobs known: {jobs}, owed: {owed}, dead letters: {dead_letters}"
    );
    Ok(State { store: Box::new(store), saved, keep: settings.keep })
}
