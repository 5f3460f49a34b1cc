//! A daemon as its operator sees it: how soon it is ready, its resources, how soon it stops.

use std::fs::File;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use restore_watch::platform::clock::Clock;
use rustix::process::{Pid, Signal, kill_process};

/// The unit of processor time in /proc, the same for all programs on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon at work, killed when dropped.
pub(crate) struct Daemon {
    process: Child,
    log: PathBuf,
    /// Where its control socket is.
    socket: PathBuf,
    /// From the start of the process until it said that it was ready.
    pub(crate) ready_after: Duration,
}

impl Daemon {
    /// Starts one with this configuration, in a directory of its own, and waits until it is ready.
    pub(crate) fn start(directory: &Path, config: &str) -> Self {
        Self::start_with(directory, config, &[])
    }

    /// The same with further arguments.
    pub(crate) fn start_with(directory: &Path, config: &str, arguments: &[&str]) -> Self {
        let path = directory.join("config.toml");
        std::fs::write(&path, config).unwrap();
        let log = directory.join("log");
        // The path of a socket has room for about a hundred bytes.
        let sockets = tempfile::tempdir().unwrap();
        let notices = UnixDatagram::bind(sockets.path().join("notify")).unwrap();
        notices.set_read_timeout(Some(PATIENCE)).unwrap();
        let socket = sockets.path().join("control");
        let clock = Clock::system();
        let began = clock.now().instant;
        let process = Command::new(env!("CARGO_BIN_EXE_restore-watch"))
            .args(["run", "--config"])
            .arg(path)
            .arg("--socket")
            .arg(&socket)
            .args(arguments)
            .env("PINECONE_API_KEY", "any")
            .env("NOTIFY_SOCKET", sockets.path().join("notify"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut daemon = Self { process, log, socket, ready_after: Duration::ZERO };
        let mut notice = [0; 4096];
        loop {
            let ended = daemon.process.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended: {}", daemon.log());
            let length =
                notices.recv(&mut notice).unwrap_or_else(|error| panic!("{error}: {}", daemon.log()));
            if String::from_utf8_lossy(&notice[..length]).lines().any(|line| line == "READY=1") {
                break;
            }
        }
        daemon.ready_after = clock.now().instant.since(began);
        // Further notifications are read, as a service manager does.
        std::thread::spawn(move || {
            let _sockets = sockets;
            while notices.recv(&mut notice).is_ok() {}
        });
        daemon
    }

    /// A size in its status, in MiB.
    pub(crate) fn mebibytes(&self, key: &str) -> f64 {
        mebibytes(self.process.id(), key)
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where its control socket is.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to stop. Returns how long that took.
    pub(crate) fn stop(mut self) -> Duration {
        let clock = Clock::system();
        let began = clock.now().instant;
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        let status = self.process.wait().unwrap();
        let took = clock.now().instant.since(began);
        assert!(status.success(), "ended with {:?}, {:?}: {}", status.code(), status.signal(), self.log());
        took
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A size in the status of a process, in MiB.
pub(crate) fn mebibytes(process: u32, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<f64>().unwrap() / 1024.0
}

/// The processor time that a process took so far, in seconds: its own, and that of the system for
/// it.
pub(crate) fn processor_time(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name of the program, in parentheses, may have spaces in it.
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}
