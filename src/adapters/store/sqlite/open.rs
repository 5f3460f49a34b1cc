//! Opens a file.
//!
//! Invariant: a file that is not understood whole is left as it is: it is neither used, nor mended,
//! nor deleted.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{DirBuilder, File, OpenOptions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::FileError;
use super::lease::Lease;
use super::schema::{self, APPLICATION_ID, SCHEMA_VERSION};
use super::{file, ids, row_sum};

/// How long a statement waits for another process that writes: `restore-watch deliveries` does so
/// for milliseconds, a person with a tool of their own for longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the directory of the state (0700) and the file (0600) if they are missing, and takes the
/// lease. Returns the one name of the file.
pub(super) fn prepare(path: &Path) -> Result<(PathBuf, Lease), FileError> {
    let failed = |error: std::io::Error| FileError::unusable(path, error.to_string());
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
    }
    make(path)?;
    let path = file::resolve(path)?;
    let taken = Lease::take(&path).map_err(|error| FileError::unusable(&path, error.to_string()))?;
    match taken {
        Ok(lease) => Ok((path, lease)),
        Err(holder) => Err(FileError::Leased { file: path, holder }),
    }
}

/// Makes an empty file if there is none. One that is there is not opened.
pub(super) fn make(path: &Path) -> Result<(), FileError> {
    if path.try_exists().unwrap_or(true) {
        return Ok(());
    }
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|error| FileError::unusable(path, error.to_string()))
}

/// Opens the file for writing, looks all of it through and brings it up to date, in this order: one
/// that is damaged is left as it is.
pub(super) fn write(path: &Path) -> Result<Connection, FileError> {
    let mut connection = connect(path)?;
    let version = version(&connection, path)?;
    let blame = |error| FileError::of(path, &error);
    if let Some(fault) = schema::damage(&connection, version).map_err(blame)? {
        return Err(FileError::Damaged { file: path.to_owned(), fault });
    }

    // The mode is kept in the file, so this waits until it is known to be ours.
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(blame)?;
    if mode != "wal" {
        return Err(FileError::unusable(path, "the file system has no write-ahead log to offer".to_owned()));
    }
    let migrated = schema::migrate(&mut connection, version).and_then(|()| ids::unify(&mut connection));
    if let Err(error) = migrated.map_err(blame) {
        // What was undone would stay in the log, on a disk that may be full.
        if !matches!(error, FileError::Damaged { .. }) {
            understood(path, &connection)?;
        }
        return Err(error);
    }
    Ok(connection)
}

/// Opens a file that is there and up to date, beside other connections and processes.
pub(super) fn up_to_date(path: &Path) -> Result<Connection, FileError> {
    current(beside(path)?, path)
}

/// Opens a file that is there and up to date, as [`read_beside`] does.
pub(super) fn read(path: &Path) -> Result<Connection, FileError> {
    current(read_beside(path)?, path)
}

fn current((connection, version): (Connection, u32), path: &Path) -> Result<Connection, FileError> {
    if version == SCHEMA_VERSION { Ok(connection) } else { Err(FileError::Older(path.to_owned())) }
}

/// Like [`beside`], of a file that is only read: one without a log has none afterwards, and needs no
/// directory that can be written.
pub(super) fn read_beside(path: &Path) -> Result<(Connection, u32), FileError> {
    let log = file::with_ending(path, "-wal");
    let is_logged = std::fs::metadata(&log).is_ok_and(|found| found.len() > 0);

    match beside(path) {
        Ok((connection, version)) => {
            // What comes into the log meanwhile is of a daemon, which looked the file through.
            if !is_logged {
                understood(path, &connection)?;
            }
            Ok((connection, version))
        }
        Err(FileError::Denied { .. }) if !log.try_exists().unwrap_or(true) => {
            versioned(connect_to_immutable(path)?, path)
        }
        Err(FileError::Denied { file, fault }) if File::open(path).is_ok() => {
            Err(FileError::LogDenied { file, fault })
        }
        Err(error) => Err(error),
    }
}

/// Opens a file that is there, beside other connections and processes, and says its version: a
/// daemon of an earlier version of this program may run on it.
pub(super) fn beside(path: &Path) -> Result<(Connection, u32), FileError> {
    // `SQLite` would delete the log of an empty file.
    if std::fs::metadata(path).is_ok_and(|found| found.len() == 0) {
        return Err(FileError::Missing(path.to_owned()));
    }
    versioned(connect(path)?, path)
}

fn versioned(connection: Connection, path: &Path) -> Result<(Connection, u32), FileError> {
    match version(&connection, path)? {
        0 => Err(FileError::Missing(path.to_owned())),
        version => Ok((connection, version)),
    }
}

/// The file is understood whole: the connection that closes it last tidies up.
pub(super) fn understood(path: &Path, connection: &Connection) -> Result<(), FileError> {
    let changed = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false);
    changed.map(drop).map_err(|error| FileError::of(path, &error))
}

pub(super) fn connect(path: &Path) -> Result<Connection, FileError> {
    connect_by(path, path.into(), OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens a file that no process writes, for which `SQLite` then needs neither a log nor locks
/// (<https://sqlite.org/uri.html#uriimmutable>).
fn connect_to_immutable(path: &Path) -> Result<Connection, FileError> {
    let mut name = "file:".to_owned();
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(byte) {
            name.push(char::from(*byte));
        } else {
            // Writing into a text does not fail.
            _ = write!(name, "%{byte:02X}");
        }
    }
    name.push_str("?immutable=1");
    connect_by(path, name.into(), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

fn connect_by(path: &Path, name: OsString, flags: OpenFlags) -> Result<Connection, FileError> {
    let blame = |error| FileError::of(path, &error);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(PathBuf::from(name), flags).map_err(blame)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(blame)?;
    // The connection that closes a file last writes its log into it and deletes the log. A file
    // that is refused is left as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(blame)?;
    // With NORMAL, commits that were reported can be lost when the power fails.
    connection.pragma_update(None, "synchronous", "FULL").map_err(blame)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(blame)?;
    // A statement that changes much keeps its own journal. In a file, it would need a directory for
    // temporary files that can be written, and a container or a hardened service may have none.
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(blame)?;
    row_sum::register(&connection).map_err(blame)?;
    Ok(connection)
}

/// The version of an open file; 0 for one that is empty.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u32, FileError> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let blame = |error| FileError::of(path, &error);
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(blame)?;
    let application = number("PRAGMA application_id").map_err(blame)?;
    let version = number("PRAGMA user_version").map_err(blame)?;
    match (application, u32::try_from(version)) {
        (0, Ok(0)) if tables == 0 => Ok(0),
        (APPLICATION_ID, Ok(found)) if found > SCHEMA_VERSION => {
            Err(FileError::Newer { file: path.to_owned(), found })
        }
        (APPLICATION_ID, Ok(found)) if found > 0 => Ok(found),
        _ => Err(FileError::Foreign(path.to_owned())),
    }
}
