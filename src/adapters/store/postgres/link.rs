//! A connection that is made again when it is needed.
//!
//! Invariant: what is asked is one message of the simple protocol, so that a pooler may lie between,
//! and no session waits for this program within a transaction. Each message has a time limit, at the
//! server and here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

use super::connection::{Connection, Database};
use super::fault::Fault;

/// The rows of each statement of a message.
pub(super) type Answer = Vec<Vec<SimpleQueryRow>>;

/// A connection to a database, if it is there.
#[derive(Clone)]
pub(super) struct Link {
    database: Arc<Database>,
    current: Arc<Mutex<Option<Arc<Connection>>>>,
    /// One connects, the others wait for that.
    connecting: Arc<tokio::sync::Mutex<()>>,
}

impl Link {
    /// A link that connects with its first message.
    pub(super) fn to(database: &Arc<Database>) -> Self {
        Self { database: Arc::clone(database), current: Arc::default(), connecting: Arc::default() }
    }

    pub(super) fn database(&self) -> &Arc<Database> {
        &self.database
    }

    /// Sends statements as one message, which is one transaction, and waits for their rows. Fails
    /// after this time, to which that of connecting is added; the server gives each statement as much.
    pub(super) async fn ask(&self, sql: &str, limit: Duration) -> Result<Answer, Fault> {
        let connection = self.connection().await?;
        let message = format!("SET LOCAL statement_timeout = {}; {sql}", limit.as_millis());
        let answered = tokio::time::timeout(limit, connection.client.simple_query(&message)).await;
        let answer = match answered {
            Ok(answer) => answer.map_err(|error| Fault::of(&error, self.database.host())),
            Err(_) => Err(Fault::Late(limit)),
        };

        if answer.as_ref().is_err_and(Fault::breaks) {
            self.forget(&connection);
        }
        answer.map(grouped)
    }

    /// The connection that is there, or a new one.
    pub(super) async fn connection(&self) -> Result<Arc<Connection>, Fault> {
        let _turn = self.connecting.lock().await;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let made = Arc::new(self.database.connect().await?);
        *self.slot() = Some(Arc::clone(&made));
        Ok(made)
    }

    fn current(&self) -> Option<Arc<Connection>> {
        self.slot().clone().filter(|connection| !connection.client.is_closed())
    }

    /// Ends a connection, unless there is a newer one.
    fn forget(&self, connection: &Arc<Connection>) {
        connection.cut();
        let mut slot = self.slot();
        if slot.as_ref().is_some_and(|current| Arc::ptr_eq(current, connection)) {
            *slot = None;
        }
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Arc<Connection>>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows by statement, without those of the time limit, which is the first one.
fn grouped(messages: Vec<SimpleQueryMessage>) -> Answer {
    let mut answer = Vec::new();
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => rows.push(row),
            SimpleQueryMessage::CommandComplete(_) => answer.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    if !answer.is_empty() {
        answer.remove(0);
    }
    answer
}
