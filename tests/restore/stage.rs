//! A control plane, and the command that restores the backup `b-1` into the index `docs` there.

use restore_watch::simulate::{RequestRecord, Simulator};

use crate::support::{Done, Folder, KEY, Watch, fast, play};

/// A restore that is over soon.
pub(crate) const SOON: &str = "[restore]\nid = \"rj-1\"\ntakes = \"300ms\"\nready_after = \"300ms\"\n";

/// Answers that say which backup an index was made of.
pub(crate) const NEWER: &str = "answers = \"2026-07\"\n";

pub(crate) struct Stage {
    pub(crate) plane: Simulator,
    folder: Folder,
    config: String,
}

impl Stage {
    /// With this scenario, and requests that may take so long.
    pub(crate) fn with_request_timeout(scenario: &str, timeout: &str) -> Self {
        Self::configured(scenario, "[cadence]", &format!("request_timeout = \"{timeout}\"\n[cadence]"))
    }

    /// With this scenario, and one request at a time at this rate.
    pub(crate) fn at_rate(scenario: &str, rate: &str) -> Self {
        let slow = format!("requests_per_second = {rate}\nburst = 1");
        Self::configured(scenario, "requests_per_second = 200\nburst = 50", &slow)
    }

    /// With `to` in place of `from` in its configuration.
    fn configured(scenario: &str, from: &str, to: &str) -> Self {
        let (plane, folder) = (play(scenario), Folder::new());
        let config = folder.write("config.toml", format!("jobs = []\n{}", fast(&plane).replace(from, to)));
        Self { plane, folder, config }
    }

    pub(crate) fn new(scenario: &str) -> Self {
        Self::with_request_timeout(scenario, "10s")
    }

    /// The command, with further words.
    pub(crate) fn restore(&self, further: &[&str]) -> Watch {
        self.restore_of("b-1", further)
    }

    /// The same for another backup.
    pub(crate) fn restore_of(&self, backup: &str, further: &[&str]) -> Watch {
        let words = ["restore", backup, "--name", "docs", "--config", &self.config];
        Watch::new(words.iter().chain(further)).env("PINECONE_API_KEY", KEY).within(self.folder.path())
    }

    pub(crate) fn run(&self, further: &[&str]) -> Done {
        self.restore(further).run()
    }

    /// The requests so far that start a restore.
    pub(crate) fn posts(&self) -> Vec<RequestRecord> {
        self.plane.requests().into_iter().filter(|request| request.method == "POST").collect()
    }
}
