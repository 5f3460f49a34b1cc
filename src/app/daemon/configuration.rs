//! Loads the configuration of a daemon: at the start, and again at each reload.
//!
//! Invariant: a configuration is loaded whole before any part of it is used.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::adapters::monitor::{Monitor, MonitorError};
use crate::adapters::web::{Token, TokenError};
use crate::app::setup::{Setup, SetupErrors};
use crate::config::{self, HttpSettings, LogFormat, Problem, Problems, Settings, StatePlace, StateSettings};

/// A configuration with everything that it names.
#[derive(Debug)]
pub struct Loaded {
    /// What the driver needs.
    pub setup: Setup,
    /// The monitor that gets a ping while the watch works.
    pub monitor: Option<Monitor>,
    /// The token that requests to the HTTP listener need, if they need one.
    pub token: Option<Token>,
    /// Time for pending deliveries after a request to stop.
    pub drain_timeout: Duration,
    /// What changes only by a restart.
    pub fixed: Fixed,
    /// What of the file will surprise, each in a line.
    pub warnings: Vec<String>,
}

/// Settings that change only by a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Where the state is.
    pub state: Option<StatePlace>,
    /// The format of the log.
    pub log: LogFormat,
    /// The HTTP listener. A new token from the same source is used by a reload.
    pub http: HttpSettings,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file has errors.
    #[error(transparent)]
    Problems(#[from] Problems),
    /// Something that it names cannot be read or used.
    #[error(transparent)]
    Setup(#[from] SetupErrors),
    /// Reading it took too long: a file may be on a disk that does not answer.
    #[error("error: reading {0} and the files that it names did not end within {seconds} s", seconds = .1.as_secs())]
    Timeout(PathBuf, Duration),
    /// An earlier read that took too long has still not ended.
    #[error(
        "error: an earlier read of {0}, or of a file that it names, has not ended, so the configuration is not read again\n  \
         help: one of these files does not answer (a pipe, or a network disk): mend that, or restart the daemon"
    )]
    Stuck(PathBuf),
    /// The system has no thread to read it.
    #[error("error: the configuration is not read: cannot start a thread: {0}")]
    NoThread(std::io::Error),
    /// Reading it panicked, which is a bug.
    #[error("error: reading the configuration ended by a panic")]
    Broken,
    /// The monitor ping cannot be set up.
    #[error("error: {0}")]
    Monitor(#[from] MonitorError),
    /// The token of the HTTP listener cannot be used.
    #[error("error: http: {0}{help}", help = .0.help().map(|help| format!("\n  help: {help}")).unwrap_or_default())]
    Token(#[from] TokenError),
}

impl LoadError {
    /// What is wrong, in one line.
    pub(super) fn one_line(&self) -> String {
        if let Self::Problems(problems) = self
            && let Some(first) = problems.iter().next()
        {
            let more = match problems.iter().len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            return first.one_line() + &more;
        }
        let text = self.to_string();
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("error: ").unwrap_or(first).to_owned()
    }
}

impl Loaded {
    /// Reads the file at `path` and everything that it names. Blocks on the disk.
    pub fn read(path: &Path) -> Result<Self, LoadError> {
        Self::new(config::load(path)?)
    }

    /// Reads everything that these settings name.
    pub fn new(settings: Settings) -> Result<Self, LoadError> {
        let fixed = Fixed::of(&settings);
        let warnings = settings.warnings.iter().map(Problem::one_line).collect();
        let StateSettings { keep, .. } = settings.state;
        let setup = Setup::new(settings.projects, &settings.sinks, keep)?;
        let monitor = settings.monitor.as_ref().map(Monitor::new).transpose()?;
        let token = settings.http.token.as_ref().map(Token::read).transpose()?;
        Ok(Self { setup, monitor, token, drain_timeout: settings.drain_timeout, fixed, warnings })
    }
}

impl Fixed {
    /// The part of these settings that changes only by a restart.
    pub fn of(settings: &Settings) -> Self {
        Self { state: settings.state.place.clone(), log: settings.log_format(), http: settings.http.clone() }
    }

    /// The changes in `new` that need a restart, in words.
    pub(super) fn misses(&self, new: &Self) -> Vec<String> {
        let mut missed = Vec::new();
        if self.state != new.state {
            let are_files = [&self.state, &new.state].map(|place| matches!(place, Some(StatePlace::File(_))));
            let what = if are_files == [true; 2] { "path" } else { "place" };
            missed.push(format!("the {what} of the state changed: that takes a restart"));
        }
        if self.log != new.log {
            missed.push("the format of the log changed: that takes a restart".to_owned());
        }
        if self.http.token != new.http.token {
            let fault = "the source of the token in [http] changed: that takes a restart, and until then the token before \
                         stays in force";
            missed.push(fault.to_owned());
        }
        let http = HttpSettings { token: self.http.token.clone(), ..new.http.clone() };
        if self.http != http {
            missed.push("the settings of [http] changed: that takes a restart".to_owned());
        }
        missed
    }
}
