//! What the process does after a command that succeeded in its own terms.

use std::ffi::OsString;

use crate::model::Exit;

/// How a command ended that did what it was asked for.
#[derive(Debug)]
pub enum Done {
    Exit(Exit),
    /// It asks this process to become another one.
    Exec(Vec<OsString>),
    /// It would ask for that later, and already knows that it cannot be done.
    CannotExec(OsString, std::io::Error),
}
