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
    #[error("the role may not use the {0} of the schema restore_watch")]
    MissingRights(String),
    /// The schema is there, but empty, or it is not there.
    #[error("the role may not make the tables: {message}")]
    MayNotCreate { has_schema: bool, message: String },
    #[error("{0}")]
    MayNotConnect(String),
    #[error("the tables in the schema restore_watch are gone")]
    Gone,
}

impl Fault {
    /// What an error of the library means.
    pub(super) fn of(error: &tokio_postgres::Error, host: &str) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let message = one_line(refusal.message(), MAX_TEXT);
            return Self::Refused { state: refusal.code().clone(), message };
        }
        if let Some(fault) = http::fault_of_handshake(error, host, http::Peer::Database) {
            let is_passing = fault.kind == http::FaultKind::Passing;
            return if is_passing { Self::Unreachable(fault.text) } else { Self::Misconfigured(fault.text) };
        }

        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        match error.source().and_then(|source| source.downcast_ref::<io::Error>()) {
            Some(error) if error.kind() == io::ErrorKind::PermissionDenied && cause.contains("writes") => {
                Self::Unreachable(READ_ONLY.to_owned())
            }
            Some(error) => Self::Unreachable(format!("cannot connect: {}", http::describe_io(error))),
            None if cause == "server does not support TLS" => Self::Misconfigured(NO_TLS.to_owned()),
            None if cause == "password missing" => Self::Misconfigured(NO_PASSWORD.to_owned()),
            None if error.is_closed() || cause.is_empty() => {
                Self::Unreachable("the connection was closed".to_owned())
            }
            None => Self::Misconfigured(one_line(&format!("{error}: {cause}"), MAX_TEXT)),
        }
    }

    /// The same for one of a connection that is being made.
    pub(super) fn while_connecting(error: &tokio_postgres::Error, host: &str) -> Self {
        match Self::of(error, host) {
            Self::Refused { state, message } if state == SqlState::INSUFFICIENT_PRIVILEGE => {
                Self::MayNotConnect(message)
            }
            fault => fault,
        }
    }

    /// Why none of these hosts can be used. One that may come back can be the one that is needed.
    pub(super) fn of_hosts(mut faults: Vec<(&str, Self)>) -> Self {
        let is_alike = faults.windows(2).all(|pair| pair[0].1 == pair[1].1);
        if is_alike || !faults.iter().any(|(_, fault)| fault.is_passing()) {
            return faults.swap_remove(0).1;
        }
        let each: Vec<_> = faults.iter().map(|(host, fault)| format!("{host}: {fault}")).collect();
        Self::Unreachable(each.join("; "))
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
            Self::NewerSchema { .. } | Self::Unreadable(_) | Self::Gone => OpenErrorClass::Unusable,
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
            help: match self {
                Self::Unreadable(_) => "restore the database from a backup",
                Self::Unreachable(_) | Self::Late(_) if doing == "read" => "check that PostgreSQL runs there",
                _ if doing == "read" => "see the log of the PostgreSQL server",
                _ => {
                    "see the log of the PostgreSQL server; what was not written will be seen and emitted again"
                }
            },
        }
    }

    fn help(&self, database: &Database) -> Cow<'static, str> {
        let (role, name) = (identifier(database.role()), identifier(database.name()));
        match self {
            Self::Refused { state, .. } => return refusal_help(state, &role, &name),
            Self::Unreachable(text) if text == READ_ONLY => NAME_PRIMARY,
            Self::Unreachable(_) | Self::Late(_) => {
                "check the address, that PostgreSQL runs there, and that a firewall lets this machine reach it"
            }
            Self::Misconfigured(text) if text == NO_TLS => {
                "turn TLS on at the server (ssl = on); or, if the network is trusted, remove sslmode from [state] postgres \
                 and write allow_plaintext = true there"
            }
            Self::Misconfigured(text) if text == NO_PASSWORD => {
                "write the whole address with its password into a file or a credential, and name that in [state] postgres"
            }
            Self::Misconfigured(_) => {
                "check the address in [state] postgres, [state] ca_file, and the certificate of the server"
            }
            Self::Unreadable(_) => "restore the database from a backup, or give another [cluster] name",
            Self::OldServer(_) => "upgrade the server, or name another one in [state] postgres",
            Self::NewerSchema { .. } => "use the newer version again, or another database",
            Self::ForeignSchema => "name another database in [state] postgres",
            Self::Gone => "restore them from a backup; or, to begin with an empty state, restart this replica",
            Self::MissingRights(_) => return grants(&role).into(),
            Self::MayNotConnect(_) => {
                return format!("run as the owner of the database: GRANT CONNECT ON DATABASE {name} TO {role};").into();
            }
            Self::MayNotCreate { has_schema: true, .. } => {
                return format!(
                    "run as the owner of the schema: GRANT USAGE, CREATE ON SCHEMA restore_watch TO {role};"
                )
                .into();
            }
            Self::MayNotCreate { has_schema: false, .. } => {
                return format!(
                    "run as the owner of the database: GRANT CREATE ON DATABASE {name} TO {role}; or run there what \
                     `restore-watch schema postgres` prints, and then: {}",
                    statements(&role).join(" ")
                )
                .into();
            }
        }
        .into()
    }
}

const READ_ONLY: &str = "the server takes no writes now: it is a standby, or it is set to read-only";

const NAME_PRIMARY: &str = "name the primary, or all hosts separated by commas: the one that can be written is used; or see \
                            default_transaction_read_only of the server";

const NO_TLS: &str = "the server does not speak TLS, and this connection must be encrypted";

const NO_PASSWORD: &str = "the server asks for a password, and the address has none";

/// What to do about a refusal.
fn refusal_help(state: &SqlState, role: &str, database: &str) -> Cow<'static, str> {
    match state.code() {
        "28P01" | "28000" => "check the user name and the password in [state] postgres, and pg_hba.conf of the server",
        "3D000" => return format!("run as a superuser: CREATE DATABASE {database} OWNER {role};").into(),
        "42501" => return grants(role).into(),
        "53300" => "raise max_connections of the server: each replica uses three",
        "25006" => NAME_PRIMARY,
        "3F000" | "42P01" | "42883" => {
            "start `restore-watch run` once, which makes the tables, or make them with `restore-watch schema postgres`"
        }
        _ => "see the log of the PostgreSQL server",
    }
    .into()
}

/// What to do about missing rights.
fn grants(role: &str) -> String {
    format!("run as the owner of the tables: {}", statements(role).join(" "))
}

/// The statements that give a role the rights that it needs.
pub(super) fn statements(role: &str) -> [String; 3] {
    [
        format!("GRANT USAGE ON SCHEMA restore_watch TO {role};"),
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA restore_watch TO {role};"),
        format!("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA restore_watch TO {role};"),
    ]
}

/// A name as SQL takes it, quoted only if it must be.
pub(super) fn identifier(name: &str) -> String {
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
