//! The program as a process: in an environment of its own, waited for with a bound.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use restore_watch::model::time::Instant;
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::Simulator;

use super::{Folder, state};

/// The API key of all tests, which must not be printed.
pub const KEY: &str = "pcsk_CanaryOfAllTests_7Hx2kQ";

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A process to start.
pub struct Watch {
    command: Command,
    stdin: Option<Vec<u8>>,
    unread: bool,
    escapes: bool,
    stdout: Option<Stdio>,
    folder: Option<Folder>,
}

/// Whether these tests run with SIGINT ignored, as a background job of a script does. The program
/// would inherit that and keep ignoring it.
fn ignores_interrupts() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 0b10 != 0)
}

impl Watch {
    /// The program with these arguments and no more than `PATH` in its environment.
    pub fn new<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        Self::through(&[], arguments)
    }

    /// The same, started by another program that execs it: `launcher` is that program and its
    /// arguments.
    pub fn through<S: AsRef<std::ffi::OsStr>>(
        launcher: &[&str],
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let words = launcher.iter().copied().chain([env!("CARGO_BIN_EXE_restore-watch")]);
        let arguments = state::arguments(arguments.into_iter().map(|word| word.as_ref().into()));
        let words: Vec<std::ffi::OsString> = words.map(Into::into).chain(arguments).collect();
        Self::program(&words)
    }

    /// Another program, with its arguments, likewise.
    pub fn program<S: AsRef<std::ffi::OsStr>>(words: &[S]) -> Self {
        let mut command = if ignores_interrupts() {
            let mut command = Command::new("env");
            command.arg("--default-signal=INT").args(words);
            command
        } else {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            command
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // No configuration or state of the user who runs the tests is found. Not even root can make
        // a directory there.
        command.env("HOME", "/proc/none");
        Self { command, stdin: None, unread: false, escapes: false, stdout: None, folder: None }
    }

    /// `restore-watch wait` on this control plane, with the key and short intervals.
    pub fn wait(plane: &Simulator, arguments: &[&str]) -> Self {
        let hasty = ["wait", "--min-interval", "20ms", "--max-interval", "100ms"];
        Self::new(hasty.iter().chain(arguments)).on(plane)
    }

    /// The program with these arguments, this control plane and the key.
    pub fn on(self, plane: &Simulator) -> Self {
        self.env("PINECONE_CONTROLLER_HOST", &plane.url()).env("PINECONE_API_KEY", KEY)
    }

    /// With this variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// In this directory.
    pub fn within(mut self, directory: &std::path::Path) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Without this variable.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// With this on standard input, which is empty otherwise.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// With a standard output whose reader is closed.
    pub fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// With a standard output that is not read here.
    pub fn stdout(mut self, stdout: Stdio) -> Self {
        self.stdout = Some(stdout);
        self
    }

    /// Allows escape sequences in its output; the test checks them itself.
    pub fn with_escapes(mut self) -> Self {
        self.escapes = true;
        self
    }

    /// Keeps these files until it ended.
    pub fn keep(mut self, folder: Folder) -> Self {
        self.folder = Some(folder);
        self
    }

    pub fn start(mut self) -> Running {
        let stdin = if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        let stdout = self.stdout.unwrap_or_else(Stdio::piped);
        self.command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        let clock = Clock::system();
        let mut child = started(&mut self.command);
        if let (Some(text), Some(mut pipe)) = (self.stdin, child.stdin.take()) {
            // A program that refuses its arguments reads nothing.
            drop(pipe.write_all(&text));
        }
        let stdout = child.stdout.take().filter(|_| !self.unread).map(Stream::read).unwrap_or_default();
        let stderr = child.stderr.take().map(Stream::read).unwrap_or_default();
        let since = clock.now().instant;
        Running { child, clock, since, stdout, stderr, escapes: self.escapes, folder: self.folder }
    }

    /// Runs it to its end.
    pub fn run(self) -> Done {
        self.start().finish()
    }
}

/// Starts a program. A program that was just written may be held open for a moment by another
/// thread's child that has not reached its exec.
fn started(command: &mut Command) -> Child {
    let clock = Clock::system();
    let since = clock.now().instant;
    loop {
        match command.spawn() {
            Err(error)
                if error.kind() == std::io::ErrorKind::ExecutableFileBusy
                    && clock.now().instant.since(since) < PATIENCE =>
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            spawned => return spawned.expect("the program starts"),
        }
    }
}

/// The output of one stream so far.
#[derive(Default)]
struct Stream {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Stream {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let reader = std::thread::spawn({
            let bytes = Arc::clone(&bytes);
            move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    bytes.lock().unwrap().extend_from_slice(&buffer[..length]);
                }
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    /// All of it, once the other end is closed.
    fn rest(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}

/// A process that runs. It is killed when it is dropped.
pub struct Running {
    child: Child,
    clock: Clock,
    /// Its start, or the last signal to it.
    since: Instant,
    stdout: Stream,
    stderr: Stream,
    escapes: bool,
    folder: Option<Folder>,
}

impl Running {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The files that stay until it ended.
    #[track_caller]
    pub fn folder(&self) -> &Folder {
        self.folder.as_ref().expect("it was given a folder to keep")
    }

    /// What it printed on standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it printed on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let start = self.clock.now().instant;
        while !condition(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && self.clock.now().instant.since(start) < PATIENCE,
                "waited in vain for {what} (ended: {ended:?})\n--- stdout\n{}--- stderr\n{}",
                self.stdout(),
                self.stderr(),
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until standard error has this text.
    #[track_caller]
    pub fn until_logged(&mut self, text: &str) {
        self.until(text, |running| running.stderr().contains(text));
    }

    /// Waits until standard error has this text, it ended, or this time is over. Returns whether it
    /// has the text.
    pub fn logs_within(&mut self, text: &str, limit: Duration) -> bool {
        let start = self.clock.now().instant;
        loop {
            if self.stderr().contains(text) {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() || self.clock.now().instant.since(start) >= limit {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for its end, for so long at most. Returns whether it ended.
    pub fn ends_within(&mut self, limit: Duration) -> bool {
        let start = self.clock.now().instant;
        loop {
            let ended = self.child.try_wait().unwrap().is_some();
            if ended || self.clock.now().instant.since(start) >= limit {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills it, unless it has ended.
    #[track_caller]
    pub fn kill(mut self) -> Done {
        self.child.kill().unwrap();
        self.finish()
    }

    /// Sends a signal, such as `INT`.
    pub fn signal(&mut self, name: &str) {
        self.since = self.clock.now().instant;
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success(), "kill -s {name}");
    }

    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Done {
        let start = self.clock.now().instant;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if self.clock.now().instant.since(start) > PATIENCE {
                let (stdout, stderr) = (self.stdout(), self.stderr());
                panic!("it does not end\n--- stdout\n{stdout}--- stderr\n{stderr}");
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let took = self.clock.now().instant.since(self.since);
        let (stdout, stderr) = (self.stdout.rest(), self.stderr.rest());
        let done = Done { code: status.code(), signal: signal_of(status), stdout, stderr, took };
        done.is_decent(self.escapes);
        done
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail if it has ended, which is the usual case.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn signal_of(status: std::process::ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt as _;

    status.signal()
}

/// A process that ended.
#[derive(Debug)]
pub struct Done {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed on standard output.
    pub stdout: String,
    /// What it printed on standard error.
    pub stderr: String,
    /// From its start, or the last signal to it, until its end was noticed.
    pub took: Duration,
}

impl Done {
    /// Fails unless it ended with this exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless this text is on standard error.
    #[track_caller]
    pub fn logged(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in\n{}", self.stderr);
        self
    }

    /// Its standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Its standard output as lines of JSON.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        json_lines(&self.stdout)
    }

    /// What holds for all output of this program that goes to no terminal.
    #[track_caller]
    fn is_decent(&self, escapes: bool) {
        for text in [&self.stdout, &self.stderr] {
            assert!(!text.contains(KEY), "the key was printed:\n{text}");
            assert!(!text.contains("panicked"), "{text}");
            assert!(escapes || !text.contains('\u{1b}'), "an escape sequence was printed: {text:?}");
        }
        assert_ne!(self.code, Some(70), "internal error: {}", self.stderr);
    }
}

/// Each line of a text as JSON.
#[track_caller]
pub fn json_lines(text: &str) -> Vec<serde_json::Value> {
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(read).collect()
}
