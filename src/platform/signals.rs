//! Signals: requests to stop, to reload, and the end of a suspension by Ctrl-Z.
//!
//! Invariant: once a [`Signals`] exists, SIGINT and SIGTERM no longer end the process by
//! themselves. A signal that the caller had ignored (`trap ''`, a background job of a script) stays
//! ignored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::model::Exit;

/// Whether a [`Signals`] exists, or did.
static LISTENS: AtomicBool = AtomicBool::new(false);

/// Has SIGINT and SIGTERM end this process if nothing listens for them: the system drops a signal
/// to the first process of a container that has no handler for it. If a handler or a thread is
/// refused, it stays like that.
pub fn end_first_process() {
    let _ = std::thread::Builder::new().name("signals".to_owned()).spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let exit = runtime.block_on(async { std::io::Result::Ok(Signals::new()?.next().await) })?;
        if !LISTENS.load(Ordering::Acquire) {
            std::process::exit(i32::from(exit.code()));
        }
        std::io::Result::Ok(())
    });
}

/// Requests to reload (SIGHUP). Without this, SIGHUP ends the process.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Starts to listen. Fails if the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one; several in a short time may be one. Dropping the future loses none.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Continuations after the process was stopped, as by Ctrl-Z (SIGCONT).
#[derive(Debug)]
pub struct Continuations(Signal);

impl Continuations {
    /// Starts to listen. Fails if the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).map(Self)
    }

    /// Whether there was one since the last call.
    pub fn happened(&mut self) -> bool {
        // Several may be one. Without a waker: the caller polls.
        self.0.poll_recv(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}

/// The signals that ask a process to stop.
#[derive(Debug)]
pub struct Signals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    /// Requests of a test.
    #[cfg(test)]
    asked: Option<tokio::sync::mpsc::UnboundedReceiver<Exit>>,
    /// With a handler, a file at its size limit (`RLIMIT_FSIZE`) makes a write fail; without one,
    /// it ends the process.
    _file_size: Option<Signal>,
}

impl Signals {
    /// Starts to listen. Fails if the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        let signals = Self::new()?;
        LISTENS.store(true, Ordering::Release);
        Ok(signals)
    }

    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: unless_ignored(SignalKind::interrupt())?,
            terminate: unless_ignored(SignalKind::terminate())?,
            #[cfg(test)]
            asked: None,
            _file_size: unless_ignored(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
        })
    }

    /// Requests of a test in place of signals.
    #[cfg(test)]
    pub fn asked_by(asked: tokio::sync::mpsc::UnboundedReceiver<Exit>) -> Self {
        Self { interrupt: None, terminate: None, asked: Some(asked), _file_size: None }
    }

    /// Waits for the next request to stop; the exit code that belongs to it. Dropping the future
    /// loses no signal.
    pub async fn next(&mut self) -> Exit {
        #[cfg(test)]
        if let Some(asked) = &mut self.asked {
            return match asked.recv().await {
                Some(exit) => exit,
                None => std::future::pending().await,
            };
        }
        tokio::select! {
            () = received(self.interrupt.as_mut()) => Exit::Interrupted,
            () = received(self.terminate.as_mut()) => Exit::Terminated,
        }
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

/// Starts to listen for a signal, unless it is ignored.
fn unless_ignored(kind: SignalKind) -> std::io::Result<Option<Signal>> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if is_ignored(kind.as_raw_value(), &status) { Ok(None) } else { signal(kind).map(Some) }
}

/// Whether `/proc/self/status` (`proc_pid_status(5)`) says that a signal is ignored. Without such a
/// file, none is.
fn is_ignored(number: i32, status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    number >= 1 && mask.checked_shr(number.cast_unsigned() - 1).unwrap_or_default() & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_a_process_names_the_ignored_signals() {
        let status = "Name:\tsh\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000001006\nSigCgt:\t0\n";
        let ignored: Vec<_> = (0..=70).filter(|number| is_ignored(*number, status)).collect();
        assert_eq!(ignored, [2, 3, 13]);
        assert!(!is_ignored(2, "SigIgn:\tnothing\n") && !is_ignored(2, ""));
    }
}
