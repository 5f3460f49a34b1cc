//! The mistakes that people make, and the messages that they get: each is a row of the table, and
//! its whole output is a snapshot in `tests/mistakes/snapshots`, to be read in one place.
//!
//! To accept messages that changed: `INSTA_UPDATE=always cargo test --test mistakes`.
//!
//! Invariant: a snapshot has nothing of this machine or of this run: addresses, directories, times
//! and numbers of processes are replaced.

mod replaced;
mod table;

#[path = "../support/mod.rs"]
pub mod support;

use restore_watch::simulate::Simulator;

use replaced::Replaced;
use support::{Folder, KEY, PATIENCE, Running, Watch, play, unused_address};
use table::Row;

/// What the control plane has unless a row plays another scenario.
const SCENARIO: &str = "\
[[job]]
id = \"rj-1\"
index = \"docs-search\"
age = \"1h\"
takes = \"10m\"

[[job]]
id = \"rj-2\"
index = \"orders\"
age = \"150m\"
takes = \"1d\"
";

#[test]
fn keys() {
    check(table::keys::ROWS);
}

#[test]
fn ids_and_options() {
    check(table::ids::ROWS);
}

#[test]
fn addresses_and_networks() {
    check(table::addresses::ROWS);
}

#[test]
fn configurations() {
    check(table::configurations::ROWS);
}

#[test]
fn daemons_and_their_commands() {
    check(table::daemons::ROWS);
}

#[test]
fn surroundings() {
    check(table::surroundings::ROWS);
}

#[test]
fn restores_to_start() {
    check(table::restores::ROWS);
}

#[test]
#[cfg(feature = "postgres")]
fn states_in_a_database() {
    check(table::databases::ROWS);
}

#[test]
fn the_table_has_every_number_once() {
    let tables = [
        table::keys::ROWS,
        table::ids::ROWS,
        table::addresses::ROWS,
        table::configurations::ROWS,
        table::daemons::ROWS,
        table::surroundings::ROWS,
        table::restores::ROWS,
        table::databases::ROWS,
    ];
    let numbers: Vec<_> = tables.into_iter().flatten().map(|row| row.number).collect();

    // To ask the daemon of another user needs two users: that is in `tests/daemon/control.rs`.
    assert_eq!(numbers, (1..=70).filter(|number| *number != 57).collect::<Vec<_>>());
}

/// Makes these mistakes, and compares what is said.
fn check(rows: &[Row]) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for row in rows {
            insta::assert_snapshot!(format!("{:02}-{}", row.number, row.name), messages(row));
        }
    });
}

/// All commands of a row, each with what it prints and its exit code.
fn messages(row: &Row) -> String {
    let stage = Stage::set(row);
    row.commands.iter().map(|command| stage.run(row, command)).collect::<Vec<_>>().join("\n")
}

/// Where the commands of a row run.
struct Stage {
    folder: Folder,
    plane: Simulator,
    replaced: Replaced,
    daemon: Option<Running>,
}

impl Stage {
    fn set(row: &Row) -> Self {
        let folder = Folder::new();
        let plane = play(if row.plane.is_empty() { SCENARIO } else { row.plane });
        let directory = folder.path().to_str().expect("a path that is text").to_owned();
        let mut replaced = Replaced::default();
        replaced.add(directory, "DIR");
        let mut stage = Self { folder, plane, replaced, daemon: None };

        for (name, text) in row.files {
            stage.folder.write(name, stage.filled(text));
        }
        if !row.daemon.is_empty() {
            stage.folder.write("daemon.toml", stage.filled(row.daemon));
            stage.daemon = Some(stage.start_daemon(row));
        }
        stage
    }

    fn start_daemon(&self, row: &Row) -> Running {
        let mut daemon = self.shell(row, "exec restore-watch run --config daemon.toml").start();
        let socket = self.folder.path().join("control.sock");
        daemon.until("no control socket", |_| socket.exists());
        daemon
    }

    /// The text with the address of the control plane and one without a listener.
    fn filled(&self, text: &str) -> String {
        let host = self.plane.url().trim_start_matches("http://").to_owned();
        text.replace("{plane}", &self.plane.url())
            .replace("{host}", &host)
            .replace("{unused}", &unused_address().to_string())
            .replace("{key}", KEY)
    }

    /// A line of a shell in the folder, in the environment of the row.
    fn shell(&self, row: &Row, line: &str) -> Watch {
        let program = std::path::Path::new(env!("CARGO_BIN_EXE_restore-watch"));
        let programs = program.parent().expect("a directory").to_str().expect("a path that is text");
        let path = format!("{programs}:{}", std::env::var("PATH").unwrap_or_default());
        let directory = self.folder.path().to_str().expect("a path that is text");

        let watch = Watch::program(&["sh", "-c", line])
            .within(self.folder.path())
            .env("PATH", &path)
            .env("PINECONE_API_KEY", KEY)
            .env("PINECONE_CONTROLLER_HOST", &self.plane.url())
            .env("STATE_DIRECTORY", &format!("{directory}/state"))
            .env("RUNTIME_DIRECTORY", directory)
            .stdin(row.stdin);
        row.environment.iter().fold(watch, |watch, (name, value)| match *value {
            "" => watch.env_remove(name),
            value => watch.env(name, &self.filled(value)),
        })
    }

    fn run(&self, row: &Row, command: &str) -> String {
        let mut running = self.shell(row, &self.filled(command)).start();
        assert!(running.ends_within(PATIENCE), "{command}");
        let done = running.finish();
        let code = done.code.expect("an exit code");
        let output = self.replaced.of(&(done.stdout + &done.stderr));
        format!("$ {command}\n{output}=> {code}\n")
    }
}
