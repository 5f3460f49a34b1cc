//! A world with its own systemd: booted, configured, inspected, powered off.
//!
//! Invariant: nothing in it outlives the process of the tests, and every wait has a bound.

#![expect(
    clippy::missing_panics_doc,
    reason = "this is no library: public so that no test must use all of it, and a panic is how a test fails"
)]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Receiver, Reply, Simulator, Timeline};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::skip::skipped;
use crate::support::{KEY, PATIENCE};

/// The directory of the shipped units.
pub const UNITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd");

/// In the tests a refused system call kills, so that none goes unnoticed.
pub const STRICT: &str = "[Service]\nSystemCallErrorNumber=kill\n";

/// Any free port of a world.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running world, by default with the program and the units installed as the README says, and a
/// key. Ended when dropped.
pub struct World {
    /// The servers' runtime, with threads in its network.
    network: Runtime,
    /// The process id of its systemd, as it is seen from here.
    leader: String,
    keeper: Child,
    /// The world lasts as long as this is open.
    lease: Option<ChildStdin>,
}

impl World {
    /// Boots a world; `None` if that is impossible here.
    pub fn boot() -> Option<Self> {
        let world = Self::begin(&[env!("CARGO_BIN_EXE_restore-watch").as_ref()]).map_err(|why| {
            skipped("the units under a real systemd", &why);
        });
        world.ok().inspect(Self::furnish)
    }

    /// Boots the system in a folder, which stays as it is. The program, its units and a key are not
    /// in it but if they are part of that system. The error says why it is impossible here.
    pub fn boot_root(root: &Path) -> Result<Self, String> {
        Self::begin(&["--root".as_ref(), root.as_os_str()])
    }

    fn begin(arguments: &[&OsStr]) -> Result<Self, String> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systemd/boot.sh");
        let mut keeper = Command::new("bash")
            .arg(script)
            .args(arguments)
            // A kill of the tests' process group must leave the script the time to tidy up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("bash cannot be started: {error}"))?;
        let lease = keeper.stdin.take();
        let mut line = String::new();
        // Both reads end with the script, which has its own time limits.
        BufReader::new(keeper.stdout.take().expect("a pipe")).read_line(&mut line).unwrap();
        let Some(leader) = line.trim_end().strip_prefix("ready ") else {
            let mut why = String::new();
            keeper.stderr.take().expect("a pipe").read_to_string(&mut why).unwrap();
            keeper.wait().unwrap();
            return Err(why);
        };
        let network = network(leader);
        Ok(Self { network, leader: leader.to_owned(), keeper, lease })
    }

    fn furnish(&self) {
        for unit in ["restore-watch.service", "restore-watch-wait@.service"] {
            let text = std::fs::read(Path::new(UNITS).join(unit)).unwrap();
            self.write(&format!("/etc/systemd/system/{unit}"), text);
            self.write(&format!("/etc/systemd/system/{unit}.d/strict.conf"), STRICT);
        }
        self.write("/etc/restore-watch/pinecone-api-key", KEY);
        self.succeed("chmod 600 /etc/restore-watch/pinecone-api-key && systemctl daemon-reload");
    }

    /// A file of the world, as seen from outside.
    pub fn seen_from_outside(&self, path: &str) -> PathBuf {
        Path::new("/proc")
            .join(&self.leader)
            .join("root")
            .join(path.strip_prefix('/').expect("an absolute path"))
    }

    /// Writes a file that every user of the world may read.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.seen_from_outside(path);
        std::fs::create_dir_all(file.parent().expect("a directory")).unwrap();
        std::fs::write(&file, text).unwrap();
    }

    /// Sets the configuration: jobs of one control plane, whose key is a credential, and further
    /// lines.
    pub fn configure(&self, plane: &Simulator, jobs: &[&str], further: &str) {
        let text = format!(
            "[[project]]\nname = \"one\"\napi_key = {{ credential = \"pinecone-api-key\" }}\njobs = {jobs:?}\n\
             [project.api]\nendpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n\
             [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n{further}",
            plane.url()
        );
        self.write("/etc/restore-watch/config.toml", text);
    }

    /// Adds to a unit, as `systemctl edit` does.
    pub fn edit(&self, unit: &str, text: &str) {
        self.write(&format!("/etc/systemd/system/{unit}.d/of-this-test.conf"), text);
        self.succeed("systemctl daemon-reload");
    }

    /// Runs a line of shell in the world to its end.
    pub fn run(&self, line: &str) -> Ran {
        let bound = PATIENCE.as_secs().to_string();
        let output = Command::new("timeout")
            .args(["--kill-after=5", &bound, "nsenter", "--target", &self.leader, "--all", "sh", "-c", line])
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let ran =
            Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
        assert_ne!(ran.code, Some(124), "`{line}` does not end: {ran:?}");
        ran
    }

    /// Runs a line of shell that must succeed. Gives what it printed.
    #[track_caller]
    pub fn succeed(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "`{line}`: {ran:?}\n{}", self.logged());
        ran.stdout
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub fn until(&self, what: &str, condition: impl Fn() -> bool) {
        let clock = Clock::system();
        let start = clock.now().instant;
        while !condition() {
            let waited = clock.now().instant.since(start);
            assert!(waited < PATIENCE, "waited in vain for {what}\n{}", self.logged());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A property of a unit, as systemd shows it.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.succeed(&format!("systemctl show --value --property={name} '{unit}'"))
    }

    /// The lines of the journal that match, such as `--unit=restore-watch`, oldest first.
    pub fn journal(&self, matching: &str) -> Vec<Value> {
        let lines = self.succeed(&format!("journalctl --sync; journalctl --quiet --output=json {matching}"));
        crate::support::json_lines(&lines)
    }

    /// Whether the journal has a line with this text, among those that match.
    pub fn has_logged(&self, matching: &str, text: &str) -> bool {
        self.journal(matching)
            .iter()
            .any(|line| line["MESSAGE"].as_str().is_some_and(|said| said.contains(text)))
    }

    /// The last lines of the journal, for the message of a failure.
    fn logged(&self) -> String {
        self.run("journalctl --sync; journalctl --quiet --no-pager --output=short-precise --lines=60").stdout
    }

    /// Plays a scenario in the network of the world, from now on.
    pub fn play(&self, text: &str) -> Simulator {
        let scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let timeline = Timeline::start(Clock::system().now().wall);
        self.served(async move { Simulator::start(&scenario, LOOPBACK, timeline).await })
    }

    /// Receives webhooks in the network of the world, and answers the first ones with `replies`.
    pub fn receive(&self, replies: Vec<Reply>) -> Receiver {
        let timeline = Timeline::start(Clock::system().now().wall);
        self.served(async move { Receiver::start(replies, LOOPBACK, timeline).await })
    }

    /// Runs on a thread in that network; the calling thread is not in it.
    fn served<T: Send + 'static>(
        &self,
        server: impl Future<Output = std::io::Result<T>> + Send + 'static,
    ) -> T {
        self.network.block_on(self.network.spawn(server)).unwrap().expect("a free port")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(self.lease.take());
        let clock = Clock::system();
        let start = clock.now().instant;
        while self.keeper.try_wait().is_ok_and(|ended| ended.is_none()) {
            if clock.now().instant.since(start) > PATIENCE {
                drop(self.keeper.kill());
                drop(self.keeper.wait());
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A runtime whose threads are in the network of the world with this first process.
fn network(leader: &str) -> Runtime {
    let network = std::fs::File::open(format!("/proc/{leader}/ns/net")).unwrap();
    let build = move || {
        move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        // The threads that it starts inherit the namespace of this one.
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
    };
    std::thread::spawn(build).join().unwrap()
}

/// A command that ended in the world.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// What it printed on standard output, without the end of the last line.
    pub stdout: String,
    /// What it printed on standard error, likewise.
    pub stderr: String,
}
