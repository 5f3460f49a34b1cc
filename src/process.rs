//! What this process is to the system: what it keeps to itself, and whose the terminal is.
//!
//! Invariant: a program that it becomes by `exec` gets from here nothing but what the caller set: the kernel lets others
//! at the memory again at every `exec`, and files are kept private only by a command that becomes nothing else.

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

/// Whether this process may draw on its terminal, if standard error leads there: not while it runs in the background of a
/// shell, which then uses the terminal itself.
pub fn is_in_foreground() -> bool {
    let owner = rustix::termios::tcgetpgrp(rustix::stdio::stderr());
    // A terminal of somebody else's session has no foreground that could be asked for.
    owner.map_or(true, |owner| owner == rustix::process::getpgrp())
}

/// Lets nobody but the owner at files made from now on, whoever makes them: the database opens some by itself.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// How large a file may become that this process writes, in bytes; none where there is no limit.
pub fn file_size_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Allows as many open files as the system does: each poll that a server leaves without an answer may hold a connection, 64
/// for each project, and the usual limit is 1024 in all, sinks and state included.
pub fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::Nofile).maximum;
    // Where that is refused, the usual limit holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
