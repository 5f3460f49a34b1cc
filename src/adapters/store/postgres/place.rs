//! One state of a database, for what is done beside its active replica, or without one.

use std::sync::Arc;
use std::time::Duration;

use super::connection::Database;
use super::fault::Fault;
use super::literal::Literal;
use super::session::Session;
use super::{Postgres, schema};
use crate::adapters::store::{Backend as _, OpenError, OpenErrorClass, StoreError};
use crate::config::PostgresSettings;

/// How long one request of a command may take, with connecting: a large history takes seconds, and
/// a server that is lost is noticed within a part of it.
pub(super) const COMMAND_LIMIT: Duration = Duration::from_secs(30);

/// A state, and the session that its rows are read and changed over.
pub(super) struct Place {
    /// The cluster as a literal of SQL.
    pub(super) cluster: String,
    pub(super) session: Session,
}

impl Place {
    /// The state of these settings, whether or not it is there.
    pub(super) fn of(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let database = Arc::new(Database::of(settings)?);
        Ok(Self::beside(&database, &settings.cluster.name, COMMAND_LIMIT))
    }

    /// The state of this cluster. Each request ends within `limit`.
    pub(super) fn beside(database: &Arc<Database>, cluster: &str, limit: Duration) -> Self {
        Self { cluster: Literal(cluster).to_string(), session: Session::new(database, limit) }
    }

    /// The state of these settings, which must be there.
    pub(super) fn existing(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let mut place = Self::of(settings)?;
        if place.is_there().map_err(|fault| fault.while_opening(place.session.database()))? {
            return Ok(place);
        }
        Err(OpenError {
            class: OpenErrorClass::Missing,
            message: format!("there is no state in {}", Postgres::at(settings).location()),
            help: "`restore-watch run` makes one, and `restore-watch state move` moves one into it".into(),
        })
    }

    fn is_there(&mut self) -> Result<bool, Fault> {
        let Self { cluster, session } = self;
        if !session.wait(|link| async move { schema::is_there(&link, COMMAND_LIMIT).await })? {
            return Ok(false);
        }
        let sql = format!("SELECT 1 FROM restore_watch.clusters WHERE name = {cluster}");
        Ok(session.read(&[sql])?.iter().flatten().next().is_some())
    }

    /// The error of something that was done here.
    pub(super) fn error(&self, doing: &'static str, fault: &Fault) -> StoreError {
        fault.while_doing(doing, self.session.database())
    }
}
