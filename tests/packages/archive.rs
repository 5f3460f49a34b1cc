//! The archive, for systems without one of the package formats.

use std::process::Command;

use crate::dist::{dist, file};

#[test]
fn archive_runs_from_where_it_is_unpacked() {
    let Some(dist) = dist() else { return };
    let place = tempfile::tempdir().unwrap();

    let unpacked = Command::new("tar")
        .args(["--extract", "--strip-components=1", "--file"])
        .arg(file(&dist, ".tar.gz"))
        .current_dir(place.path())
        .status()
        .unwrap();
    assert!(unpacked.success());
    let version = Command::new(place.path().join("usr/bin/restore-watch")).arg("--version").output().unwrap();

    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(version.contains(env!("CARGO_PKG_VERSION")), "{version}");
}
