//! `state move`: from a file into a database, whole or not at all, wherever it is killed.

use std::path::PathBuf;

use crate::support::{Done, Folder, PostgresServer, Watch};

/// The state of an earlier version, with jobs that ended and events.
const STATE: &[u8] = include_bytes!("../../src/adapters/store/sqlite/tests/version-1.db");

/// How much of each kind is in the database.
const COUNTS: &str =
    "SELECT (SELECT count(*) FROM restore_watch.jobs), (SELECT count(*) FROM restore_watch.events),
    (SELECT count(*) FROM restore_watch.deliveries), (SELECT count(*) FROM restore_watch.restores)";

struct Stage {
    files: Folder,
    server: &'static PostgresServer,
    database: &'static str,
}

impl Stage {
    /// A file with a state, and an empty database. None if there is no PostgreSQL.
    fn new(database: &'static str) -> Option<Self> {
        let server = PostgresServer::shared()?;
        let files = Folder::new();
        let url = server.create_database(database);
        files.write("config.toml", format!("jobs = []\n[state]\npostgres = \"{url}\"\n"));
        std::fs::write(files.path().join("state.db"), STATE).expect("a file");
        Some(Self { files, server, database })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    fn command(&self, options: &[&str]) -> Watch {
        let [from, config] = ["state.db", "config.toml"].map(|name| self.path(name).display().to_string());
        Watch::new([&["state", "move", "--from", &from, "--config", &config], options].concat())
    }

    fn killed(&self, place: &str) {
        let killed: Done = self.command(&[]).env("RESTORE_WATCH_FAILPOINT", place).run();
        assert_eq!(killed.signal, Some(9), "{}", killed.stderr);
        assert!(self.path("state.db").exists());
    }

    fn counts(&self) -> String {
        self.server.psql(self.database, COUNTS)
    }

    /// The names of the states that were set aside.
    fn aside(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.files.path()).expect("the folder").flatten();
        let names = names.map(|entry| entry.file_name().into_string().expect("a text"));
        names.filter(|name| name.starts_with("state.db.aside-")).collect()
    }
}

#[test]
fn state_is_moved_and_its_file_renamed() {
    let Some(stage) = Stage::new("moved") else { return };

    let moved = stage.command(&[]).run().expect(0).stdout;

    let aside = stage.aside().concat();
    assert!(moved.contains(":\n  projects    ") && moved.contains(" dead letters)\n"), "{moved}");
    assert!(moved.ends_with(&format!("/{aside}\n")), "{moved}");
    assert!(!stage.path("state.db").exists());
    assert_ne!(stage.counts(), "0|0|0|0");
    let again = stage.command(&[]).run().expect(74).stderr;
    assert!(again.contains("there is no state at "), "{again}");
}

#[test]
fn move_that_is_killed_is_whole_or_not_begun() {
    let Some(stage) = Stage::new("killed") else { return };

    stage.killed("before_arrival:1");
    assert_eq!(stage.counts(), "0|0|0|0");
    stage.killed("after_arrival:1");
    let counts = stage.counts();
    assert_ne!(counts, "0|0|0|0");
    assert_eq!(stage.aside(), Vec::<String>::new());

    let finished = stage.command(&[]).run().expect(0).stdout;

    assert!(finished.starts_with("state moved before from "), "{finished}");
    assert_eq!((stage.counts(), stage.aside().len()), (counts, 1));
    assert!(!stage.path("state.db").exists());
}

#[test]
fn cluster_with_a_state_is_refused() {
    let Some(stage) = Stage::new("refused") else { return };
    stage.command(&[]).run().expect(0);
    let counts = stage.counts();
    let moved = std::fs::read(stage.path(&stage.aside().concat())).unwrap();
    std::fs::write(stage.path("state.db"), &moved).unwrap();
    stage.server.psql(stage.database, "UPDATE restore_watch.clusters SET moved = NULL");

    let refused = stage.command(&[]).run().expect(74).stderr;

    assert!(refused.contains("the cluster has a state already"), "{refused}");
    assert!(refused.contains("\n  help: ") && refused.contains("[cluster]"), "{refused}");
    assert_eq!(stage.counts(), counts);
    assert!(std::fs::read(stage.path("state.db")).unwrap() == moved);
}

#[test]
fn dry_run_changes_nothing() {
    let Some(stage) = Stage::new("dry") else { return };
    stage.command(&[]).run().expect(0);
    let moved = stage.path(&stage.aside().concat());
    std::fs::rename(&moved, stage.path("state.db")).unwrap();
    stage.server.psql("postgres", "DROP DATABASE dry");
    stage.server.create_database(stage.database);

    let rehearsed = stage.command(&["--dry-run"]).run().expect(0).stdout;

    assert!(
        rehearsed.starts_with("state to move from ") && rehearsed.contains("\n  jobs        "),
        "{rehearsed}"
    );
    assert!(stage.path("state.db").exists() && stage.aside().is_empty());
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'restore_watch'";
    assert_eq!(stage.server.psql(stage.database, schemas), "0");
}

#[test]
fn configuration_without_a_database_is_no_destination() {
    let files = Folder::new();
    let state = files.path().join("state.db").display().to_string();
    std::fs::write(&state, STATE).expect("a file");
    files.write("config.toml", format!("jobs = []\n[state]\npath = \"{state}\"\n"));
    let config = files.path().join("config.toml").display().to_string();

    let refused = Watch::new(["state", "move", "--from", &state, "--config", &config]).run().expect(78);

    assert!(refused.stderr.contains("help: write postgres = "), "{}", refused.stderr);
    assert!(std::fs::read(&state).unwrap() == STATE, "not even brought up to date");
}
