//! What a command needs before it begins: a runtime, signals, threads, open files, and what it
//! reads.
//!
//! Invariant: a request to stop ends a command at once, also while a file or the state keeps it
//! waiting.

use std::io;
use std::os::fd::AsFd as _;

use super::Failure;
use crate::adapters::{http, sinks};
use crate::model::Exit;
use crate::platform::signals::Signals;
use crate::platform::{blocking, process};

/// Files that a command must be able to open: six for the runtime, three for a connection and its
/// look-up, the rest for the state or certificates.
const OPEN_FILES: usize = 12;

/// The first step of most commands, for [`unless_stopped`].
pub(super) const READING: &str = "reading the configuration and the files that it names";

/// Runs `work`, which may block on files, on a thread of its own, until a signal asks to stop.
/// `doing` names it, as in "reading the configuration".
pub(super) async fn unless_stopped<T: Send + 'static>(
    signals: &mut Signals,
    doing: &str,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = blocking::start("start", work).map_err(no_thread)?;
    tokio::select! {
        biased;
        // A panic has printed itself.
        done = done => done.unwrap_or_else(|_| Err(Failure::internal(format!("{doing} failed")))),
        exit = signals.next() => Err(stopped(exit, doing)),
    }
}

/// A request to stop ended a command while it did this.
pub(super) fn stopped(exit: Exit, doing: &str) -> Failure {
    Failure::new(exit, format!("{} while {doing}", exit.meaning()))
}

/// Runs a command on a runtime of this thread. The connections of each server have a thread of
/// their own.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    check_limits()?;
    http::use_threads();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::System, format!("cannot start the runtime: {error}")))?;
    if process::is_first() {
        runtime.spawn(sinks::reap_orphans());
    }
    let result = runtime.block_on(work);
    // Does not wait for blocked system calls.
    runtime.shutdown_background();
    sinks::await_end_of_commands();
    result
}

/// Listens for the signals that ask to stop.
pub(super) fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(cannot_listen)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn cannot_listen(error: io::Error) -> Failure {
    Failure::new(Exit::System, format!("cannot listen for signals: {error}"))
}

/// Checks that files and a thread can be had: without them, the runtime panics.
pub(super) fn check_limits() -> Result<(), Failure> {
    let files: io::Result<Vec<_>> =
        (0..OPEN_FILES).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    files.map_err(|error| {
        Failure::new(Exit::System, format!("cannot open {OPEN_FILES} more files: {error}"))
            .with_help("raise the limit of open files (ulimit -n, LimitNOFILE=)")
    })?;
    check_threads()
}

/// Checks that one more thread can be started.
pub(super) fn check_threads() -> Result<(), Failure> {
    let thread = std::thread::Builder::new().spawn(|| ()).map_err(no_thread)?;
    // The thread does nothing, so it does not panic.
    drop(thread.join());
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn no_thread(error: io::Error) -> Failure {
    Failure::new(Exit::System, format!("cannot start a thread: {error}"))
        .with_help("raise the limit of processes and threads (ulimit -u, TasksMax=, pids.max)")
}
