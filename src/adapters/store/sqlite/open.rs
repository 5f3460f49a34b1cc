//! Opening a state, and what can be wrong with it.
//!
//! Invariant: a file that is not understood whole is left as it is: it is neither used, nor mended, nor deleted.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::lock::{self, Lock, Locked};
use super::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use super::{describe, file, ids};
use crate::adapters::store::BUSY_HELP;

/// How long a statement waits for another process that writes: `restore-watch deliveries` does so for milliseconds, a
/// person with a tool of their own for longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process uses it.
    #[error("the state {file} is in use by {}", holder(*process))]
    Locked {
        /// The file.
        file: PathBuf,
        /// The other process, where it can be told.
        process: Option<u32>,
    },
    /// It was written by a newer version of this program.
    #[error(
        "the state {file} was written by a newer restore-watch: it has version {found}, this program knows {SCHEMA_VERSION}"
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i32,
    },
    /// It was written by an older version, and this is not the process to change that.
    #[error("the state {0} was written by an older restore-watch")]
    Older(PathBuf),
    /// It belongs to another program.
    #[error("{0} is a database, but not a state of restore-watch")]
    Foreign(PathBuf),
    /// It is damaged.
    #[error("the state {file} is damaged: {fault}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found.
        fault: String,
    },
    /// There is none.
    #[error("there is no state at {0}")]
    Missing(PathBuf),
    /// It is a directory, a pipe, a device or a socket.
    #[error("{0} is no regular file, so it cannot be the state")]
    Irregular(PathBuf),
    /// It has further names, and `SQLite` would keep a log for each.
    #[error("the state {file} has {names} names (hard links), and each would have a log of its own")]
    Linked {
        /// The file.
        file: PathBuf,
        /// How many names it has.
        names: u64,
    },
    /// It is mounted by itself, and its log is not.
    #[error("the state {0} is mounted as a single file, so its log would lie elsewhere")]
    Mounted(PathBuf),
    /// It is to be set aside, and may belong to another program.
    #[error("{0} is not a state of restore-watch, so it is not set aside")]
    NotOurs(PathBuf),
    /// Another program keeps it locked.
    #[error("cannot use the state {0}: another program holds a lock on it")]
    Busy(PathBuf),
    /// The system has no thread for it.
    #[error("cannot start a thread for the state: {0}")]
    NoThread(std::io::Error),
    /// The system does not let it be used.
    #[error("cannot use the state {file}: {fault}")]
    Unusable {
        /// The file.
        file: PathBuf,
        /// What the system said.
        fault: String,
    },
}

impl OpenError {
    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => {
                Some("stop that process first, or give this one another `path` under [state]")
            }
            Self::Newer { .. } => Some(
                "use the newer version again; or run with --set-state-aside, which renames the file and starts \
                 anew: jobs that ended will be told again, and what is owed in it will not be delivered",
            ),
            Self::Older(_) => Some("start `restore-watch run` once, which brings it up to date"),
            Self::Foreign(_) => Some("give another `path` under [state]"),
            Self::Damaged { .. } => Some(
                "restore it from a backup; or run with --set-state-aside, which renames the file and starts anew: \
                 jobs that ended will be told again, and what is owed in it will not be delivered",
            ),
            Self::Missing(_) => Some("`restore-watch run` makes one; name it by `path` under [state]"),
            Self::Irregular(_) => {
                Some("give a `path` under [state] at which there is a state, or nothing yet")
            }
            Self::Linked { .. } => Some(
                "keep one name and delete the others (`find DIRECTORY -samefile FILE` finds them), or copy the file in \
                 place of linking it",
            ),
            Self::Mounted(_) => Some("mount the directory of the state in place of the file"),
            Self::NotOurs(_) => Some(
                "give another `path` under [state]; if it is a state that was damaged, rename it and its -wal yourself",
            ),
            Self::Busy(_) => Some(BUSY_HELP),
            Self::NoThread(_) => Some("raise the limit of processes (ulimit -u, TasksMax=, pids.max)"),
            Self::Unusable { .. } => {
                Some("check the free space and the permissions there, or give another `path` under [state]")
            }
        }
    }
}

fn holder(process: Option<u32>) -> String {
    process.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
}

/// Makes the directory of the state (0700) and the file (0600) if they are missing, and takes the lock. Returns the one
/// name of the file.
pub(super) fn prepare(path: &Path) -> Result<(PathBuf, Lock), OpenError> {
    let failed = |error: std::io::Error| unusable(path, error.to_string());
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    make(path)?;
    let path = file::resolve(path)?;
    let locked = Lock::take(&path).map_err(|error| unusable(&path, error.to_string()))?;
    match locked {
        Ok(lock) => Ok((path, lock)),
        Err(Locked { process }) => Err(OpenError::Locked { file: path, process }),
    }
}

/// Makes an empty file if there is none. One that is there is not opened.
pub(super) fn make(path: &Path) -> Result<(), OpenError> {
    if path.try_exists().unwrap_or(true) {
        return Ok(());
    }
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|error| unusable(path, error.to_string()))
}

/// Opens the file for writing, brings it up to date and looks all of it through.
pub(super) fn write(path: &Path) -> Result<Connection, OpenError> {
    let mut connection = connect(path)?;
    let version = version(&connection, path)?;
    let blame = |error| blame(path, &error);
    // The mode is kept in the file, so this waits until it is known to be ours.
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(blame)?;
    if mode != "wal" {
        return Err(unusable(path, "the file system has no write-ahead log to offer".to_owned()));
    }
    schema::migrate(&mut connection, version).map_err(blame)?;
    if let Some(fault) = schema::damage(&connection).map_err(blame)? {
        return Err(OpenError::Damaged { file: path.to_owned(), fault });
    }
    ids::unify(&mut connection).map_err(blame)?;
    Ok(connection)
}

/// Opens a file that is there and up to date, beside whoever else uses it.
pub(super) fn beside(path: &Path) -> Result<Connection, OpenError> {
    // `SQLite` would delete the log of an empty file.
    if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        return Err(OpenError::Missing(path.to_owned()));
    }
    let connection = connect(path)?;
    match version(&connection, path)? {
        0 => Err(OpenError::Missing(path.to_owned())),
        SCHEMA_VERSION => Ok(connection),
        _ => Err(OpenError::Older(path.to_owned())),
    }
}

/// A file is understood whole: whoever closes it last tidies up.
pub(super) fn understood(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let changed = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    changed.map(drop).map_err(|error| blame(path, &error))
}

pub(super) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let blame = |error| blame(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(blame)?;
    connection.busy_timeout(PATIENCE).map_err(blame)?;
    // Whoever closes a file last writes its log into it and deletes the log. One that is refused is left as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(blame)?;
    // With NORMAL, commits that were reported as safe can be lost when the power fails.
    connection.pragma_update(None, "synchronous", "FULL").map_err(blame)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(blame)?;
    // A statement that changes much keeps its own journal. In a file, it would need a directory for temporary files that can
    // be written, and a container or a hardened service may have none.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(blame)?;
    schema::prepare(&connection).map_err(blame)?;
    Ok(connection)
}

/// The version of an open file; 0 for one that is empty.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i32, OpenError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let blame = |error| blame(path, &error);
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(blame)?;
    let application = number("PRAGMA application_id").map_err(blame)?;
    let version = number("PRAGMA user_version").map_err(blame)?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, found) if found > SCHEMA_VERSION => {
            Err(OpenError::Newer { file: path.to_owned(), found })
        }
        (APPLICATION_ID, found) if found > 0 => Ok(found),
        _ => Err(OpenError::Foreign(path.to_owned())),
    }
}

/// Who uses the state, if anybody does.
pub(super) fn user(path: &Path) -> Result<Option<Locked>, OpenError> {
    lock::who(path).map_err(|error| unusable(path, error.to_string()))
}

/// What a failure to open or read a file says about it.
fn blame(path: &Path, error: &rusqlite::Error) -> OpenError {
    // A page that should be there is not: a file that was cut is no trouble of the disk.
    if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ) {
        return OpenError::Damaged { file: path.to_owned(), fault: "it ends too early".to_owned() };
    }
    match error.sqlite_error_code() {
        // Beside what SQLite calls damaged: a statement or a value that does not fit. The file is not what its version
        // says.
        None
        | Some(
            ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase
            | ErrorCode::Unknown
            | ErrorCode::TypeMismatch
            | ErrorCode::ConstraintViolation,
        ) => OpenError::Damaged { file: path.to_owned(), fault: error.to_string() },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Busy(path.to_owned()),
        Some(_) => unusable(path, describe(error)),
    }
}

pub(super) fn unusable(path: &Path, fault: String) -> OpenError {
    OpenError::Unusable { file: path.to_owned(), fault }
}

/// Something in the file that cannot be read as what it should be.
pub(super) fn unreadable(path: &Path, error: &rusqlite::Error) -> OpenError {
    blame(path, error)
}
