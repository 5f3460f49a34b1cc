//! restore-watch.service twice, as two replicas of one state in a database.

use std::time::Duration;

use restore_watch::simulate::Simulator;

use crate::support::postgres_server::Installation;
use crate::support::{CLOCK, KEY};
use crate::world::{UNITS, World};

/// The units, and the names of their replicas.
const A: &str = "restore-watch.service";
const B: &str = "restore-watch-b.service";

/// How long a process may be stuck before its watchdog ends it.
const WATCHDOG: Duration = Duration::from_secs(3);

/// A server that this machine has installed, in a world.
const DATABASE: &str = "\
[Service]
DynamicUser=yes
StateDirectory=database
ExecStartPre=BINARIES/initdb -D /var/lib/database/data --auth=trust --username=postgres --no-sync
ExecStart=BINARIES/postgres -D /var/lib/database/data -c listen_addresses=127.0.0.1 -c unix_socket_directories=
ExecStartPost=sh -c 'until BINARIES/psql -h 127.0.0.1 -U postgres -c \"CREATE DATABASE restores\"; do sleep 0.1; done'
KillSignal=SIGINT
";

#[test]
fn replicas_stand_by_take_over_and_stop_under_systemd() {
    let Some(world) = World::boot() else { return };
    let Some(installation) = Installation::find() else { return };
    let plane = world.play(&format!("api_key = \"{KEY}\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n"));
    install(&world, &plane, installation);
    let status = |unit: &str| world.property(unit, "StatusText");
    let is_watching = |unit: &str| status(unit).starts_with("watching 1 restore");

    // Before its database, as a machine boots.
    world.succeed("systemctl start restore-watch");
    assert_eq!(status(A), "standby: the state cannot be reached");
    world.succeed("systemctl start database");
    world.until("the first lease", || is_watching(A));
    world.succeed("systemctl start restore-watch-b");
    assert!(status(B).starts_with("standby: a is active (since "), "{}", status(B));

    world.succeed("systemctl stop restore-watch");
    assert_eq!(world.property(A, "Result"), "success");
    world.until("a takeover", || is_watching(B));
    world.succeed("systemctl start restore-watch");

    // A database that hangs is no reason to end a replica, whose loop runs.
    world.succeed("systemctl kill --signal=STOP database");
    let hung = CLOCK.now().instant;
    world.until("watchdogs to be due", || CLOCK.now().instant.since(hung) > WATCHDOG * 3);
    for unit in [A, B] {
        assert_eq!(status(unit), "standby: the state cannot be reached");
        assert_eq!(world.property(unit, "NRestarts"), "0");
    }
    world.succeed("systemctl stop restore-watch restore-watch-b");
    for unit in [A, B] {
        // A stop that takes too long, or a refused system call, is no success.
        assert_eq!(world.property(unit, "Result"), "success");
    }
    world.succeed("systemctl kill --signal=KILL database");
}

/// Two replicas, and a database that is not started.
fn install(world: &World, plane: &Simulator, installation: &Installation) {
    let database = DATABASE.replace("BINARIES", &installation.binaries().display().to_string());
    world.write("/etc/systemd/system/database.service", database);

    let unit = std::fs::read_to_string(format!("{UNITS}/{A}")).unwrap();
    let unit = unit.replace("restore-watch/config.toml", "restore-watch/b.toml");
    let unit =
        ["RuntimeDirectory", "StateDirectory", "ConfigurationDirectory"].iter().fold(unit, |unit, key| {
            unit.replace(&format!("\n{key}=restore-watch\n"), &format!("\n{key}=restore-watch-b\n"))
        });
    world.write(&format!("/etc/systemd/system/{B}"), unit);

    for (name, file, unit) in [("b", "b.toml", B), ("a", "config.toml", A)] {
        let state = format!(
            "[state]\npostgres = \"postgresql://postgres@127.0.0.1/restores\"\n\
             [cluster]\nreplica = \"{name}\"\nlease = \"3s\"\n"
        );
        world.configure(plane, &["rj-1"], &state);
        if file != "config.toml" {
            let folder = "/etc/restore-watch";
            world.succeed(&format!("mv {folder}/config.toml {folder}/{file}"));
        }
        world.edit(unit, &format!("[Service]\nWatchdogSec={}s\n", WATCHDOG.as_secs()));
    }
}
