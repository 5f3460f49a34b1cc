//! The identity of a file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

/// A file, whatever its name: its device and its number there (inode(7)).
pub type Identity = (u64, u64);

/// The identity of the file with this metadata.
pub fn of(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}
