//! Requests to stop, as the system sends them.
//!
//! Invariant: from the moment a [`Signals`] exists, SIGINT and SIGTERM no longer end the process by themselves.

use std::task::{Context, Waker};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::model::Exit;

/// Requests to read the configuration again. Without one of these, SIGHUP ends the process.
#[derive(Debug)]
pub struct Hangups(Signal);

impl Hangups {
    /// Starts to listen. Fails where the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::hangup()).map(Self)
    }

    /// Waits for the next one; several in a short time may be one. Dropping the future loses none.
    pub async fn next(&mut self) {
        self.0.recv().await;
    }
}

/// Notices that the process goes on after it was stopped, as by Ctrl-Z.
#[derive(Debug)]
pub struct Continuations(Signal);

impl Continuations {
    /// Starts to listen. Fails where the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw())).map(Self)
    }

    /// Whether that happened since the last call.
    pub fn happened(&mut self) -> bool {
        // Several may be one, and this one has no waker: whoever asks asks again.
        self.0.poll_recv(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}

/// The signals that ask a process to stop.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Starts to listen. Fails where the system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next request to stop; the exit code that belongs to it. Dropping the future loses no signal.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}
