//! How a command fails: with a published exit code, a reason, and what to do about it.

use std::fmt;

use super::credentials;
use crate::adapters::control::CallError;
use crate::adapters::report::{ReadError, RequestErrorKind};
use crate::adapters::store::{OpenError, StoreError};
use crate::app::daemon::LoadError;
use crate::app::driver;
use crate::app::setup::{SetupError, SetupErrors};
use crate::config::{PostgresAddressError, Problems};
use crate::model::Exit;

/// Why a command could not do what it was asked for.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    text: String,
}

impl Failure {
    /// A failure with this exit code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, text: format!("error: {}", message.into()) }
    }

    /// The command line makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Something is wrong with this program, or with the system below it.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, message)
    }

    /// No daemon answers at the control socket.
    pub fn no_daemon(message: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, message).with_help(
            "start one: systemctl start restore-watch, or restore-watch run --config FILE; if it has another socket, name it \
             with --socket",
        )
    }

    /// The same failure with a line that says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.text = format!("{}\n  help: {}", self.text, help.into());
        self
    }

    /// What happened, in one line.
    pub fn reason(&self) -> &str {
        let line = self.text.lines().next().unwrap_or_default();
        line.strip_prefix("error: ").unwrap_or(line)
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        // They show themselves, each with its own heading.
        Self { exit: Exit::Config, text: problems.to_string() }
    }
}

impl From<SetupErrors> for Failure {
    fn from(errors: SetupErrors) -> Self {
        // They show themselves, too.
        let failure = Self { exit: Exit::Config, text: errors.to_string() };
        if errors.0.iter().any(SetupError::lacks_credentials) {
            return failure.with_help(credentials::help_of_command_line());
        }
        failure
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Setup(errors) => errors.into(),
            LoadError::Token(error) if error.lacks_credentials() => {
                Self::new(Exit::Config, format!("http: {error}"))
                    .with_help(credentials::help_of_command_line())
            }
            error => Self { exit: Exit::Config, text: error.to_string() },
        }
    }
}

impl From<PostgresAddressError> for Failure {
    fn from(error: PostgresAddressError) -> Self {
        let failure = Self::new(Exit::Config, error.to_string());
        if error.lacks_credentials() {
            return failure.with_help(credentials::help_of_command_line());
        }
        error.help().into_iter().fold(failure, Self::with_help)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::new(error.exit(), error.to_string()).with_help(error.help)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(Exit::State, error.to_string()).with_help(error.help)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::new(Exit::State, error.message).with_help(error.help)
    }
}

impl From<driver::Error> for Failure {
    fn from(error: driver::Error) -> Self {
        match error {
            driver::Error::Store(error) => error.into(),
            error @ driver::Error::LeaseOver => Self::new(Exit::State, error.to_string()),
            error @ driver::Error::NoJobs => Self::new(Exit::Config, error.to_string())
                .with_help("list the jobs in `jobs`, have them discovered, or run without --exit-when-done"),
            driver::Error::Internal(_) => Self::internal(error.to_string()),
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error {
            CallError::NoDaemon(_) => Self::no_daemon(message),
            CallError::Denied(_) => Self::new(Exit::Unauthorized, message)
                .with_help("only root and the user that the daemon runs as may: try it with sudo"),
            // It shows itself, as it does where it is read here.
            CallError::Rejected(error) if error.kind == RequestErrorKind::BadConfiguration => {
                Self { exit: Exit::Config, text: error.error }
            }
            CallError::Rejected(error) => {
                let exit = match error.kind {
                    RequestErrorKind::Unreadable => Exit::State,
                    RequestErrorKind::Stopping => Exit::Unreachable,
                    _ => Exit::Usage,
                };
                let failure = Self::new(exit, message);
                match error.help {
                    Some(help) => failure.with_help(help),
                    None => failure,
                }
            }
            CallError::NoAnswer(_) => Self::new(Exit::Unreachable, message)
                .with_help("if it hangs, restart it: systemctl restart restore-watch"),
            CallError::Earlier(_) | CallError::Failed { .. } => Self::new(Exit::Unreachable, message),
        }
    }
}
