//! Connects the commands that ask a running daemon to its control socket.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::output::inform;
use super::start::block_on;
use crate::adapters::control::{self, CallError, Client, JobResult};
use crate::adapters::http::ClientError;
use crate::adapters::report::{DaemonStatus, RequestErrorKind};

const SOCKET_VARIABLE: &str = "RESTORE_WATCH_SOCKET";

/// Which daemon is asked.
#[derive(Debug, Clone, Args)]
pub(super) struct SocketArgs {
    /// The control socket of the daemon
    ///
    /// By default it is the first that exists of control.sock in `$RUNTIME_DIRECTORY`,
    /// restore-watch/control.sock in `$XDG_RUNTIME_DIR`, and /run/restore-watch/control.sock.
    #[arg(long, value_name = "PATH", env = SOCKET_VARIABLE)]
    socket: Option<PathBuf>,
}

impl SocketArgs {
    /// For a command without the option: what the environment says.
    pub(super) fn of_environment() -> Self {
        Self { socket: std::env::var_os(SOCKET_VARIABLE).map(PathBuf::from) }
    }

    /// A client of the daemon. It fails if there is no socket; whether a process listens, the first
    /// request shows.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let path = control::client_path(self.socket.as_deref()).map_err(|places| {
            let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            Failure::no_daemon(format!(
                "no daemon is running: there is no control socket at {}",
                places.join(" or ")
            ))
        })?;
        let internal = |error: ClientError| Failure::internal(error.to_string());
        Client::new(&path).map_err(internal)
    }

    /// The same, but none if no socket was named and none exists.
    pub(super) fn client_if_any(&self) -> Result<Option<Client>, Failure> {
        match control::client_path(self.socket.as_deref()) {
            Ok(_) => self.client().map(Some),
            Err(_) => Ok(None),
        }
    }

    /// What the daemon that runs says of itself; none if no daemon runs, unless its socket is named.
    pub(super) fn daemon(&self) -> Result<Option<DaemonStatus>, Failure> {
        Ok(self.call_daemon()??)
    }

    /// The same for a command that can do without a daemon, as `instead` words: one that does not
    /// answer as it should is none, with a note about it.
    pub(super) fn daemon_if_it_answers(&self, instead: &str) -> Result<Option<DaemonStatus>, Failure> {
        match self.call_daemon()? {
            Ok(daemon) => Ok(daemon),
            // What this user may not ask for is not this user's to work on, and a state that a standby
            // cannot reach now is still the one that is meant.
            Err(error) if is_about_the_state(&error) => Err(error.into()),
            Err(error) => {
                inform(&format!("restore-watch: {error}; {instead}"));
                Ok(None)
            }
        }
    }

    /// The outer error is one of this process.
    fn call_daemon(&self) -> Result<Result<Option<DaemonStatus>, CallError>, Failure> {
        let Some(client) = self.client_if_any()? else { return Ok(Ok(None)) };
        block_on(async {
            Ok(match client.daemon().await {
                // A daemon that was killed left its socket behind.
                Err(CallError::NoDaemon(_)) if self.socket.is_none() => Ok(None),
                answer => answer.map(Some),
            })
        })
    }

    /// The socket of the command line or of the environment.
    pub(super) fn named(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Sends one request.
    pub(super) fn ask<T>(
        &self,
        request: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        let client = self.client()?;
        block_on(async { Ok(request(&client).await?) })
    }
}

/// Whether there is a daemon whose state this is, although it says nothing of itself.
fn is_about_the_state(error: &CallError) -> bool {
    match error {
        CallError::Denied(_) => true,
        CallError::Rejected(error) => error.kind == RequestErrorKind::Unreadable,
        _ => false,
    }
}

/// A line that says what became of a job.
pub(super) fn line(job: &JobResult, result: &str) -> String {
    let project = job.project.as_ref().map(|project| format!(" of project {project}")).unwrap_or_default();
    format!("{}{project} {result}\n", job.id)
}
