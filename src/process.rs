//! What this process keeps to itself: its memory, and the files it makes.
//!
//! Invariant: a program that it becomes by `exec` gets from here nothing but what the caller set: the kernel undoes the
//! one at every `exec`, and the other is asked for only by a command that becomes nothing else.

use std::io;

/// Keeps the memory, in which secrets are, out of core dumps, and away from debuggers and from readers of
/// `/proc/PID` that are not root (prctl(2), `PR_SET_DUMPABLE`).
#[cfg(target_os = "linux")]
pub fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// There is no such thing here.
#[cfg(not(target_os = "linux"))]
pub fn keep_memory_private() -> io::Result<()> {
    Ok(())
}

/// Lets nobody but the owner at files made from now on, whoever makes them: the database opens some by itself.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}
