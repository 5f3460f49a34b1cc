//! Wall clocks that are an hour off, and that jump: of a replica, and of the database.
//!
//! Invariant: no wall clock decides who has the lease.

use crate::cluster::{Cluster, LEASE, project};
use crate::support::postgres_server::{Installation, Options};
use crate::support::{CLOCK, Folder, PostgresServer, library_of_clocks, play};

const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

/// The jumps in seconds: one that must move no lease, and one just after the active replica died.
const JUMPS: [(&str, &str); 2] = [("+3600", "-3600"), ("-3600", "+3600")];

#[test]
fn wrong_clock_of_a_replica_moves_no_lease() {
    let Some(server) = PostgresServer::shared() else { return };
    let Some(library) = library_of_clocks() else { return };
    let plane = play(ENDLESS);
    let address = plane.address();

    each_jump(|number, jumps| {
        let (database, offset) = (format!("wrong_clock_{number}"), Offset::new());
        let mut cluster = Cluster::new(server, &database, address, &project(&["rj-1"]), &["a", "b"]);
        cluster.replicas[1].variables.extend(offset.variables(&library));
        change_nothing(&mut cluster, &offset, jumps);
    });
}

#[test]
fn wrong_clock_of_the_database_moves_no_lease() {
    if Installation::find().is_none() {
        return;
    }
    let Some(library) = library_of_clocks() else { return };
    let plane = play(ENDLESS);
    let address = plane.address();

    each_jump(|_, jumps| {
        let offset = Offset::new();
        let server = PostgresServer::new_with(Options::default(), &offset.variables(&library)).unwrap();
        let mut cluster = Cluster::new(&server, "stepped", address, &project(&["rj-1"]), &["a", "b"]);
        change_nothing(&mut cluster, &offset, jumps);
    });
}

/// Tries all jumps at once.
fn each_jump(attempt: impl Fn(usize, (&str, &str)) + Sync) {
    std::thread::scope(|scope| {
        for (number, jumps) in JUMPS.into_iter().enumerate() {
            let attempt = &attempt;
            scope.spawn(move || attempt(number, jumps));
        }
    });
}

/// No jump moves the lease, and the takeover after one comes in time.
fn change_nothing(cluster: &mut Cluster<'_>, offset: &Offset, (before, after): (&str, &str)) {
    cluster.start();
    let active = cluster.active();
    let other = 1 - active;
    cluster.until("a standby", |cluster| cluster.replicas[other].role().as_deref() == Some("standby"));
    let leases = cluster.epoch();

    offset.set(before);
    let jumped = CLOCK.now().instant;
    cluster.until("two leases", |_| CLOCK.now().instant.since(jumped) > 2 * LEASE);
    assert_eq!((cluster.epoch(), cluster.active()), (leases, active), "{}", cluster.logged());

    cluster.replicas[active].kill();
    let killed = CLOCK.now().instant;
    offset.set(after);
    let (_, polled) = cluster.until_polled(killed, |replica| replica == other);
    println!("taken over after {:?} with the clock at {before} s, then {after} s", polled.since(killed));
    cluster.polls_in_turns();
    cluster.stop();
}

/// A clock that faketime sets.
struct Offset {
    folder: Folder,
    path: String,
}

impl Offset {
    /// One that is right at first.
    fn new() -> Self {
        let folder = Folder::new();
        let path = folder.write("offset", "+0");
        // Another user may run the database.
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder, path }
    }

    fn variables(&self, library: &str) -> Vec<(String, String)> {
        let variables = [
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", &self.path),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// Sets it in one step, also for processes that run.
    fn set(&self, offset: &str) {
        std::fs::rename(self.folder.write("next", offset), &self.path).unwrap();
    }
}
