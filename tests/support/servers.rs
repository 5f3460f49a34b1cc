//! The servers that the program speaks to, on a runtime of the tests, and the files it reads.

use std::net::SocketAddr;
use std::sync::LazyLock;

use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Receiver, Reply, Scenario, Simulator, Timeline};
use tokio::runtime::Runtime;

use super::{PATIENCE, state};

/// The servers' runtime, apart from the threads of the tests, which block on processes.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Plays a scenario, from now on.
pub fn play(text: &str) -> Simulator {
    start(&text.parse().unwrap_or_else(|error| panic!("{error}")))
}

/// Plays a scenario that comes with the program, from now on.
pub fn play_shipped(name: &str) -> Simulator {
    start(&Scenario::shipped(name).expect("a shipped scenario"))
}

/// Plays a scenario in place of another one, at its address, from now on.
pub fn replay(plane: Simulator, text: &str) -> Simulator {
    let scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
    let address = plane.address();
    drop(plane);
    // Its socket is closed by the runtime, soon.
    let free = async {
        while std::net::TcpListener::bind(address).is_err() {
            tokio::task::yield_now().await;
        }
    };
    RUNTIME.block_on(async { tokio::time::timeout(PATIENCE, free).await }).expect("the other one ends");
    start_at(&scenario, address)
}

fn start(scenario: &Scenario) -> Simulator {
    start_at(scenario, LOOPBACK)
}

fn start_at(scenario: &Scenario, address: SocketAddr) -> Simulator {
    let timeline = Timeline::start(Clock::system().now().wall);
    RUNTIME.block_on(Simulator::start(scenario, address, timeline)).expect("a free port")
}

/// Receives webhooks, and answers the first ones with `replies`.
pub fn receive(replies: impl IntoIterator<Item = Reply>) -> Receiver {
    let timeline = Timeline::start(Clock::system().now().wall);
    RUNTIME.block_on(Receiver::start(replies, LOOPBACK, timeline)).expect("a free port")
}

/// An address without a listener.
pub fn unused_address() -> SocketAddr {
    std::net::TcpListener::bind(LOOPBACK).and_then(|listener| listener.local_addr()).expect("a free port")
}

/// The scenario of jobs that ended long ago, each an id and a status.
pub fn done(jobs: &[(&str, &str)]) -> String {
    let job = |(id, status): &(&str, &str)| {
        format!("[[job]]\nid = \"{id}\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"{status}\"\n")
    };
    jobs.iter().map(job).collect()
}

/// The tables of a configuration that polls this control plane as fast as possible.
pub fn fast(plane: &Simulator) -> String {
    format!(
        "[api]\nendpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n\
         [cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n",
        plane.url()
    )
}

/// A directory for the files of one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    pub fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    /// Writes a file; gives its path. A configuration keeps its state where these tests do.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.path().join(name);
        match std::str::from_utf8(text.as_ref()) {
            Ok(text) if name.ends_with("config.toml") => {
                std::fs::write(&path, state::configuration(self.0.path(), text)).expect("a file");
            }
            _ => std::fs::write(&path, text).expect("a file"),
        }
        path.into_os_string().into_string().expect("a path that is text")
    }
}
