//! Which state a command works on.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::socket::SocketArgs;
use crate::adapters::control::Client;
use crate::adapters::store::{self, Backend, DeliveryAdmin, OpenError, OpenErrorClass};
use crate::config::{self, StateSettings};
use crate::model::Exit;

/// Where the state is.
#[derive(Debug, Clone, Args)]
pub(super) struct StateArgs {
    /// The configuration file whose state is used [default: the state of the running daemon; if
    /// none runs, of the configuration that `run` would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The state itself, such as /var/lib/restore-watch/state.db
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    state_file: Option<PathBuf>,

    #[command(flatten)]
    socket: SocketArgs,
}

impl StateArgs {
    /// The state that is named; else that of the running daemon; else that of the configuration.
    pub(super) fn backend(&self) -> Result<Box<dyn Backend>, Failure> {
        let path = match &self.state_file {
            Some(path) => Some(path.clone()),
            None => self.of_daemon()?,
        };
        let settings = match path {
            Some(path) => StateSettings::in_file(path),
            None => config::state(self.config.as_deref())?,
        };
        store::backend(&settings).ok_or_else(|| {
            Failure::new(Exit::State, "there is no usual place for a state: HOME is not set")
                .with_help("name the state with --state-file, or the configuration with --config")
        })
    }

    /// Opens the deliveries of the state.
    pub(super) fn deliveries(&self) -> Result<Box<dyn DeliveryAdmin>, Failure> {
        self.backend()?.administer().map_err(cannot_open)
    }

    /// A client of the daemon whose state it is, if no state is named and there is a socket.
    pub(super) fn client_if_not_named(&self) -> Result<Option<Client>, Failure> {
        if self.state_file.is_some() || config::named(self.config.as_deref()).is_some() {
            return Ok(None);
        }
        self.socket.client_if_any()
    }

    /// The state of the daemon that runs, unless another one is named: a configuration names that of
    /// the daemon if the daemon uses the same file.
    fn of_daemon(&self) -> Result<Option<PathBuf>, Failure> {
        let named = config::named(self.config.as_deref());
        let daemon = match named {
            Some(_) => self.socket.daemon().ok().flatten(),
            None => self.socket.daemon_if_it_answers("using the state of the configuration")?,
        };

        let uses = |config: &Path| named.as_deref().is_none_or(|named| same_file(named, config));
        let daemon = daemon.filter(|daemon| daemon.config.as_deref().is_none_or(uses));
        Ok(daemon.and_then(|daemon| daemon.state).map(PathBuf::from))
    }
}

/// Whether two paths lead to one file that is there.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    canonical(one).is_some_and(|path| canonical(other) == Some(path))
}

/// Why the state of a command cannot be used.
pub(super) fn cannot_open(error: OpenError) -> Failure {
    match error.class {
        OpenErrorClass::Missing => Failure::new(error.exit(), error.to_string()).with_help(
            "name the state with --state-file (that of the system service is \
             /var/lib/restore-watch/state.db), or the configuration with --config",
        ),
        _ => error.into(),
    }
}
