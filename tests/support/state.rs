//! Where the daemons of the tests keep their state: in a file, or over PostgreSQL if
//! `RESTORE_WATCH_STATE` is `postgres`.
//!
//! Invariant: a test names a file in both cases. Over PostgreSQL each file stands for a database of
//! its own, which its configuration and `--state-file` are led to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

use super::{PostgresServer, skipped};

/// How long a killed daemon keeps its lease.
const CLUSTER: &str = "\n[cluster]\nlease = \"3s\"\n";

/// Whether the states of these tests are in PostgreSQL.
pub fn is_on_postgres() -> bool {
    match std::env::var("RESTORE_WATCH_STATE") {
        Ok(word) if word == "postgres" => true,
        Ok(word) if !word.is_empty() => panic!("RESTORE_WATCH_STATE={word}: write postgres, or nothing"),
        _ => false,
    }
}

/// Whether a test that is about the file of a state has nothing to test; prints why.
pub fn is_about_files(why: &str) -> bool {
    if is_on_postgres() {
        skipped(&format!("not over PostgreSQL: {why}"));
    }
    is_on_postgres()
}

/// A configuration of this folder as the program gets it.
pub(super) fn configuration(folder: &Path, text: &str) -> String {
    // What cannot be read names no state.
    if !is_on_postgres() || text.parse::<toml::Table>().is_err() {
        return text.to_owned();
    }
    let named = |line: &str| Some(line.strip_prefix("path = \"")?.strip_suffix('"')?.to_owned());
    let Some((before, after)) = text.split_once("[state]\n") else {
        // What `STATE_DIRECTORY` says in the tests.
        let url = url(&folder.join("state/state.db"));
        return format!("{text}\n[state]\npostgres = \"{url}\"\n{CLUSTER}");
    };
    let (line, rest) = after.split_once('\n').unwrap_or((after, ""));
    let (path, rest) = match named(line) {
        Some(path) => (folder.join(path), rest),
        None => (folder.join("state/state.db"), after),
    };
    format!("{before}[state]\npostgres = \"{}\"\n{rest}{CLUSTER}", url(&path))
}

/// The arguments of a command as the program gets them: a database is named by a configuration.
pub(super) fn arguments(words: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<_> = words.collect();
    if let Some(at) = words.iter().position(|word| word == "--state-file").filter(|_| is_on_postgres()) {
        let file = PathBuf::from(&words[at + 1]);
        let config = file.with_extension("postgres.toml");
        let text = format!("jobs = [\"any\"]\n[state]\npostgres = \"{}\"\n{CLUSTER}", url(&file));
        // A daemon makes the folder of a file.
        std::fs::create_dir_all(config.parent().expect("a folder")).expect("a folder");
        std::fs::write(&config, text).expect("a file");
        words.splice(at..at + 2, ["--config".into(), config.into()]);
    }
    words
}

/// All that is kept of the state in this file, each with its name: the files beside it, or a dump of
/// the database.
///
/// # Panics
///
/// If nothing is kept.
pub fn kept(file: &Path) -> Vec<(String, Vec<u8>)> {
    if let Some(dump) = State::of(file).dump() {
        return vec![("a dump".to_owned(), dump)];
    }
    let beside = std::fs::read_dir(file.parent().expect("a folder")).expect("a state");
    let paths = beside.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
    // The log of a state that was just closed may be gone.
    let kept: Vec<_> =
        paths.filter_map(|path| Some((path.display().to_string(), std::fs::read(path).ok()?))).collect();
    assert!(kept.iter().any(|(name, _)| Path::new(name) == file), "{kept:?}");
    kept
}

/// The database that stands for a file.
fn url(file: &Path) -> String {
    server().url(&database(file))
}

fn server() -> &'static PostgresServer {
    PostgresServer::shared().expect("RESTORE_WATCH_STATE=postgres needs PostgreSQL")
}

/// The name of that database, which is created when it is first asked for.
fn database(file: &Path) -> String {
    static NAMES: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());

    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    let next = format!("state_{}", names.len() + 1);
    let create = || {
        server().create_database(&next);
        next
    };
    names.entry(file.to_owned()).or_insert_with(create).clone()
}

/// A state, read without the program under test.
pub enum State<'a> {
    File(PathBuf),
    /// A database of this name.
    Database(&'a PostgresServer, String),
}

/// A query for each kind of state. Its rows have one column: a JSON array.
pub struct Query {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

impl State<'_> {
    /// The one of this file, or of the database that stands for it.
    pub fn of(file: &Path) -> Self {
        if is_on_postgres() { Self::Database(server(), database(file)) } else { Self::File(file.to_owned()) }
    }

    /// The rows that a query finds.
    pub fn rows(&self, query: &Query) -> Result<Vec<Value>, String> {
        match self {
            Self::File(path) => rows_in_file(path, query.sqlite).map_err(|error| error.to_string()),
            Self::Database(server, name) => {
                let sql = format!("SET search_path TO restore_watch; {}", query.postgres);
                Ok(super::json_lines(&server.try_psql(name, &sql)?))
            }
        }
    }

    /// The number that a query finds; none as long as there is no such table.
    pub fn number(&self, query: &Query) -> Option<i64> {
        self.rows(query).ok()?.first()?.get(0)?.as_i64()
    }

    /// All that PostgreSQL keeps of it, as SQL; none if it is in a file.
    pub fn dump(&self) -> Option<Vec<u8>> {
        let Self::Database(server, name) = self else { return None };
        let done = server.tool("pg_dump").args(["--inserts", name]).output().expect("pg_dump");
        assert!(done.status.success(), "{done:?}");
        Some(done.stdout)
    }
}

fn rows_in_file(path: &Path, sql: &str) -> rusqlite::Result<Vec<Value>> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|row| Ok(serde_json::from_str(&row?).expect("JSON"))).collect()
}
