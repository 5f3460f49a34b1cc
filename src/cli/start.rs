//! What a command needs before it begins: threads, open files, and what it reads.
//!
//! Invariant: a request to stop ends a command at once, also while a file or the state keeps it waiting.

use std::io;
use std::os::fd::AsFd as _;

use super::Failure;
use crate::model::Exit;
use crate::platform::blocking;
use crate::platform::signals::Signals;

/// How many more files a command must be able to open: the runtime takes six, a connection and its look-up three; the rest
/// are for the state or for certificates.
const OPEN_FILES: usize = 12;

/// What most commands do first, for [`unless_stopped`].
pub(super) const READING: &str = "reading the configuration and the files that it names";

/// Does `work`, which may wait for files, on a thread of its own, until a signal asks to stop. `doing` says what it is, as
/// in "reading the configuration".
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
        exit = signals.next() => Err(Failure::new(exit, format!("{} while {doing}", exit.meaning()))),
    }
}

/// Makes sure of what the runtime takes for granted: it panics without a file or a thread.
pub(super) fn check_limits() -> Result<(), Failure> {
    let files: io::Result<Vec<_>> =
        (0..OPEN_FILES).map(|_| io::stderr().as_fd().try_clone_to_owned()).collect();
    files.map_err(|error| {
        Failure::new(Exit::System, format!("cannot open {OPEN_FILES} more files: {error}"))
            .with_help("raise the limit of open files (ulimit -n, LimitNOFILE=)")
    })?;
    check_threads()
}

/// Makes sure that one thread can be had beside those that run.
pub(super) fn check_threads() -> Result<(), Failure> {
    let thread = std::thread::Builder::new().spawn(|| ()).map_err(no_thread)?;
    // It does nothing that could fail.
    drop(thread.join());
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn no_thread(error: io::Error) -> Failure {
    Failure::new(Exit::System, format!("cannot start a thread: {error}"))
        .with_help("raise the limit of processes and threads (ulimit -u, TasksMax=, pids.max)")
}
