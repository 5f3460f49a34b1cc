//! A daemon on the state that the program before wrote: killed while it brings the file up to date,
//! and started again.

use std::path::Path;

use rusqlite::Connection;

use crate::Daemon;
use crate::support::state::is_about_files;
use crate::support::{Folder, KEY, Watch, play};

/// The state of version 1 of the unit tests: four restores that ended, two that did not.
const VERSION_1: &[u8] = include_bytes!("../../src/adapters/store/sqlite/tests/version-1.db");

/// How its jobs go on: they ended, but for one that runs.
const JOBS: [(&str, &str); 6] = [
    ("9857add2-99d4-4399-870e-aa7f15d8d326", "completed"),
    ("94a63aeb-efae-4f7a-b059-75d32c27ca57", "failed"),
    ("0d8aed24-adf8-4b77-8e10-fd674309dc85", "cancelled"),
    ("c1f0b7de-2a44-4de9-8f6e-0b7a9d3e4c55", "completed"),
    ("5e3b7a62-3c0f-4b52-a3d1-6d9d2c2a1f08", "completed"),
    ("e94c7a1d-8ba4-4c1c-9f0e-5f5c0a5ba3d1", "completed"),
];

fn number(state: &Path, sql: &str) -> i64 {
    let connection = Connection::open(state).expect("a state");
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or(-1)
}

#[test]
fn migration_is_whole_or_not_begun_and_repeats_no_event() {
    if is_about_files("the file is of the program before") {
        return;
    }
    let job = |(id, ends): &(&str, &str)| {
        let takes = if id.starts_with("e94c") { "10h" } else { "1s" };
        format!("[[job]]\nid = \"{id}\"\ntakes = \"{takes}\"\nends = \"{ends}\"\n")
    };
    let jobs: Vec<_> = JOBS.iter().map(job).collect();
    let plane = play(&jobs.concat());
    let files = Folder::new();
    let ids = JOBS.map(|(id, _)| id);
    files.write("config.toml", &Daemon::new("").project("default", &plane, &ids).text);
    std::fs::create_dir(files.path().join("state")).unwrap();
    let state = files.path().join("state/state.db");
    std::fs::write(&state, VERSION_1).unwrap();
    let start = || {
        let (config, folder) = (files.path().join("config.toml"), files.path().join("state"));
        Watch::new(["run", "--config", &config.to_string_lossy()])
            .env("KEY", KEY)
            .env("STATE_DIRECTORY", &folder.to_string_lossy())
    };
    let version = || number(&state, "PRAGMA user_version");
    let events = || number(&state, "SELECT count(*) FROM transitions");
    let emitted = events();

    let killed = start().env("RESTORE_WATCH_FAILPOINT", "before_migration:1").run();
    assert_eq!(killed.signal, Some(9), "{}", killed.stderr);
    assert_eq!((version(), number(&state, "SELECT count(*) FROM restores")), (1, -1));
    let killed = start().env("RESTORE_WATCH_FAILPOINT", "after_migration:1").run();
    assert_eq!(killed.signal, Some(9), "{}", killed.stderr);
    assert_eq!((version(), number(&state, "SELECT count(*) FROM restores")), (3, 4));
    let mut daemon = start().start();
    daemon.until_logged("jobs known: 6");
    // It is awaited no longer whether the index of the fifth is ready.
    daemon.until("the fifth end", |_| number(&state, "SELECT count(*) FROM restores") == 5);
    daemon.signal("TERM");
    daemon.finish().expect(0);

    assert_eq!(events(), emitted);
    let of_ends = "SELECT count(*) FROM deliveries JOIN restores ON event = transition";
    assert_eq!(number(&state, of_ends), 15);
}
