//! The state in a `PostgreSQL` database, which replicas share.
//!
//! Invariant: a commit is one message to the server, and is made only if the lease is still that of
//! this process.

mod address;
mod alone;
mod blocked;
mod cluster;
mod commit;
mod connection;
mod deliver;
mod deliveries;
mod document;
mod fault;
mod held_lease;
mod import;
mod insert;
mod lease;
mod link;
mod literal;
mod place;
mod probe;
mod reader;
mod recall;
mod replica;
mod requests;
mod row;
mod schema;
mod script;
mod session;
mod store;
#[cfg(test)]
mod tests;
mod times;

use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::{
    Arrival, Backend, BackupError, DeliveryAdmin, OpenError, OpenErrorClass, Opened, Probe, Replica, Rows,
};
use crate::adapters::report::Reader;
use crate::config::{PostgresSettings, StatePlace};
use crate::platform::clock::Clock;

pub use script::postgres_script;

use alone::Alone;
use deliveries::PostgresAdmin;
use reader::PostgresReader;
use replica::{PostgresReplica, Taken};

/// A database for a state.
#[derive(Debug)]
pub struct Postgres {
    settings: PostgresSettings,
}

impl Postgres {
    /// The database of these settings, which is not connected to yet.
    pub fn at(settings: &PostgresSettings) -> Self {
        Self { settings: settings.clone() }
    }

    fn no_thread(&self, error: &io::Error) -> OpenError {
        OpenError {
            class: OpenErrorClass::System,
            message: format!("cannot start a thread for the state {}: {error}", self.location()),
            help: "raise the limit of processes (ulimit -u, TasksMax=, pids.max)".into(),
        }
    }

    /// The task that opens the state panicked.
    fn ended_early(&self) -> OpenError {
        OpenError {
            class: OpenErrorClass::System,
            message: format!("opening the state {} ended by a panic", self.location()),
            help: "report this: it is a bug".into(),
        }
    }
}

impl Backend for Postgres {
    fn location(&self) -> String {
        StatePlace::Postgres(Box::new(self.settings.clone())).to_string()
    }

    /// Waits for a lease to end that shows no sign of life.
    fn open(&self, set_aside: Option<Timestamp>) -> Result<Opened, OpenError> {
        let alone = Alone::start().map_err(|error| self.no_thread(&error))?;
        let postgres = Self::at(&self.settings);
        let opened = alone.run(async move { take(&postgres, set_aside.is_some()).await });
        let Taken { store, snapshot } = opened.unwrap_or_else(|| Err(self.ended_early()))?;
        Ok(Opened { store: Box::new(store.alone(alone)), snapshot, set_aside: None })
    }

    fn replica(&self, clock: Clock) -> Option<Box<dyn Replica>> {
        Some(Box::new(PostgresReplica::new(&self.settings, clock)))
    }

    fn administer(&self) -> Result<Box<dyn DeliveryAdmin>, OpenError> {
        Ok(Box::new(PostgresAdmin::open(&self.settings)?))
    }

    fn read(&self) -> Result<Box<dyn Reader>, OpenError> {
        Ok(Box::new(PostgresReader::open(&self.settings)?))
    }

    fn probe(&self) -> Option<Result<Probe, OpenError>> {
        Some(probe::probe(&self.settings))
    }

    fn back_up(&self, _to: &Path) -> Result<(), BackupError> {
        let error = OpenError {
            class: OpenErrorClass::Unusable,
            message: format!("only a state in a file is copied, and {} is none", self.location()),
            help: "use a tool of PostgreSQL: pg_dump --schema=restore_watch --file=FILE DATABASE".into(),
        };
        Err(error.into())
    }

    fn arrive(&self, rows: &Rows, is_trial: bool) -> Result<Arrival, OpenError> {
        import::import(&self.settings, rows, is_trial)
    }
}

/// Takes the lease, unless its holder shows a sign of life.
async fn take(postgres: &Postgres, sets_aside: bool) -> Result<Taken, OpenError> {
    let clock = Clock::system();
    let mut replica = PostgresReplica::new(&postgres.settings, clock);
    let mut first = None;
    let unusable = |message, help: &'static str| OpenError {
        class: OpenErrorClass::Unusable,
        message,
        help: help.into(),
    };
    loop {
        if let Some(taken) = replica.look_and_take(!sets_aside).await? {
            return Ok(taken);
        }
        let seen = replica.sightings().sign_of_life();
        let active = replica.cluster().active;
        if let Some(active) = active.filter(|_| *first.get_or_insert(seen) != seen) {
            return Err(unusable(
                format!("the state {} is in use by the replica {}", postgres.location(), active.name),
                "stop that replica first, or give another [cluster] name",
            ));
        }
        if sets_aside && replica.cluster().active.is_none() {
            return Err(unusable(
                format!("the state {} is in a database, where none is set aside", postgres.location()),
                "give another [cluster] name, which begins with a new state",
            ));
        }
        tokio::time::sleep(replica.look_interval()).await;
    }
}
