//! What the process does after a command that succeeded in its own terms.

use std::ffi::OsString;

use crate::model::Exit;

/// How a command ended that did its work.
#[derive(Debug)]
pub enum Done {
    Exit(Exit),
    /// This process is to become another program.
    Exec(Vec<OsString>),
    /// This process would have to become a program that cannot be run.
    CannotExec(OsString, std::io::Error),
}
