//! How a command fails: with a published exit code, a reason, and what to do about it.

use std::fmt;

use crate::config::{Problems, SecretError};
use crate::driver::{self, ComposeError, ComposeErrors};
use crate::model::Exit;
use crate::store::{self, OpenError};

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

    /// The same failure with a line that says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.text = format!("{}\n  help: {}", self.text, help.into());
        self
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

impl From<ComposeErrors> for Failure {
    fn from(errors: ComposeErrors) -> Self {
        let one = |error: &ComposeError| {
            let failure = Self::new(Exit::Config, error.to_string());
            match error {
                ComposeError::Key { error: SecretError::EnvMissing(_), .. } => failure
                    .with_help("set it to the API key of the project, as https://app.pinecone.io shows it"),
                _ => failure,
            }
        };
        let texts: Vec<_> = errors.0.iter().map(|error| one(error).text).collect();
        Self { exit: Exit::Config, text: texts.join("\n") }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let failure = Self::new(Exit::State, error.to_string());
        match error.help() {
            Some(help) => failure.with_help(help),
            None => failure,
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::new(Exit::State, error.to_string()).with_help(
            "check the disk and its free space, and start again: what was not written will be seen and told again",
        )
    }
}

impl From<driver::Error> for Failure {
    fn from(error: driver::Error) -> Self {
        match error {
            driver::Error::Store(error) => error.into(),
            driver::Error::Internal(_) => Self::internal(error.to_string()),
        }
    }
}
