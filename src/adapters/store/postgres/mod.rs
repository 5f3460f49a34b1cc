//! The state in a `PostgreSQL` database, which replicas share.
//!
//! Invariant: a commit is one message to the server, and is made only if the lease is still that of
//! this process.

mod address;
mod connection;

use std::path::Path;

use jiff::Timestamp;

use super::{Backend, BackupError, DeliveryAdmin, OpenError, OpenErrorClass, Opened};
use crate::adapters::report::Reader;
use crate::config::{PostgresSettings, StatePlace};

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

    fn unfinished(&self) -> OpenError {
        OpenError {
            class: OpenErrorClass::Unusable,
            message: format!("cannot open {}", self.location()),
            help: "use a file".into(),
        }
    }
}

impl Backend for Postgres {
    fn location(&self) -> String {
        StatePlace::Postgres(Box::new(self.settings.clone())).to_string()
    }

    fn open(&self, _set_aside: Option<Timestamp>) -> Result<Opened, OpenError> {
        Err(self.unfinished())
    }

    fn administer(&self) -> Result<Box<dyn DeliveryAdmin>, OpenError> {
        Err(self.unfinished())
    }

    fn read(&self) -> Result<Box<dyn Reader>, OpenError> {
        Err(self.unfinished())
    }

    fn back_up(&self, _to: &Path) -> Result<(), BackupError> {
        Err(self.unfinished().into())
    }
}
