//! The folder with the packages.

use std::env;
use std::path::{Path, PathBuf};

/// The folder with the packages, if they were built; says so if they were not.
pub(crate) fn dist() -> Option<PathBuf> {
    let found = env::var_os("RESTORE_WATCH_DIST").map(PathBuf::from);
    if found.is_none() {
        println!(
            "SKIPPED: the packages: RESTORE_WATCH_DIST does not name the folder that packaging/build made"
        );
    }
    found.map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
}

/// The one file there whose name ends like this.
#[track_caller]
pub(crate) fn file(dist: &Path, end: &str) -> PathBuf {
    let entries = dist.read_dir().expect("the folder with the packages");
    let paths = entries.map(|entry| entry.unwrap().path());
    let found: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    let [path] = &found[..] else { panic!("{end}: {found:?}") };
    path.clone()
}
