//! What a daemon is made of, read from its configuration file: at the start, and again while it runs.
//!
//! Invariant: a configuration is put together whole before anything of it is used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{self, LogFormat, Problems, Settings, SinkSettings, StateSettings};
use crate::driver::{ComposeErrors, Setup};
use crate::heartbeat::{Heartbeat, HeartbeatError};

/// A configuration, put together.
#[derive(Debug)]
pub struct Loaded {
    /// What is watched, and who is told.
    pub setup: Setup,
    /// Who is told that the watch works.
    pub heartbeat: Option<Heartbeat>,
    /// How long deliveries that are under way may take after a request to stop.
    pub drain_timeout: Duration,
    /// What only holds from the start of a process on.
    pub fixed: Fixed,
}

/// What only holds from the start of a process on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Where the state is.
    pub state: Option<PathBuf>,
    /// How the log looks.
    pub log: LogFormat,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file says something that makes no sense.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// Something that it names cannot be had.
    #[error(transparent)]
    Compose(#[from] ComposeErrors),
    /// It took too long: some file may be on a disk that does not answer.
    #[error("error: reading {0} and the files that it names did not end within {seconds} s", seconds = .1.as_secs())]
    Slow(PathBuf, Duration),
    /// One that took too long has still not ended.
    #[error(
        "error: an earlier read of {0}, or of a file that it names, has not ended, so the configuration is not read again\n  \
         help: one of these files does not answer (a pipe, or a network disk): mend that, or restart the daemon"
    )]
    Stuck(PathBuf),
    /// The system has no thread for it.
    #[error("error: the configuration is not read: cannot start a thread: {0}")]
    NoThread(std::io::Error),
    /// A bug.
    #[error("error: reading the configuration ended by a panic")]
    Broken,
    /// The heartbeat cannot be set up.
    #[error("error: {0}")]
    Heartbeat(#[from] HeartbeatError),
}

impl Loaded {
    /// Reads the file at `path`, and whatever it names. Waits for the disk.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        Self::new(config::load(path)?)
    }

    /// Puts together what these settings name.
    pub fn new(settings: Settings) -> Result<Self, LoadError> {
        let fixed = Fixed::of(&settings);
        let StateSettings { keep, .. } = settings.state;
        let setup = Setup::new(settings.projects, &settings.sinks, keep)?;
        let heartbeat = settings.monitor.as_ref().map(Heartbeat::new).transpose()?;
        Ok(Self { setup, heartbeat, drain_timeout: settings.drain_timeout, fixed })
    }
}

impl Fixed {
    /// What of these settings only holds from the start of a process on.
    pub fn of(settings: &Settings) -> Self {
        let format = |sink: &SinkSettings| match sink {
            SinkSettings::Log(log) => Some(log.format),
            SinkSettings::Desktop(_) | SinkSettings::Webhook(_) => None,
        };
        let log = settings.sinks.iter().find_map(format).unwrap_or_default();
        Self { state: settings.state.path.clone(), log }
    }

    /// What a process that began with `self` does not do as `new` says before it is started again.
    pub(super) fn misses(&self, new: &Self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.state != new.state {
            missed.push("the path of the state changed: that takes a restart".to_owned());
        }
        if self.log != new.log {
            missed.push("the format of the log changed: that takes a restart".to_owned());
        }
        missed
    }
}
