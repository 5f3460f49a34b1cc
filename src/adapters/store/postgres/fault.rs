//! What can go wrong between this program and a database, and what to do about it.
//!
//! Invariant: no text made here holds a password or a value of a statement.

use std::borrow::Cow;
use std::error::Error as _;
use std::io;
use std::time::Duration;

use tokio_postgres::error::SqlState;

use super::connection::Database;
use crate::adapters::http;
use crate::adapters::store::{OpenError, OpenErrorClass, StoreError, StoreErrorClass};
use crate::model::{duration, one_line};

/// The longest text of a server or a library that is shown.
const MAX_TEXT: usize = 300;

/// The oldest server whose limit for the time of a statement counts for each statement of a
/// message.
pub(super) const OLDEST_SERVER: u32 = 13;

/// Why the database did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum Fault {
    /// There is no connection, or it broke. What was asked may have been done.
    #[error("{0}")]
    Unreachable(String),
    /// No answer came within this time. What was asked may have been done.
    #[error("no answer within {}", duration::human(*.0))]
    Late(Duration),
    /// There is no connection, and trying again does not help.
    #[error("{0}")]
    Misconfigured(String),
    /// The server refused it, and did nothing of it.
    #[error("{message}")]
    Refused { state: SqlState, message: String },
    /// What the server answered is not what this program wrote.
    #[error("{0}")]
    Unreadable(String),
    #[error("the server has version {0}, and this program needs PostgreSQL {OLDEST_SERVER} or later")]
    OldServer(String),
    #[error(
        "the state was written by a newer restore-watch: its schema has version {found}, this program knows {known}"
    )]
    NewerSchema { found: i64, known: usize },
    #[error("the schema restore_watch is there, but it is not a state of restore-watch")]
    ForeignSchema,
    #[error("the role may not use the table {0} of the schema restore_watch")]
    MissingRights(String),
    #[error("the role may not make the tables: {0}")]
    MayNotCreate(String),
}

impl Fault {
    /// What an error of the library means.
    pub(super) fn of(error: &tokio_postgres::Error, database: &Database) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let message = one_line(refusal.message(), MAX_TEXT);
            return Self::Refused { state: refusal.code().clone(), message };
        }
        if let Some(fault) = http::fault_of_handshake(error, database.hosts(), http::Peer::Database) {
            let is_passing = fault.kind == http::FaultKind::Passing;
            return if is_passing { Self::Unreachable(fault.text) } else { Self::Misconfigured(fault.text) };
        }

        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(error) if error.kind() == io::ErrorKind::PermissionDenied && cause.contains("writes") => {
                Self::Unreachable(READ_ONLY.to_owned())
            }
            Some(error) => Self::Unreachable(format!("cannot connect: {}", http::describe_io(error))),
            None if cause == "server does not support TLS" => Self::Misconfigured(
                "the server does not speak TLS, which this program needs to reach another machine".to_owned(),
            ),
            None if error.is_closed() || cause.is_empty() => {
                Self::Unreachable("the connection was closed".to_owned())
            }
            None => Self::Misconfigured(one_line(&format!("{error}: {cause}"), MAX_TEXT)),
        }
    }

    /// An answer that is not what this program wrote.
    pub(super) fn unreadable(error: impl std::fmt::Display) -> Self {
        Self::Unreadable(one_line(&error.to_string(), MAX_TEXT))
    }

    /// The code of a refusal.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { state, .. } => Some(state.code()),
            _ => None,
        }
    }

    /// Whether the same may succeed later without a change of settings.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late(_) => true,
            Self::Refused { state, .. } => is_passing(state),
            _ => false,
        }
    }

    /// Whether the connection is of no use any more.
    pub(super) fn breaks(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Late(_) | Self::Misconfigured(_) => true,
            // A pooler, or another server behind the same name, may have a better one.
            Self::Refused { state, .. } => {
                state.code().starts_with("57P") || *state == SqlState::READ_ONLY_SQL_TRANSACTION
            }
            _ => false,
        }
    }

    /// The error of a state that cannot be opened because of it.
    pub(super) fn while_opening(&self, database: &Database) -> OpenError {
        let class = match self {
            _ if self.is_passing() => OpenErrorClass::Unreachable,
            Self::NewerSchema { .. } | Self::Unreadable(_) => OpenErrorClass::Unusable,
            _ => OpenErrorClass::Misconfigured,
        };
        OpenError {
            class,
            message: format!("cannot open the state {database}: {self}"),
            help: self.help(database),
        }
    }

    /// The error of a store that this happened to.
    pub(super) fn while_doing(&self, doing: &'static str, database: &Database) -> StoreError {
        StoreError {
            class: StoreErrorClass::Failed,
            doing,
            state: database.to_string(),
            fault: self.to_string(),
            help: "see the log of the PostgreSQL server; what was not written will be seen and emitted again",
        }
    }

    fn help(&self, database: &Database) -> Cow<'static, str> {
        let role = database.role().unwrap_or_else(|| "ROLE".to_owned());
        let (role, name) = (identifier(&role), identifier(&database.name()));
        match self {
            Self::Refused { state, .. } => return refusal_help(state, &role, &name),
            Self::Unreachable(text) if text == READ_ONLY => {
                "name the primary, or all hosts separated by commas: the one that can be written is used"
            }
            Self::Unreachable(_) | Self::Late(_) => {
                "check that PostgreSQL runs there, and that a firewall lets this machine reach it"
            }
            Self::Misconfigured(_) => {
                "check the address in [state] postgres, [state] ca_file, and the certificate of the server"
            }
            Self::Unreadable(_) => "restore the database from a backup, or give another [cluster] name",
            Self::OldServer(_) => "upgrade the server, or name another one in [state] postgres",
            Self::NewerSchema { .. } => "use the newer version again, or another database",
            Self::ForeignSchema => "name another database in [state] postgres",
            Self::MissingRights(_) => return grants(&role).into(),
            Self::MayNotCreate(_) => {
                return format!(
                    "run as the owner of the database: GRANT CREATE ON DATABASE {name} TO {role}; or run there what \
                     `restore-watch schema postgres` prints, and then: {}",
                    statements(&role)
                )
                .into();
            }
        }
        .into()
    }
}

const READ_ONLY: &str = "the server takes no writes now: it is a standby, or it is set to read-only";

/// What to do about a refusal.
fn refusal_help(state: &SqlState, role: &str, database: &str) -> Cow<'static, str> {
    match state.code() {
        "28P01" | "28000" => "check the user name and the password in [state] postgres, and pg_hba.conf of the server",
        "3D000" => return format!("run as a superuser: CREATE DATABASE {database} OWNER {role};").into(),
        "42501" => return grants(role).into(),
        "53300" => "raise max_connections of the server; this program uses three",
        "25006" => "name the primary, or all hosts separated by commas: the one that can be written is used",
        "3F000" | "42P01" | "42883" => {
            "start `restore-watch run` once, which makes the tables, or make them with `restore-watch schema postgres`"
        }
        _ => "see the log of the PostgreSQL server",
    }
    .into()
}

/// What to do about missing rights.
fn grants(role: &str) -> String {
    format!("run as the owner of the tables: {}", statements(role))
}

/// The statements that give a role the rights that it needs.
fn statements(role: &str) -> String {
    format!(
        "GRANT USAGE ON SCHEMA restore_watch TO {role}; \
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restore_watch TO {role};"
    )
}

/// A name as SQL takes it, quoted only if it must be.
fn identifier(name: &str) -> String {
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte.is_ascii_digit())
            && name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Whether a refusal may pass: the server starts, stops, lacks something, was asked to cancel, or
/// changes its role.
fn is_passing(state: &SqlState) -> bool {
    let code = state.code();
    ["08", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006"
}
