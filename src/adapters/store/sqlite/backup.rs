//! Copies a state into one file, also while a daemon commits to it.
//!
//! Invariant: a file that has the name of the copy is whole, checked and durable, and nothing was
//! overwritten for it. A plain copy of the database would lack what is in its log.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::aside::sync_directory;
use super::error::FileError;
use super::file::{self, with_ending};
use super::{open, schema};
use crate::adapters::store::{BackupError, OpenError};

/// Copies the state at `path` to `to`, at which nothing may be yet.
pub(super) fn back_up(path: &Path, to: &Path) -> Result<(), BackupError> {
    let of_state = |error: FileError| BackupError::State(OpenError::from(error));
    let path = file::resolve(path).map_err(of_state)?;
    let (connection, _) = open::read_beside(&path).map_err(of_state)?;
    let failed = |fault: String, help| BackupError::Copy { file: to.to_owned(), fault, help };
    if to.symlink_metadata().is_ok() {
        return Err(failed(
            "the file exists".to_owned(),
            "name a file that does not exist: a backup overwrites nothing",
        ));
    }

    let to = &std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
    if to.parent().is_some_and(|directory| !directory.is_dir()) {
        return Err(failed("its directory does not exist".to_owned(), "make the directory first"));
    }
    let partial = with_ending(to, &format!(".partial-{}", std::process::id()));
    let made = make(&partial).map_err(|error| error.to_string()).and_then(|()| {
        // Copies the rows of one moment, into a file that has no log
        // (<https://sqlite.org/lang_vacuum.html#vacuuminto>).
        let name = partial.to_str().ok_or("its path is not valid UTF-8")?;
        connection.execute("VACUUM INTO ?1", [name]).map_err(|error| error.to_string())?;
        finish(&partial, to)
    });
    made.map_err(|fault| {
        // It may not be there.
        drop(std::fs::remove_file(&partial));
        failed(fault, "check the free space and the permissions there")
    })
}

/// An empty file that only this user can read, which `SQLite` fills.
fn make(partial: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).map(drop)
}

/// Checks the copy, makes it durable, and gives it its name.
fn finish(partial: &Path, to: &Path) -> Result<(), String> {
    let (copy, version) = open::beside(partial).map_err(|error| error.to_string())?;
    if let Some(fault) = schema::damage(&copy, version).map_err(|error| error.to_string())? {
        return Err(format!("the copy is damaged: {fault}"));
    }
    drop(copy);

    let synced = File::open(partial).and_then(|file| file.sync_all());
    synced.and_then(|()| name(partial, to)).map_err(|error| error.to_string())?;
    sync_directory(to).map_err(|error| error.to_string())
}

/// Gives the copy its name. A link fails if another process took the name meanwhile, which a rename
/// would overwrite; some file systems have no links.
fn name(partial: &Path, to: &Path) -> io::Result<()> {
    match std::fs::hard_link(partial, to) {
        Ok(()) => std::fs::remove_file(partial),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) => std::fs::rename(partial, to),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::tests::{Place, commit, full, open};
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn copy_of_a_live_state_has_all_that_is_committed() {
        let (place, target) = (Place::new(), tempfile::tempdir().unwrap());
        let (live, copy) = (open(&place.path()), target.path().join("copy.db"));
        commit(&live.store, &full(), Vec::new()).unwrap();

        back_up(&place.path(), &copy).unwrap();

        assert_eq!(names(target.path()), ["copy.db"]);
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
        drop(live);
        assert_eq!(open(&copy).snapshot, open(&place.path()).snapshot);
        assert_eq!(open(&copy).snapshot.jobs, full().jobs);
    }

    #[test]
    fn backup_overwrites_nothing_and_leaves_nothing() {
        let (place, target) = (Place::filled(), tempfile::tempdir().unwrap());
        let taken = target.path().join("taken");
        std::fs::write(&taken, "another file").unwrap();

        let refused = back_up(&place.path(), &taken).unwrap_err().to_string();
        let missing = back_up(&target.path().join("none.db"), &target.path().join("copy.db")).unwrap_err();
        let nowhere = back_up(&place.path(), &target.path().join("no/copy.db")).unwrap_err().to_string();

        assert_eq!(refused, format!("cannot write the backup {}: the file exists", taken.display()));
        assert!(matches!(missing, BackupError::State(_)), "{missing}");
        assert!(nowhere.ends_with(": its directory does not exist"), "{nowhere}");
        assert_eq!(names(target.path()), ["taken"]);
        assert_eq!(std::fs::read_to_string(&taken).unwrap(), "another file");
    }
}
