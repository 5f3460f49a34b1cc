//! What can be wrong with a file, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};

use super::schema::SCHEMA_VERSION;
use crate::adapters::store::{Holder, OpenError, OpenErrorClass, StoreError, StoreErrorClass};
use crate::platform::process;

/// What to do about a state that another program keeps locked.
const BUSY_HELP: &str =
    "end the program that holds the lock (`fuser FILE` finds it) or its transaction, and start again";

/// What to do about a state that is damaged.
const DAMAGE_HELP: &str = "restore it from a backup; or run with --set-state-aside, which renames the file and starts \
     with a new one: jobs that ended will be reported again, and what is pending in it will not be delivered";

/// Why a file cannot be used as a state.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("the state {file} is in use by {}", holder.name.as_deref().unwrap_or("another process"))]
    Leased { file: PathBuf, holder: Holder },
    #[error(
        "the state {file} was written by a newer restore-watch: it has version {found}, this program knows {SCHEMA_VERSION}"
    )]
    Newer { file: PathBuf, found: u32 },
    /// Only the process that has the lease brings it up to date.
    #[error("the state {0} was written by an older restore-watch")]
    Older(PathBuf),
    #[error("{0} is a database, but not a state of restore-watch")]
    Foreign(PathBuf),
    #[error("the state {file} is damaged: {fault}")]
    Damaged { file: PathBuf, fault: String },
    #[error("there is no state at {0}")]
    Missing(PathBuf),
    /// A directory, a pipe, a device or a socket.
    #[error("{0} is no regular file, so it cannot be the state")]
    Irregular(PathBuf),
    #[error("the state {file} has {names} names (hard links), and each would have a log of its own")]
    Linked { file: PathBuf, names: u64 },
    #[error("the state {0} is mounted as a single file, so its log would lie elsewhere")]
    Mounted(PathBuf),
    #[error("{0} is not a state of restore-watch, so it is not set aside")]
    NotOurs(PathBuf),
    #[error("cannot use the state {0}: another program holds a lock on it")]
    Busy(PathBuf),
    #[error("cannot start a thread for the state: {0}")]
    NoThread(std::io::Error),
    /// The file, its log or its directory can be opened in no way, or not for writing.
    #[error("cannot use the state {file}: {fault}")]
    Denied { file: PathBuf, fault: String },
    /// The file itself can be read, its log cannot.
    #[error("cannot read the state {file} with its log: {fault}")]
    LogDenied { file: PathBuf, fault: String },
    #[error("cannot use the state {file}: {fault}")]
    Unusable { file: PathBuf, fault: String },
}

impl FileError {
    /// The system does not let the file be used.
    pub(super) fn unusable(path: &Path, fault: String) -> Self {
        Self::Unusable { file: path.to_owned(), fault }
    }

    /// What a failure to open or read a file says about it.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        // A page that should be there is not: a file that was cut is no trouble of the disk.
        if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHORT_READ) {
            return Self::Damaged { file: path.to_owned(), fault: "it ends too early".to_owned() };
        }
        match error.sqlite_error_code() {
            // Beside what SQLite calls damaged: a statement or a value that does not fit. The file
            // is not what its version says.
            None
            | Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::Unknown
                | ErrorCode::TypeMismatch
                | ErrorCode::ConstraintViolation,
            ) => Self::Damaged { file: path.to_owned(), fault: error.to_string() },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path.to_owned()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
                Self::Denied { file: path.to_owned(), fault: describe(error) }
            }
            Some(_) => Self::unusable(path, describe(error)),
        }
    }

    pub(super) fn help(&self) -> &'static str {
        match self {
            Self::Leased { .. } => "stop that process first, or give this one another `path` under [state]",
            Self::Newer { .. } => {
                "use the newer version again; or run with --set-state-aside, which renames the file and starts \
                 with a new one: jobs that ended will be reported again, and what is pending in it will not be delivered"
            }
            Self::Older(_) => "start `restore-watch run` once, which brings it up to date",
            Self::Foreign(_) => "give another `path` under [state]",
            Self::Damaged { .. } => DAMAGE_HELP,
            Self::Missing(_) => {
                "name the state with --state-file (that of the system service is /var/lib/restore-watch/state.db), or the \
                 configuration with --config"
            }
            Self::Irregular(_) => "give a `path` under [state] at which there is a state, or nothing yet",
            Self::Linked { .. } => {
                "keep one name and delete the others (`find DIRECTORY -samefile FILE` finds them), or copy the file in \
                 place of linking it"
            }
            Self::Mounted(_) => "mount the directory of the state in place of the file",
            Self::NotOurs(_) => {
                "give another `path` under [state]; if it is a state that was damaged, rename it and its -wal yourself"
            }
            Self::Busy(_) => BUSY_HELP,
            Self::NoThread(_) => "raise the limit of processes (ulimit -u, TasksMax=, pids.max)",
            Self::Denied { .. } => {
                "check the permissions of the file and of its directory, or give another `path` under [state]"
            }
            Self::LogDenied { .. } => {
                "as a user that may write to its directory, copy it with `restore-watch backup`; then read the copy"
            }
            Self::Unusable { .. } => {
                "check the free space and the permissions there, or give another `path` under [state]"
            }
        }
    }
}

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        let class = match error {
            FileError::Missing(_) => OpenErrorClass::Missing,
            FileError::NoThread(_) => OpenErrorClass::System,
            _ => OpenErrorClass::Unusable,
        };
        Self { class, message: error.to_string(), help: error.help().into() }
    }
}

/// What went wrong with an open file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("another program holds a lock on it")]
    Busy,
    /// It is no longer the file that was opened.
    #[error("{0}")]
    Gone(String),
    /// What is in it is not what was written.
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Other(String),
}

impl Fault {
    /// What a failure to use an open file means.
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            // Beside what `SQLite` calls damaged: a value that does not fit.
            None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged(describe(error))
            }
            _ => Self::Other(describe(error)),
        }
    }

    /// The error of a store whose file this happened to.
    pub(super) fn while_doing(self, doing: &'static str, path: &Path) -> StoreError {
        let (class, help) = match self {
            Self::Busy => (StoreErrorClass::Failed, BUSY_HELP),
            Self::Gone(_) => (
                StoreErrorClass::Gone,
                "stop the daemon before its state is moved, replaced or deleted; the next start goes on with the file \
                 that it finds, and emits again what that does not know",
            ),
            Self::Damaged(_) => (StoreErrorClass::Failed, DAMAGE_HELP),
            Self::Other(_) if doing == "read" => (
                StoreErrorClass::Failed,
                "check the disk, and the permissions of the file and of its directory",
            ),
            Self::Other(_) => (
                StoreErrorClass::Failed,
                "check the disk and its free space, and start again: what was not written will be seen and emitted again",
            ),
        };
        StoreError { class, doing, state: path.display().to_string(), fault: self.to_string(), help }
    }
}

/// Says what went wrong. `SQLite` calls it an input/output error if there is no room for the index
/// of the log, which is what the start of a daemon on a full disk meets first.
fn describe(error: &rusqlite::Error) -> String {
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE) => "the disk is full".to_owned(),
        Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_TRUNCATE) => {
            // The system says EFBIG, which `SQLite` keeps to itself.
            let limit = process::file_size_limit().map(|limit| {
                format!("; the limit of {limit} bytes for a file (ulimit -f, LimitFSIZE=) may be reached")
            });
            format!("{error}{}", limit.unwrap_or_default())
        }
        _ => error.to_string(),
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::of(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite_error(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_is_called_by_its_name() {
        assert_eq!(describe(&sqlite_error(ffi::SQLITE_FULL)), "the disk is full");
        assert_eq!(describe(&sqlite_error(ffi::SQLITE_IOERR_SHMSIZE)), "the disk is full");
        assert_ne!(describe(&sqlite_error(ffi::SQLITE_IOERR_FSYNC)), "the disk is full");
    }

    #[test]
    fn a_failed_read_is_no_failed_write() {
        for code in [ffi::SQLITE_IOERR_READ, ffi::SQLITE_CORRUPT] {
            let error = Fault::of(&sqlite_error(code)).while_doing("read", Path::new("state.db"));
            assert!(!error.help.contains("space") && !error.help.contains("not written"), "{}", error.help);
        }
    }

    #[test]
    fn a_locked_file_is_no_matter_of_free_space() {
        let path = Path::new("state.db");
        for code in [ffi::SQLITE_BUSY, ffi::SQLITE_BUSY_SNAPSHOT, ffi::SQLITE_LOCKED] {
            let locked = sqlite_error(code);
            let error = Fault::of(&locked).while_doing("write", path);
            assert_eq!(
                error.to_string(),
                "cannot write the state state.db: another program holds a lock on it"
            );
            for help in [error.help, FileError::of(path, &locked).help()] {
                assert!(help.contains("fuser") && !help.contains("space"), "{help}");
            }
        }
    }
}
