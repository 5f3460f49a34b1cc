//! Which state a command works on.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::socket::SocketArgs;
use crate::adapters::control::Client;
use crate::adapters::report::DaemonStatus;
use crate::adapters::store::{self, Backend, DeliveryAdmin};
use crate::config::{self, PostgresSettings, ShownPath, StateSettings};
use crate::model::Exit;

/// Where the state is.
#[derive(Debug, Clone, Args)]
pub(super) struct StateArgs {
    /// The configuration file whose state is used [default: the state of the running daemon; if
    /// none runs, of the configuration that `run` would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The state itself, if it is in a file, such as /var/lib/restore-watch/state.db
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    state_file: Option<PathBuf>,

    #[command(flatten)]
    socket: SocketArgs,
}

impl StateArgs {
    /// The state that is named; else that of the running daemon; else that of the configuration.
    pub(super) fn settings(&self) -> Result<StateSettings, Failure> {
        match &self.state_file {
            // Not repeated: it may hold a password.
            Some(path) if path.to_string_lossy().contains("://") => {
                Err(Failure::usage("--state-file takes a file, and this is an address")
                    .with_help("name the configuration that has the address of the database, with --config"))
            }
            Some(path) => Ok(StateSettings::in_file(path.clone())),
            None => match self.of_daemon()? {
                Some(settings) => Ok(settings),
                None => Ok(config::state(self.config.as_deref())?),
            },
        }
    }

    /// The state of [`StateArgs::settings`], which is not opened yet.
    pub(super) fn backend(&self) -> Result<Box<dyn Backend>, Failure> {
        let settings = self.settings()?;
        check_address(&settings)?;
        store::backend(&settings).ok_or_else(|| {
            Failure::new(Exit::State, "there is no usual place for a state: HOME is not set")
                .with_help("name the state with --state-file, or the configuration with --config")
        })
    }

    /// Opens the deliveries of the state.
    pub(super) fn deliveries(&self) -> Result<Box<dyn DeliveryAdmin>, Failure> {
        Ok(self.backend()?.administer()?)
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
    fn of_daemon(&self) -> Result<Option<StateSettings>, Failure> {
        let named = config::named(self.config.as_deref());
        let daemon = match named {
            Some(_) => self.socket.daemon().ok().flatten(),
            None => self.socket.daemon_if_it_answers("using the state of the configuration")?,
        };

        let uses = |config: &Path| named.as_deref().is_none_or(|named| same_file(named, config));
        match daemon.filter(|daemon| daemon.config.as_deref().is_none_or(uses)) {
            Some(daemon) => state_of(&daemon),
            None => Ok(None),
        }
    }
}

/// The state of a daemon, if it keeps one.
fn state_of(daemon: &DaemonStatus) -> Result<Option<StateSettings>, Failure> {
    if let Some(file) = daemon.state_file() {
        return Ok(Some(StateSettings::in_file(file.to_owned())));
    }
    let Some((state, config)) = daemon.state.as_ref().zip(daemon.config.as_ref()) else { return Ok(None) };

    // The address of a database is only in the configuration, and may be a secret.
    let settings = config::state_of(config)?;
    if settings.database().is_none() {
        let config = ShownPath(config);
        let fault =
            format!("the running daemon keeps its state in {state}, which {config} does not name any more");
        return Err(Failure::new(Exit::State, fault)
            .with_help("restart the daemon, or name another configuration with --config"));
    }
    Ok(Some(settings))
}

/// Reads the address of the database that the state is in, if it is in one and its address is a secret: credentials are
/// for services alone.
pub(super) fn check_address(settings: &StateSettings) -> Result<(), Failure> {
    settings.database().map(PostgresSettings::read_address).transpose()?;
    Ok(())
}

/// Whether two paths lead to one file that is there.
pub(super) fn same_file(one: &Path, other: &Path) -> bool {
    let canonical = |path: &Path| path.canonicalize().ok();
    canonical(one).is_some_and(|path| canonical(other) == Some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A daemon with this configuration, which says this of its state.
    fn daemon(config: Option<&Path>, state: Option<&str>) -> DaemonStatus {
        serde_json::from_value(serde_json::json!({
            "version": "1.2.3", "pid": 1, "started_at": "2026-11-23T15:00:00Z", "timestamp": "2026-11-23T15:00:00Z",
            "config": config, "state": state, "summary": "", "trouble": null, "projects": [],
        }))
        .unwrap()
    }

    #[test]
    fn state_of_a_daemon_is_its_file_or_the_database_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        let write = |state: &str| std::fs::write(&config, format!("jobs = []\n[state]\n{state}\n")).unwrap();
        let shown = "PostgreSQL database r at db.example, cluster default";

        write("path = 'other.db'");
        let of_file = state_of(&daemon(Some(&config), Some("/srv/state.db"))).unwrap().unwrap();
        assert_eq!(of_file.file(), Some(Path::new("/srv/state.db")));
        let changed = state_of(&daemon(Some(&config), Some(shown))).unwrap_err();
        assert!(
            changed.to_string().contains("does not name any more\n  help: restart the daemon"),
            "{changed}"
        );
        assert_eq!(state_of(&daemon(Some(&config), None)).unwrap(), None);

        if cfg!(feature = "postgres") {
            write("postgres = 'postgresql://rw@db.example/r'");
            let of_database = state_of(&daemon(Some(&config), Some(shown))).unwrap().unwrap();
            assert_eq!(of_database.place.unwrap().to_string(), shown);

            // What only the daemon has in its environment.
            write(
                "postgres = 'postgresql://rw@db.example/r'\n[[sink]]\ntype = 'webhook'\nformat = 'template'\n\
                 url = 'https://example.com'\n[sink.payload]\nchat = '{{ env.NOT_SET_HERE }}'",
            );
            assert!(state_of(&daemon(Some(&config), Some(shown))).unwrap().is_some());
        }
    }
}
