//! What the commands that speak to a running daemon have in common.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, block_on};
use crate::adapters::control::{self, CallError, Client, JobResult};
use crate::adapters::http::ClientError;
use crate::model::Exit;

/// Finds the daemon.
#[derive(Debug, Clone, Args)]
pub(super) struct SocketArgs {
    /// The control socket of the daemon [default: the first that is there of control.sock in `$RUNTIME_DIRECTORY`,
    /// restore-watch/control.sock in `$XDG_RUNTIME_DIR`, and /run/restore-watch/control.sock]
    #[arg(long, value_name = "PATH", env = "RESTORE_WATCH_SOCKET")]
    socket: Option<PathBuf>,
}

impl SocketArgs {
    /// Finds the socket; nothing is sent yet.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let path = control::client_path(self.socket.as_deref()).map_err(|places| {
            let places: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            no_daemon(format!("no daemon is running: there is no control socket at {}", places.join(" or ")))
        })?;
        let internal = |error: ClientError| Failure::internal(error.to_string());
        Client::new(&path).map_err(internal)
    }

    /// The same where a daemon seems to be there, or one was named.
    pub(super) fn client_if_any(&self) -> Result<Option<Client>, Failure> {
        match control::client_path(self.socket.as_deref()) {
            Ok(_) => self.client().map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The socket that was named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// Asks the daemon one thing.
    pub(super) fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Client) -> Result<T, CallError>,
    ) -> Result<T, Failure> {
        let client = self.client()?;
        block_on(async { Ok(question(&client).await?) })
    }
}

pub(super) fn no_daemon(message: String) -> Failure {
    Failure::new(Exit::Unreachable, message).with_help(
        "start one: systemctl start restore-watch, or restore-watch run --config FILE; if it has another socket, name it \
         with --socket",
    )
}

/// What became of a job, as a line.
pub(super) fn line(job: &JobResult, words: &str) -> String {
    let project = job.project.as_ref().map(|project| format!(" of project {project}")).unwrap_or_default();
    format!("{}{project} {words}\n", job.id)
}
