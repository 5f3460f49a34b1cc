//! Data on standard output.

use std::io::{ErrorKind, Write as _};

use clap::ValueEnum;

use super::Failure;
use crate::adapters::ci::Environment;
use crate::model::Exit;
use crate::platform::locale;

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people.
    Human,
    /// One JSON document.
    Json,
}

/// Writes a message for people to standard error, as errors are written at the end of a command. A
/// failure of this cannot be reported.
pub(super) fn inform(text: &str) {
    let text = Environment::detect(None).text_filter()(text.to_owned());
    drop(writeln!(std::io::stderr(), "{}", locale::shown(&text)));
}

/// Writes data to standard output. A reader that closed it is no failure: it has seen enough.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_on(text).map(drop)
}

/// Writes data to standard output. Returns whether it has a reader.
pub(super) fn print_on(text: &str) -> Result<bool, Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(Exit::Failed, format!("cannot write to standard output: {error}"))),
    }
}
