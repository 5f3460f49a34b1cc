//! One process at a time.
//!
//! Invariant: whoever holds a [`Lock`] is the only daemon on a state; the system takes it back when the process ends,
//! however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often a lock is tried, and how long apart: somebody may just be looking who holds it.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// The right to use a state.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held for its end")] File);

/// Somebody else uses the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The id of that process, where it can be told.
    pub process: Option<u32>,
}

impl Lock {
    /// Takes the lock of the state at `path`, a file beside it that stays there.
    pub(super) fn take(path: &Path) -> std::io::Result<Result<Self, Locked>> {
        let mut file = open(path)?;
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < TRIES => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => return Ok(Err(holder(&mut file))),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        Ok(Ok(Self(file)))
    }
}

/// Who uses the state at `path`, if anybody does.
pub(super) fn who(path: &Path) -> std::io::Result<Option<Locked>> {
    let mut file = match OpenOptions::new().read(true).open(beside(path)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&mut file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(beside(path))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn holder(file: &mut File) -> Locked {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(20).read_to_string(&mut text));
    Locked { process: read.ok().and_then(|_| text.trim().parse().ok()) }
}
