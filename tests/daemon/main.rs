//! `restore-watch run` as a process, on simulated control planes.

mod block_private;
mod canaries;
mod clock;
mod config;
mod connections;
mod control;
mod deliveries;
mod discovery;
mod email;
mod exec;
mod explain;
mod failures;
mod feeds;
mod first_process;
mod headers;
mod history;
mod hours;
mod http;
mod ids;
mod journal;
mod log;
mod migration;
mod monitor;
mod notify_test;
mod pagerduty;
mod probes;
mod rate;
mod reload;
mod routes;
mod service_manager;
mod silence;
mod sinks;
mod starting;
mod state;
mod status;
mod stopping;
mod templates;
mod transport;
mod webhook;

pub mod services;
#[path = "../support/mod.rs"]
pub mod support;

use restore_watch::simulate::Simulator;
use support::{Done, Folder, KEY, Running, Watch};

/// A daemon to start, with the files it reads.
pub struct Daemon {
    folder: Folder,
    text: String,
}

impl Daemon {
    /// A daemon with this configuration.
    pub fn new(text: impl Into<String>) -> Self {
        Self { folder: Folder::new(), text: text.into() }
    }

    /// Adds lines to its configuration.
    #[must_use]
    pub fn with(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds a project on this control plane, polled as fast as possible.
    #[must_use]
    pub fn project(self, name: &str, plane: &Simulator, jobs: &[&str]) -> Self {
        let url = plane.url();
        self.with(&format!(
            "[[project]]\nname = \"{name}\"\napi_key = {{ env = \"KEY\" }}\njobs = {jobs:?}\n\
             [project.api]\nendpoint = \"{url}\"\nrequests_per_second = 200\nburst = 50\n\
             [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n"
        ))
    }

    /// The process to start.
    pub fn run(self, arguments: &[&str]) -> Watch {
        self.run_through(&[], arguments)
    }

    /// The same, started by another program that execs it.
    pub fn run_through(self, launcher: &[&str], arguments: &[&str]) -> Watch {
        let config = self.folder.write("config.toml", &self.text);
        let state = self.folder.path().join("state");
        Watch::through(launcher, ["run", "--config", &config].iter().chain(arguments))
            .env("KEY", KEY)
            .env("STATE_DIRECTORY", &state.to_string_lossy())
            .env("RUNTIME_DIRECTORY", &self.folder.path().to_string_lossy())
            .keep(self.folder)
    }

    /// Replaces the configuration file of a running daemon.
    pub fn rewrite(self, running: &Running) {
        running.folder().write("config.toml", &self.text);
    }
}

/// Runs a command against a running daemon.
pub fn ask(daemon: &Running, arguments: &[&str]) -> Done {
    let socket = daemon.folder().path().join("control.sock");
    Watch::new(arguments).env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy()).run()
}

/// The full status of a daemon.
pub fn status(daemon: &Running) -> serde_json::Value {
    ask(daemon, &["status", "--output", "json"]).expect(0).json()
}

/// The number of deliveries that are committed in this state, such as `dead`. A status counts what
/// is still to be committed, too, which a daemon that is killed forgets.
pub(crate) fn committed(daemon: &Running, state: &str) -> usize {
    let rows = ask(daemon, &["deliveries", "--state", state, "--output", "json"]).expect(0).json();
    rows.as_array().expect("rows").len()
}
