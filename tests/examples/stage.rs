//! The stage of an example: a directory with it and with stubs of all programs that it calls.
//!
//! Invariant: each stub only records its call.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use restore_watch::simulate::Simulator;

use crate::support::{Folder, KEY, Watch, play, skipped};

/// The directory of the examples.
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/config/examples");

/// Records its name and its arguments.
const RECORD: &str = "#!/bin/sh\necho \"${0##*/} $*\" >> \"$CALLS\"\n";

/// A restore that completes at once.
pub(crate) fn completed() -> Simulator {
    play("[restore]\nid = \"rj-1\"\ntakes = \"1ms\"")
}

/// A restore that completes during the wait, and an index that becomes ready later.
pub(crate) fn completes() -> Simulator {
    play("[restore]\nid = \"rj-1\"\ntakes = \"1s\"\nready_after = \"1s\"")
}

/// A restore that fails at once.
pub(crate) fn failed() -> Simulator {
    play("[restore]\nid = \"rj-1\"\ntakes = \"1ms\"\nends = \"failed\"")
}

/// A restore that never ends.
pub(crate) fn endless() -> Simulator {
    play("[restore]\nid = \"rj-1\"")
}

/// An index that an earlier run of the example restored, later.
pub(crate) fn restored_before() -> Simulator {
    play("[[job]]\nid = \"rj-1\"\nbackup_id = \"b-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"10m\"")
}

/// An API that starts no restore: the backup is not ready.
pub(crate) fn refusing() -> Simulator {
    play("[[backup]]\nid = \"b-1\"\nstatus = \"Initializing\"")
}

/// The stage of an example, which restores the backup `b-1` into the index `docs`.
pub(crate) struct Stage {
    folder: Folder,
    plane: Simulator,
}

/// The call that switches traffic.
pub(crate) const SWITCH: &str = "switch-traffic.sh docs";

/// The call that rolls back.
pub(crate) const ROLL_BACK: &str = "roll-back.sh docs";

impl Stage {
    /// One with a copy of this example.
    pub(crate) fn new(example: &str, plane: Simulator) -> Self {
        let stage = Self { folder: Folder::new(), plane };
        for directory in ["bin", "home"] {
            fs::create_dir(stage.path(directory)).expect("a directory");
        }
        symlink(env!("CARGO_BIN_EXE_restore-watch"), stage.path("bin/restore-watch")).expect("a link");
        // It would build the program.
        stage.script("bin/cargo", "");
        stage.script("switch-traffic.sh", "");
        stage.script("roll-back.sh", "");
        let name = Path::new(example).file_name().expect("a name");
        fs::copy(Path::new(EXAMPLES).join(example), stage.folder.path().join(name)).expect("the example");
        stage
    }

    /// The text of an example.
    pub(crate) fn text(example: &str) -> String {
        fs::read_to_string(Path::new(EXAMPLES).join(example)).expect("the example")
    }

    /// A file of it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a stub that records its call and then does this.
    pub(crate) fn script(&self, name: &str, then: &str) {
        drop(fs::remove_file(self.path(name)));
        self.folder.write(name, format!("{RECORD}{then}"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// From now on, this is the control plane.
    pub(crate) fn turn_to(&mut self, plane: Simulator) {
        self.plane = plane;
    }

    /// The answers to requests that start a restore.
    pub(crate) fn starts(&self) -> Vec<u16> {
        let posts = self.plane.requests().into_iter().filter(|request| request.method == "POST");
        posts.filter_map(|request| request.answered).collect()
    }

    /// How often the control plane was asked.
    pub(crate) fn polls(&self) -> usize {
        self.plane.count()
    }

    /// Whether the last answer was that the index is ready.
    pub(crate) fn has_seen_it_serve(&self) -> bool {
        let requests = self.plane.requests();
        requests.len() > 2 && requests.last().is_some_and(|request| request.path == "/indexes/docs")
    }

    /// What was called so far, with its arguments.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }

    /// A program on the stage, with the control plane and the key.
    pub(crate) fn program(&self, words: &[&str]) -> Watch {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap_or_default());
        Watch::program(words)
            .within(self.folder.path())
            .env("PATH", &path)
            .env("HOME", &self.path("home").to_string_lossy())
            .env("CALLS", &self.path("calls").to_string_lossy())
            .env("PINECONE_API_KEY", KEY)
            .env("PINECONE_CONTROLLER_HOST", &self.plane.url())
    }
}

/// Whether this program is installed.
pub(crate) fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|tried| tried.status.success())
}

/// The same; if it is not, prints once what is not tested.
pub(crate) fn is_there_for(program: &str, what: &str) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    let there = is_there(program);
    if !there && SAID.lock().expect("no panic").insert(program.to_owned()) {
        skipped(&format!("{what}: there is no {program} here"));
    }
    there
}
