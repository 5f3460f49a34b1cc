//! Setting a state aside.
//!
//! Invariant: a database and its log stay together, wherever the process is killed, and nothing that was set aside before
//! is overwritten. Only a state of this program is set aside.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::file::with_ending;
use super::open::{OpenError, connect, unusable, version};
use super::schema::APPLICATION_ID;
use crate::failpoint;

/// What each `SQLite` database begins with, and where its application id is
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
const MAGIC: &[u8] = b"SQLite format 3\0";
const APPLICATION_ID_AT: usize = 68;

/// Renames the state at `path`, if there is one, and what belongs to it. Returns its new name, which has `now` in it.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, OpenError> {
    if length(path)? == 0 {
        return Ok(None);
    }
    must_be_ours(path)?;
    let aside = unused(path, &format!(".aside-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    // The database first: a log that is left alone is found by the next start (`reunite`), while a database without its
    // log would be taken for an older state.
    rename(path, path, &aside)?;
    sync_directory(path)?;
    failpoint::reached("set_aside");
    move_log(path, &aside)?;
    Ok(Some(aside))
}

/// Gives a log without a database back to the database that it belongs to: the process that set both aside was killed in
/// between, or somebody deleted the database alone. `SQLite` would delete the log. Returns the name it has now.
pub(super) fn reunite(path: &Path) -> Result<Option<PathBuf>, OpenError> {
    if length(path)? > 0 || length(&with_ending(path, "-wal"))? == 0 {
        return Ok(None);
    }
    match set_aside_without_log(path)? {
        Some(home) => move_log(path, &home).map(|()| Some(home)),
        None => set_log_aside(path).map(Some),
    }
}

/// Renames the log of a state that is gone. Returns its new name.
pub(super) fn set_log_aside(path: &Path) -> Result<PathBuf, OpenError> {
    let aside = unused(path, ".aside");
    move_log(path, &aside)?;
    Ok(with_ending(&aside, "-wal"))
}

/// Moves the log of `path` beside `aside`, with the index of the log.
fn move_log(path: &Path, aside: &Path) -> Result<(), OpenError> {
    for ending in ["-wal", "-shm"] {
        rename(path, &with_ending(path, ending), &with_ending(aside, ending))?;
    }
    sync_directory(path)
}

/// The newest database that was set aside at `path` and has no log.
fn set_aside_without_log(path: &Path) -> Result<Option<PathBuf>, OpenError> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let prefix = [name.as_encoded_bytes(), b".aside-"].concat();
    let entries = std::fs::read_dir(directory).map_err(|error| unusable(path, error.to_string()))?;
    let is_database = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        name.starts_with(&prefix) && !name.ends_with(b"-wal") && !name.ends_with(b"-shm")
    };
    let found = entries.flatten().filter(is_database).map(|entry| entry.path());
    Ok(found.filter(|found| !exists(&with_ending(found, "-wal"))).max())
}

/// A name for what is set aside that nothing has yet: another process may have set a state aside in the same second.
fn unused(path: &Path, suffix: &str) -> PathBuf {
    let name = with_ending(path, suffix);
    let is_free = |name: &PathBuf| ["", "-wal"].iter().all(|ending| !exists(&with_ending(name, ending)));
    let further = (2..).map(|number: u32| with_ending(&name, &format!("-{number}")));
    let mut names = std::iter::once(name.clone()).chain(further);
    names.find(is_free).unwrap_or(name)
}

/// Refuses the file of another program. A damaged state counts as ours if the beginning of the file still says so.
fn must_be_ours(path: &Path) -> Result<(), OpenError> {
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| file.take(100).read_to_end(&mut header));
    read.map_err(|error| unusable(path, error.to_string()))?;
    let id = header.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4);
    if id.is_some_and(|id| id == APPLICATION_ID.to_be_bytes()) {
        return Ok(());
    }
    // A young state has its id in the log only.
    match connect(path).and_then(|connection| version(&connection, path)) {
        Err(error @ OpenError::Foreign(_)) => Err(error),
        Err(OpenError::Damaged { .. }) if !header.starts_with(MAGIC) => {
            Err(OpenError::NotOurs(path.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Renames a file that belongs to the state at `path`, if there is one.
fn rename(path: &Path, from: &Path, to: &Path) -> Result<(), OpenError> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(unusable(path, format!("cannot rename {}: {error}", from.display())))
        }
        _ => Ok(()),
    }
}

/// Makes what was renamed durable.
fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| unusable(path, format!("cannot sync {}: {error}", directory.display())))
}

/// In bytes; 0 where there is no file.
fn length(path: &Path) -> Result<u64, OpenError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(unusable(path, error.to_string())),
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
