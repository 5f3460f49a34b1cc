//! Damaged state files, after a kill and after a stop.
//!
//! Invariant: a state that is used is the last one or an older one; a state that is refused keeps
//! all its files to the last byte.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use restore_watch::model::Exit;
use rusqlite::Connection;

use crate::kills::number;
use crate::ledger::{Ledger, Post};
use crate::oracle::{Counts, Emission};
use crate::stage::{Stage, start};
use crate::support::state::is_about_files;
use crate::world::Size;

const HALF: Size = Size { projects: 1, jobs: 24, endless: 0, span: Duration::from_secs(2) };

/// How many events are delivered when the daemon ends.
const EMITTED: usize = 20;

#[test]
fn damaged_state_is_refused_unchanged_or_harmless() {
    if is_about_files("files are damaged") {
        return;
    }
    let mut rng = fastrand::Rng::with_seed(17);
    for killed in [false, true] {
        let mut half = Half::run(killed);
        for attempt in 1..=tries() {
            half.go_on(&format!("bit {attempt}"), "state.db", Emission::Once, |bytes| flip(bytes, &mut rng));
            half.go_on(&format!("cut {attempt}"), "state.db", Emission::Again, |bytes| cut(bytes, &mut rng));
        }
        println!(
            "killed: {killed}; {} of {} damaged states refused; {}",
            half.refused,
            2 * tries(),
            half.counts
        );
    }
}

#[test]
fn damaged_wal_is_an_older_state() {
    if is_about_files("files are damaged") {
        return;
    }
    let mut rng = fastrand::Rng::with_seed(19);
    let mut half = Half::run(true);
    for attempt in 1..=tries() {
        half.go_on(&format!("bit {attempt}"), "state.db-wal", Emission::Again, |bytes| flip(bytes, &mut rng));
        half.go_on(&format!("cut {attempt}"), "state.db-wal", Emission::Again, |bytes| cut(bytes, &mut rng));
    }
    half.go_on("empty", "state.db-wal", Emission::Again, Vec::clear);
    half.go_on("index", "state.db-shm", Emission::Once, |bytes| flip(bytes, &mut rng));
    println!("{} of {} damaged logs refused; {}", half.refused, 2 * tries(), half.counts);
}

#[test]
fn state_set_aside_is_kept_and_events_are_repeated() {
    if is_about_files("files are damaged") {
        return;
    }
    let mut half = Half::run(true);
    half.go_on("cut", "state.db", Emission::Again, |bytes| bytes.truncate(bytes.len() / 2));
    assert_eq!(half.refused, 1);
    let refused = half.read();

    let done = start(half.stage.daemon(&["--exit-when-done", "--set-state-aside"])).finish();
    half.stage.ended(&done);
    let done = done.logged(" WARN the state was set aside, as ");
    assert!(matches!(done.code, Some(0 | 1 | 6)), "{:?}: {}", done.code, half.stage.context());

    half.stage.judge(Emission::Again);
    let kept: Vec<_> = half.read().into_iter().filter(|(name, _)| name.contains(".aside-")).collect();
    for (ending, bytes) in [("Z", &refused["state.db"]), ("Z-wal", &refused["state.db-wal"])] {
        let kept = kept.iter().find(|(name, _)| name.ends_with(ending));
        assert!(kept.is_some_and(|(_, kept)| kept == bytes), "{ending}");
    }
}

/// How often each kind of damage is tried: more in the long form.
fn tries() -> u64 {
    number("RESTORE_WATCH_KILLS").map_or(6, |kills| (kills / 25).clamp(6, 100))
}

/// A run that is half over: its files and the requests to its sinks.
struct Half {
    stage: Stage,
    files: BTreeMap<String, Vec<u8>>,
    posts: Vec<Vec<Post>>,
    refused: usize,
    counts: Counts,
}

impl Half {
    /// Runs a daemon until it has delivered a part and ends it with two signals, so that much is
    /// pending and the whole state is in one file. With `killed`, starts it again and kills it
    /// after some more.
    fn run(killed: bool) -> Self {
        let mut stage = Stage::new(HALF, 13);
        for part in 1..=1 + usize::from(killed) {
            let mut daemon = start(stage.daemon(&[]));
            daemon.until("a part of it", |_| stage.ledgers[0].posts().len() >= EMITTED * part);
            let done = if part == 2 {
                daemon.kill()
            } else {
                daemon.signal("TERM");
                daemon.signal("INT");
                daemon.finish().expect(i32::from(Exit::Success.code()))
            };
            stage.ended(&done);
            if part == 1 {
                // The daemon may end before its own checkpoint.
                let connection = Connection::open(stage.state()).unwrap();
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
            }
        }
        stage.ledgers.iter().for_each(|ledger| ledger.calm(true));
        let (files, posts, counts) = (BTreeMap::new(), Vec::new(), Counts::default());
        let mut half = Self { stage, files, posts, refused: 0, counts };
        half.files = half.read();
        half.posts = half.stage.ledgers.iter().map(Ledger::posts).collect();
        half
    }

    /// All files but the lock.
    fn read(&self) -> BTreeMap<String, Vec<u8>> {
        let directory = self.stage.state().parent().expect("a directory");
        let files = fs::read_dir(directory).unwrap().flatten();
        let files =
            files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()));
        files.filter(|(name, _)| name != "state.db.lock").collect()
    }

    /// Restores the state to these files, and the ledgers with it.
    fn reset(&self, files: &BTreeMap<String, Vec<u8>>) {
        let directory = self.stage.state().parent().expect("a directory");
        fs::remove_dir_all(directory).unwrap();
        fs::create_dir(directory).unwrap();
        for (name, bytes) in files {
            fs::write(directory.join(name), bytes).unwrap();
        }
        for (ledger, posts) in self.stage.ledgers.iter().zip(&self.posts) {
            ledger.reset(posts.clone());
        }
    }

    /// Goes on with one file damaged. If the state is used, the oracle checks the deliveries; if it
    /// is refused, its files must be unchanged.
    fn go_on(&mut self, what: &str, file: &str, emission: Emission, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut files = self.files.clone();
        damage(files.get_mut(file).unwrap());
        self.reset(&files);
        let done = start(self.stage.daemon(&["--exit-when-done"])).finish();
        self.stage.ended(&done);
        if done.code == Some(i32::from(Exit::State.code())) {
            self.refused += 1;
            let file = self.stage.state().display().to_string();
            assert!(
                done.stderr.contains(&file) && done.stderr.contains("\n  help: "),
                "{what}: {}",
                done.stderr
            );
            let known = ["is damaged: ", "not a state of restore-watch", "by a newer restore-watch"];
            assert!(known.iter().any(|known| done.stderr.contains(known)), "{what}: {}", done.stderr);
            let mut left = self.read();
            // SQLite rebuilds the shm file at every open, and an empty WAL equals none.
            left.remove("state.db-shm");
            files.remove("state.db-shm");
            left.retain(|name, bytes| files.contains_key(name) || !bytes.is_empty());
            let sizes = || left.iter().map(|(name, bytes)| (name, bytes.len())).collect::<Vec<_>>();
            assert!(left == files, "{what}: {:?}", sizes());
        } else {
            assert!(
                matches!(done.code, Some(0 | 1 | 6)),
                "{what}: {:?}: {}",
                done.code,
                self.stage.context()
            );
            self.counts += self.stage.judge(emission);
        }
    }
}

fn flip(bytes: &mut [u8], rng: &mut fastrand::Rng) {
    let at = rng.usize(..bytes.len());
    bytes[at] ^= 1 << rng.u8(..8);
}

fn cut(bytes: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    bytes.truncate(rng.usize(..bytes.len()));
}
