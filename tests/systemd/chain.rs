//! The chain of units in `config/examples/systemd`: one runs after a restore, one after its
//! failure.

use std::path::Path;

use restore_watch::simulate::Simulator;

use crate::support::{KEY, done};
use crate::world::World;

/// A restore job id in the usual form.
const ID: &str = "9857add2-99d4-4399-870e-aa7f15d8d326";

/// Where the example is.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples/systemd");

/// The stub of the scripts that the units call.
const RECORD: &str = "#!/bin/sh\necho \"${0##*/} $*\" >> /run/called\n";

#[test]
fn completed_restore_switches_traffic() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&format!("api_key = \"{KEY}\"\n[[job]]\nid = \"{ID}\"\ntakes = \"1s\"\n"));
    install(&world, &plane);
    world.succeed(&format!("systemctl start 'switch-traffic@{ID}'"));
    assert_eq!(called(&world), format!("switch-traffic.sh {ID}\n"));
}

#[test]
fn failed_restore_rolls_back() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[(ID, "failed")]));
    install(&world, &plane);
    let ran = world.run(&format!("systemctl start 'switch-traffic@{ID}'"));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    until_dealt_with(&world);
    assert_eq!(called(&world), format!("roll-back.sh {ID}\n"));
}

#[test]
fn timeout_rolls_nothing_back() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&format!("[[job]]\nid = \"{ID}\"\n"));
    install(&world, &plane);

    // Read after the example's drop-in, as one by `systemctl edit`.
    let own = format!("/etc/systemd/system/restore-watch-wait@{ID}.service.d/override.conf");
    world.write(&own, "[Service]\nEnvironment=\"WAIT_OPTIONS=--timeout 100ms\"\n");

    world.succeed("systemctl daemon-reload");
    let ran = world.run(&format!("systemctl start 'switch-traffic@{ID}'"));

    assert_eq!(ran.code, Some(1), "{ran:?}");
    until_dealt_with(&world);
    assert_eq!(world.property(&format!("restore-failed@{ID}.service"), "Result"), "exec-condition");
    assert_eq!(called(&world), "");
}

/// Installs the units at the paths in their headers, and the scripts that they call.
fn install(world: &World, plane: &Simulator) {
    world.configure(plane, &["another"], "");
    for (file, path) in [
        ("switch-traffic@.service", "switch-traffic@.service"),
        ("restore-failed@.service", "restore-failed@.service"),
        ("on-failure.conf", "restore-watch-wait@.service.d/on-failure.conf"),
    ] {
        let text = std::fs::read(Path::new(EXAMPLE).join(file)).unwrap();
        world.write(&format!("/etc/systemd/system/{path}"), text);
    }
    for script in ["switch-traffic.sh", "roll-back.sh"] {
        world.write(&format!("/usr/local/bin/{script}"), RECORD);
        world.succeed(&format!("chmod 755 /usr/local/bin/{script}"));
    }
    world.succeed("systemctl daemon-reload");
}

fn called(world: &World) -> String {
    std::fs::read_to_string(world.seen_from_outside("/run/called")).unwrap_or_default()
}

/// Waits until the unit that handles the failure has ended.
fn until_dealt_with(world: &World) {
    let unit = format!("restore-failed@{ID}.service");
    world.until("the end of what deals with the failure", || {
        // Set for a unit that ran, or for one whose condition failed.
        let times = ["ActiveEnterTimestamp", "ConditionTimestamp"];
        let ended = times.iter().any(|time| !world.property(&unit, time).is_empty());
        ended && world.property(&unit, "Job").is_empty() && world.property(&unit, "ActiveState") == "inactive"
    });
}
