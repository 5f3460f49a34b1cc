//! A daemon with its page, and the control planes that it watches.
//!
//! Invariant: a restore ends when the test says so, not when time has passed: another control plane
//! takes the place of the first one, at its address.

use std::net::SocketAddr;

use restore_watch::simulate::{Receiver, Reply, Simulator};
use serde_json::Value;

use crate::support::{Folder, KEY, PATIENCE, Running, Watch, play, receive, replay};

/// The restores of [`Site::busy`].
const BUSY: &str = r#"
[[job]]
id = "rj-docs"
index = "docs-search"
age = "4m"

[[job]]
id = "rj-orders"
index = "orders-nightly"
age = "2h"

[[job]]
id = "rj-images"
index = "images-eu"
age = "20s"
pending_status = "Initializing"

[[job]]
id = "past"
index = "orders"
count = 12
age = "3h"
age_step = "1h"
takes = "8m"
takes_step = "40s"

[[job]]
id = "past-failed"
index = "support-tickets"
age = "2h"
takes = "10m"
ends = "failed"

[[job]]
id = "past-cancelled"
index = "staging-copy"
age = "5h"
takes = "30m"
ends = "cancelled"
"#;

/// A daemon that watches control planes, each a project. It is stopped when it is dropped.
pub(crate) struct Site {
    /// The configuration and the state.
    folder: Folder,
    planes: Vec<Simulator>,
    receivers: Vec<Receiver>,
    daemon: Running,
    address: SocketAddr,
}

/// A project to watch.
pub(crate) struct Project<'a> {
    pub(crate) name: &'a str,
    /// What its control plane plays.
    pub(crate) scenario: &'a str,
    /// Lines of its table, beside the name, the key and how to reach it.
    pub(crate) settings: &'a str,
}

impl Site {
    /// A daemon that watches these projects, with further lines in its configuration.
    pub(crate) fn new(projects: &[Project<'_>], further: &str) -> Self {
        let planes: Vec<Simulator> = projects.iter().map(|project| play(project.scenario)).collect();
        let tables = projects.iter().zip(&planes).map(|(project, plane)| {
            format!(
                "[[project]]\nname = {:?}\napi_key = {{ env = \"KEY\" }}\n{}\n\
                 [project.api]\nendpoint = \"{}\"\nrequests_per_second = 1000\nburst = 1000\n\
                 [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n",
                project.name,
                project.settings,
                plane.url()
            )
        });
        let folder = Folder::new();
        folder.write("config.toml", tables.chain([further.to_owned()]).collect::<String>());

        let (daemon, address) = run(&folder, "127.0.0.1:0");
        Self { folder, planes, receivers: Vec::new(), daemon, address }
    }

    /// One project, `shop`, whose jobs are discovered.
    pub(crate) fn of(scenario: &str) -> Self {
        Self::new(&[Project { name: "shop", scenario, settings: "discover = true" }], "")
    }

    /// All that a page can show: open restores, one of them longer than usual, ended ones of each
    /// outcome, a project whose key is refused, and sinks, one of which takes nothing.
    pub(crate) fn busy() -> Self {
        let refusing = receive([]);
        refusing.otherwise(Reply::status(400).body("invalid_payload"));
        let taking = receive([]);
        let sink = |name: &str, receiver: &Receiver| {
            let url = receiver.url();
            format!(
                "[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{url}\"\nretry_schedule = [\"10ms\"]\n"
            )
        };
        let mut past: Vec<_> = (1..=12).map(|number| format!("past-{number}")).collect();
        past.extend(["past-failed", "past-cancelled"].map(str::to_owned));
        let settings = format!("discover = true\njobs = {past:?}");
        let refused = "jobs = [\"rj-stage\"]\n[project.watch]\nunauthorized_grace = \"0s\"\n";
        let projects = [
            Project { name: "shop", scenario: BUSY, settings: &settings },
            Project { name: "stage", scenario: "api_key = \"another\"\n", settings: refused },
        ];

        let mut site = Self::new(&projects, &(sink("on-call", &refusing) + &sink("pager", &taking)));
        site.receivers.extend([refusing, taking]);
        site.until("all of it", |status| {
            let sinks = status["sinks"].as_array().expect("sinks");
            let has_dead_letters = sinks.iter().any(|sink| sink["name"] == "on-call" && sink["dead"] != 0);
            let [shop, stage] = [0, 1].map(|at| &status["projects"][at]);
            let is_delivered = status["deliveries"]["pending"] == 0;
            has_dead_letters
                && is_delivered
                && stage["refused"].is_string()
                && shop["open"] == 3
                && shop["ended"] == 14
        });
        site
    }

    /// The address of a path of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Has the control plane of the first project play another scenario from now on.
    pub(crate) fn play(&mut self, scenario: &str) {
        let plane = self.planes.remove(0);
        self.planes.insert(0, replay(plane, scenario));
    }

    /// Sends the daemon a signal.
    pub(crate) fn signal(&mut self, name: &str) {
        self.daemon.signal(name);
    }

    /// Stops the daemon.
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.daemon.ends_within(PATIENCE), "the daemon does not stop:\n{}", self.daemon.stderr());
    }

    /// Starts it again, at the same address and with its state.
    pub(crate) fn start(&mut self) {
        (self.daemon, _) = run(&self.folder, &self.address.to_string());
    }

    /// Waits until the status of the daemon is as it should be. It has no jobs that did not fail.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, condition: impl Fn(&Value) -> bool) {
        let socket = self.folder.path().join("control.sock");
        self.daemon.until(what, |_| {
            let asked = Watch::new(["status", "--failed", "--output", "json"])
                .env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy())
                .run();
            asked.code == Some(0) && condition(&asked.json())
        });
    }
}

/// Starts the daemon; gives where it listens.
fn run(folder: &Folder, listen: &str) -> (Running, SocketAddr) {
    const LISTENING: &str = "listening on http://";

    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let mut daemon = Watch::new(["run", "--config", &path("config.toml"), "--http", listen])
        .env("KEY", KEY)
        .env("STATE_DIRECTORY", &path("state"))
        .env("RUNTIME_DIRECTORY", &path(""))
        .start();
    daemon.until_logged(LISTENING);
    let log = daemon.stderr();
    let (_, after) = log.split_once(LISTENING).unwrap();
    let address = after.lines().next().unwrap().parse().unwrap();
    (daemon, address)
}
