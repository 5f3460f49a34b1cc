//! Which file is at a path.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

/// What a file is, whatever its name: its device and its number there (inode(7)).
pub type Identity = (u64, u64);

/// What the file is that this is known of.
pub fn of(found: &Metadata) -> Identity {
    (found.dev(), found.ino())
}
