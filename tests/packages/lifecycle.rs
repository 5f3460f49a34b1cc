//! The Debian package through an upgrade, a removal and a purge, with a daemon that has something to
//! lose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use restore_watch::simulate::{Receiver, Reply, Simulator};
use serde_json::Value;

use crate::root::Debian;
use crate::support::{KEY, done};
use crate::world::World;

const UNIT: &str = "restore-watch.service";
const WAIT: &str = "restore-watch-wait@rj-open.service";

/// Restores that ended, one that ends soon, and one that goes on.
fn restores() -> String {
    let ended = done(&[("rj-1", "failed"), ("rj-2", "completed"), ("rj-3", "failed")]);
    ended + "[[job]]\nid = \"rj-soon\"\ntakes = \"4s\"\n[[job]]\nid = \"rj-open\"\ntakes = \"1h\"\n"
}

/// Tries again soon and for long.
fn webhook(receiver: &Receiver) -> String {
    let schedule = vec!["1s"; 50];
    format!(
        "[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\nevents = [\"restore_job.completed\", \"restore_job.failed\"]\n\
         retry_schedule = {schedule:?}\n",
        receiver.url()
    )
}

fn configure(world: &World, plane: &Simulator, further: &str) {
    world.write("/etc/restore-watch/pinecone-api-key", KEY);
    world.configure(plane, &["rj-1", "rj-2", "rj-3", "rj-soon"], further);
}

#[test]
fn upgrade_loses_no_pending_delivery() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let plane = world.play(&restores());
    let receiver = world.receive(Vec::new());
    receiver.otherwise(Reply::status(503));
    configure(world, &plane, &webhook(&receiver));
    debian.install_older();
    world.succeed(&format!("systemctl start restore-watch && systemctl start --no-block '{WAIT}'"));
    world.until("attempts, and a wait", || {
        receiver.count() > 5 && world.property(WAIT, "ActiveState") == "activating"
    });
    let processes = (world.property(UNIT, "MainPID"), world.property(WAIT, "MainPID"));

    debian.install();

    assert_eq!(world.property(UNIT, "ActiveState"), "active");
    assert_ne!(world.property(UNIT, "MainPID"), processes.0, "the daemon runs the new version");
    assert_eq!(world.property(WAIT, "MainPID"), processes.1, "a wait goes on");
    assert_eq!(world.property(UNIT, "NRestarts"), "0");
    assert_eq!(world.run(&format!("systemctl is-enabled {UNIT}")).stdout, "disabled");
    let accepted = accept(&receiver);
    world.until("the four ends", || accepted.lock().unwrap().len() == 4);
    world.until("no pending delivery", || {
        world.run("restore-watch status").code == Some(0) && pending(world) == 0
    });
    // Each was accepted once, under the id that it was refused with.
    assert!(accepted.lock().unwrap().values().all(|times| *times == 1), "{accepted:?}");
    let ids: BTreeMap<_, _> = receiver
        .received()
        .into_iter()
        .map(|post| (post.header("webhook-id").unwrap().to_owned(), post.body))
        .collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(receiver.received().iter().all(|post| ids[post.header("webhook-id").unwrap()] == post.body));
}

#[test]
fn upgrade_starts_and_enables_nothing() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let plane = world.play(&restores());
    configure(world, &plane, "");
    debian.install_older();
    let state = || {
        let enabled = world.run(&format!("systemctl is-enabled {UNIT}")).stdout;
        (world.property(UNIT, "ActiveState"), enabled)
    };

    debian.install();
    assert_eq!(state(), ("inactive".to_owned(), "disabled".to_owned()));

    // Enabled, but stopped.
    debian.take_away("remove");
    debian.install_older();
    world.succeed("systemctl enable --now restore-watch; systemctl stop restore-watch");
    debian.install();
    assert_eq!(state(), ("inactive".to_owned(), "enabled".to_owned()));
}

#[test]
fn remove_keeps_the_state_and_purge_leaves_nothing() {
    let Some(debian) = Debian::boot() else { return };
    let world = &debian.world;
    let before = files(world);
    let plane = world.play(&restores());
    let receiver = world.receive(Vec::new());
    receiver.otherwise(Reply::status(503));
    debian.install();
    configure(world, &plane, &webhook(&receiver));
    world.succeed(&format!("systemctl enable --now restore-watch && systemctl start --no-block '{WAIT}'"));
    world.until("attempts", || receiver.count() > 5);

    debian.take_away("remove");

    assert_eq!(world.property(UNIT, "ActiveState"), "inactive");
    assert_eq!(world.run("ls -l /proc/[0-9]*/exe 2>/dev/null | grep /usr/bin/restore-watch").stdout, "");
    world.succeed("test -s /var/lib/restore-watch/state.db && test -s /etc/restore-watch/pinecone-api-key");

    // What was pending is delivered by what is installed next; an enabled service stays enabled.
    debian.install();
    assert_eq!(world.run(&format!("systemctl is-enabled {UNIT}")).stdout, "enabled");
    let accepted = accept(&receiver);
    world.succeed("systemctl start restore-watch");
    world.until("the four ends", || accepted.lock().unwrap().len() == 4);

    debian.take_away("purge");
    let after = files(world);
    let changed: Vec<_> = after.symmetric_difference(&before).collect();
    assert!(changed.is_empty(), "{changed:#?}");
    assert_eq!(world.succeed("systemctl list-units --all --plain --no-legend 'restore-watch*'"), "");
}

/// Accepts each request from now on, and counts those of each id.
fn accept(receiver: &Receiver) -> Arc<Mutex<BTreeMap<String, usize>>> {
    let accepted = Arc::<Mutex<BTreeMap<String, usize>>>::default();
    let counts = Arc::clone(&accepted);
    receiver.decide(move |post| {
        let id = post.header("webhook-id").unwrap_or_default().to_owned();
        *counts.lock().unwrap().entry(id).or_default() += 1;
        Reply::status(200)
    });
    accepted
}

fn pending(world: &World) -> usize {
    let rows = world.succeed("restore-watch deliveries --output json");
    serde_json::from_str::<Vec<Value>>(&rows).unwrap().len()
}

/// What `apt`, `man` and systemd's login service write while any package is installed.
const OF_OTHERS: [&str; 7] = [
    "/var/cache/apt",
    "/var/cache/man/*",
    "/var/lib/apt",
    "/var/lib/dpkg/status-old",
    "/var/lib/systemd/linger",
    "/var/log",
    "/var/tmp/systemd-private-*",
];

/// The files of the system, without those.
fn files(world: &World) -> BTreeSet<String> {
    let others = OF_OTHERS.map(|path| format!("-path '{path}'")).join(" -o ");
    let folders = "/etc /home /opt /root /srv /usr /var";
    let found = world.succeed(&format!("find {folders} -xdev \\( {others} \\) -prune -o -print"));
    found.lines().map(str::to_owned).collect()
}
