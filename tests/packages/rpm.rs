//! The rpm through an installation, an upgrade and an erasure, by a real `rpm` under a real systemd.
//!
//! There is no system of that kind to be had here: it is Debian's `rpm`, whose database knows no
//! other package, so that what the package requires is not looked up.

use std::path::PathBuf;
use std::process::Command;

use crate::dist::{dist, file};
use crate::root::Debian;
use crate::support::KEY;

const UNIT: &str = "restore-watch.service";
const RPM: &str = "rpm --force-debian --nodeps";

#[test]
fn rpm_upgrades_a_running_daemon_and_keeps_its_state() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let (folder, older) = older();
    for (name, package) in [("older", older), ("newer", file(&dist().unwrap(), ".rpm"))] {
        std::fs::copy(package, world.seen_from_outside(&format!("/root/{name}.rpm"))).unwrap();
    }
    drop(folder);
    let plane = world.play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let active = || world.property(UNIT, "ActiveState");

    let said = world.succeed(&format!("{RPM} --install /root/older.rpm 2>&1"));
    assert!(said.contains("the service is not enabled yet"), "{said}");
    assert_eq!(
        (active(), world.run(&format!("systemctl is-enabled {UNIT}")).stdout),
        ("inactive".into(), "disabled".into())
    );
    world.write("/etc/restore-watch/pinecone-api-key", KEY);
    world.configure(&plane, &["rj-1"], "");
    world.succeed("systemctl enable --now restore-watch");
    let process = world.property(UNIT, "MainPID");

    world.succeed(&format!("{RPM} --upgrade /root/newer.rpm 2>&1"));
    assert_eq!(active(), "active");
    assert_ne!(world.property(UNIT, "MainPID"), process);
    assert_eq!(world.run(&format!("systemctl is-enabled {UNIT}")).stdout, "enabled");

    world.succeed(&format!("{RPM} --erase restore-watch 2>&1"));
    assert_eq!(active(), "inactive");
    world.succeed("test -s /var/lib/restore-watch/state.db && test -s /etc/restore-watch/config.toml");
    let left = world.succeed("find /usr /etc/systemd -name '*restore-watch*'");
    assert_eq!(left, "");
}

/// The same package with a lower version, and the folder that it is in.
fn older() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let made = Command::new("cargo")
        .args([
            "generate-rpm",
            "--auto-req",
            "disabled",
            "--payload-compress",
            "none",
            "--set-metadata",
            "version = \"0.0.1\"",
            "--output",
        ])
        .arg(place.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let package = file(place.path(), ".rpm");
    (place, package)
}
