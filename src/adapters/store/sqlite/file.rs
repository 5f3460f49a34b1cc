//! Which file a state is, whatever path leads to it.
//!
//! Invariant: a state has one name. `SQLite` names the log after the path of the database, so a
//! second name would be a second log: symbolic links are resolved, hard links and mounts of the
//! single file are refused.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::error::FileError;
use crate::platform::identity::{self, Identity};

/// The one name of the state at `path`, which must be there.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, FileError> {
    let missing = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => FileError::Missing(path.to_owned()),
        _ => FileError::unusable(path, error.to_string()),
    };
    // Nothing is opened: a pipe would wait for its other end.
    let metadata = std::fs::metadata(path).map_err(missing)?;
    if !metadata.is_file() {
        return Err(FileError::Irregular(path.to_owned()));
    }
    let path = path.canonicalize().map_err(missing)?;
    if metadata.nlink() > 1 {
        return Err(FileError::Linked { file: path, names: metadata.nlink() });
    }
    if is_mount_point(&path) {
        return Err(FileError::Mounted(path));
    }
    Ok(path)
}

/// Whether the file is mounted by itself. Unknown, and so not refused, before Linux 5.8.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags, statx};

    statx(CWD, path, AtFlags::empty(), StatxFlags::empty())
        .is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// A single file cannot be mounted here.
#[cfg(not(target_os = "linux"))]
fn is_mount_point(_: &Path) -> bool {
    false
}

/// A path with this ending.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The files of an open state.
#[derive(Debug, Clone)]
pub(super) struct Files {
    path: PathBuf,
    log: PathBuf,
    database_is: Option<Identity>,
    log_is: Option<Identity>,
}

impl Files {
    /// Those of the state at `path`, as they are now.
    pub(super) fn of(path: &Path) -> Self {
        let log = with_ending(path, "-wal");
        let known = |path| at(path).ok().flatten();
        Self { database_is: known(path), log_is: known(&log), path: path.to_owned(), log }
    }

    /// What happened to them since, if anything did: commits would be lost.
    pub(super) fn fault(&self) -> Option<String> {
        let log = format!("its log {}", self.log.display());
        change(&self.path, self.database_is, "it").or_else(|| change(&self.log, self.log_is, &log))
    }

    /// Whether the log is where it was, beside nothing or beside another database.
    pub(super) fn has_left_its_log(&self) -> bool {
        let is_there = self.log_is.is_some() && change(&self.log, self.log_is, "").is_none();
        is_there && change(&self.path, self.database_is, "").is_some()
    }
}

/// What happened to a file since it was this one. A file system that does not answer is known by
/// reads and writes.
fn change(path: &Path, is: Option<Identity>, name: &str) -> Option<String> {
    match at(path) {
        _ if is.is_none() => None,
        Ok(None) => Some(format!("{name} was deleted while it was in use")),
        Ok(found) if found != is => Some(format!("{name} was replaced while it was in use")),
        Ok(_) | Err(_) => None,
    }
}

/// None where there is no file.
fn at(path: &Path) -> std::io::Result<Option<Identity>> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(Some(identity::of(&found))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::super::tests::{Place, commit, edits, full, open};
    use super::super::{OpenFile, SqliteAdmin};
    use super::*;
    use crate::adapters::store::DeliveryAdmin as _;

    fn refused(path: &Path) -> [FileError; 2] {
        [OpenFile::open(path, None).unwrap_err(), SqliteAdmin::open(path).unwrap_err()]
    }

    #[test]
    fn symbolic_links_lead_to_one_state() {
        let place = Place::filled();
        let directory = tempfile::tempdir().unwrap();
        let (file, parent) = (directory.path().join("link.db"), directory.path().join("link"));
        symlink(place.path(), &file).unwrap();
        symlink(place.path().parent().unwrap(), &parent).unwrap();
        let opened = open(&file);
        for name in [place.path(), file.clone(), parent.join("state.db")] {
            let second = OpenFile::open(&name, None).unwrap_err();
            assert!(matches!(second, FileError::Leased { .. }), "{second}");
            assert!(SqliteAdmin::open(&name).unwrap().daemon().is_some());
        }
        drop(opened);
        assert_eq!(
            std::fs::read_dir(directory.path()).unwrap().count(),
            2,
            "its log and lock are at its name"
        );
        // One that leads nowhere makes the state where it leads.
        let target = directory.path().join("target.db");
        symlink(&target, directory.path().join("new.db")).unwrap();
        drop(open(&directory.path().join("new.db")));
        assert!(target.is_file());
    }

    #[test]
    fn a_second_name_is_refused_and_left_alone() {
        let place = Place::filled();
        let other = place.path().with_file_name("other.db");
        std::fs::hard_link(place.path(), &other).unwrap();
        let before = std::fs::read(&other).unwrap();
        for error in [refused(&place.path()), refused(&other)].into_iter().flatten() {
            assert!(matches!(error, FileError::Linked { names: 2, .. }), "{error}");
        }
        assert_eq!(std::fs::read(&other).unwrap(), before);
        std::fs::remove_file(&other).unwrap();
        assert_eq!(open(&place.path()).snapshot.jobs.len(), 2);
    }

    #[test]
    fn what_is_no_regular_file_is_refused_without_being_opened() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [&pipe, directory.path(), Path::new("/dev/null")] {
            for error in refused(path) {
                assert!(matches!(error, FileError::Irregular(_)), "{error}");
            }
        }
    }

    #[test]
    fn a_deleted_state_is_noticed_and_leaves_no_log_to_another() {
        let place = Place::filled();
        let backup = place.path().with_file_name("backup.db");
        std::fs::copy(place.path(), &backup).unwrap();
        for (replaced, what) in [(false, "it was deleted"), (true, "it was replaced")] {
            let opened = open(&place.path());
            commit(&opened.store, &full_without_entries(), Vec::new()).unwrap();
            assert_eq!(edits(&opened.store), Ok(Vec::new()));
            if replaced {
                std::fs::rename(&backup, place.path()).unwrap();
            } else {
                std::fs::remove_file(place.path()).unwrap();
            }
            let error = edits(&opened.store).unwrap_err();
            assert!(error.is_gone() && error.to_string().contains(what), "{error}");
            drop(opened);
            assert!(!with_ending(&place.path(), "-wal").exists());
        }
        assert_eq!(open(&place.path()).snapshot.jobs.len(), 2, "the backup alone");
    }

    #[test]
    fn a_deleted_log_is_noticed_and_what_was_in_it_is_kept() {
        let place = Place::new();
        let opened = open(&place.path());
        commit(&opened.store, &full(), Vec::new()).unwrap();
        std::fs::remove_file(with_ending(&place.path(), "-wal")).unwrap();
        let error = edits(&opened.store).unwrap_err();
        assert!(error.is_gone() && error.to_string().contains("-wal was deleted"), "{error}");
        drop(opened);
        assert_eq!(open(&place.path()).snapshot.jobs.len(), 2);
    }

    fn full_without_entries() -> crate::engine::Batch {
        crate::engine::Batch { entries: Vec::new(), ..full() }
    }
}
