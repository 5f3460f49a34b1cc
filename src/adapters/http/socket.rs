//! The file of a Unix socket that is listened at.
//!
//! Invariant: a socket at which a process listens is never replaced, and one that another process
//! made in its place is never removed.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::platform::identity::{self, Identity};

/// Why a socket cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Another process listens there.
    #[error("another process listens at the socket {0}")]
    InUse(PathBuf),
    /// The path is taken by something else.
    #[error("{0} is no socket")]
    NoSocket(PathBuf),
    /// The system does not permit it.
    #[error("cannot make the socket {path}: {error}")]
    Unusable { path: PathBuf, error: std::io::Error },
}

/// A socket that this process made. Dropping it removes the file.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Which file is this socket: another process may have replaced it.
    identity: Option<Identity>,
}

impl SocketFile {
    /// Makes a socket that only users whom `mode` permits may use, and that does not block. A socket
    /// that a dead process left behind is replaced.
    pub fn bind(path: &Path, mode: u32) -> Result<(Self, UnixListener), SocketError> {
        let unusable = |error| SocketError::Unusable { path: path.to_owned(), error };
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(unusable)?;
        let file = Self { path: path.to_owned(), identity: identity_at(path) };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(unusable)?;
        listener.set_nonblocking(true).map_err(unusable)?;
        Ok((file, listener))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.identity.is_some() && identity_at(&self.path) == self.identity {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// Which file is at a path; a symbolic link is not followed.
fn identity_at(path: &Path) -> Option<Identity> {
    std::fs::symlink_metadata(path).ok().as_ref().map(identity::of)
}

/// Removes a socket at which no process listens.
fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let unusable = |error| SocketError::Unusable { path: path.to_owned(), error };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(unusable)
        }
        Err(error) => Err(unusable(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_keeps_the_socket_of_another_process() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        let first = SocketFile::bind(&path, 0o600).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = SocketFile::bind(&path, 0o600).unwrap();

        drop(first);
        assert!(matches!(SocketFile::bind(&path, 0o600), Err(SocketError::InUse(_))));

        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn only_a_stale_socket_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");

        drop(SocketFile::bind(&path, 0o660).unwrap());

        std::fs::write(&path, "").unwrap();
        assert!(matches!(SocketFile::bind(&path, 0o660), Err(SocketError::NoSocket(_))));
    }
}
