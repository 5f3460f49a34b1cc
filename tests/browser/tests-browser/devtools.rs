//! A Chromium, and the `DevTools` protocol with it: commands, their answers and events, each a JSON
//! text that ends in a zero byte, over its standard input and output.
//!
//! Invariant: every wait has a bound, and the browser does not outlive the tests: it ends when its
//! pipe closes.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Folder, PATIENCE};

/// The names that a Chromium has on some system.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Nothing is asked of other machines, no file of the user is read, and a picture looks alike
/// wherever it is taken.
const OPTIONS: [&str; 14] = [
    "--headless",
    // The tests may run as root, and the only pages are their own.
    "--no-sandbox",
    // Shared memory of a container is often smaller than a page needs.
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A running Chromium.
pub(crate) struct Devtools {
    process: Child,
    commands: ChildStdin,
    messages: mpsc::Receiver<Value>,
    /// Events that arrived while an answer was awaited.
    events: VecDeque<Value>,
    last_id: u64,
    /// Its profile, a new one, and what it prints.
    folder: Folder,
}

impl Devtools {
    /// Starts a Chromium; `None` if there is none here.
    pub(crate) fn start() -> Option<Self> {
        let program = NAMES.into_iter().find(|name| has(name))?;
        let folder = Folder::new();
        let log = std::fs::File::create(folder.path().join("chromium.log")).unwrap();
        let mut process = Command::new("sh")
            // It speaks the protocol on these two descriptors.
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >&2"#, program])
            .args(OPTIONS)
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();

        let commands = process.stdin.take().expect("a pipe");
        let mut output = BufReader::new(process.stdout.take().expect("a pipe"));
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while output.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                let text = message.strip_suffix(&[0]).unwrap_or(&message);
                if serde_json::from_slice(text).is_ok_and(|message| sender.send(message).is_err()) {
                    break;
                }
                message.clear();
            }
        });
        Some(Self { process, commands, messages, events: VecDeque::new(), last_id: 0, folder })
    }

    /// Has a command carried out, in a session with a tab unless it is for the browser; gives its
    /// answer, or why it has none.
    pub(crate) fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        parameters: &Value,
    ) -> Result<Value, String> {
        let id = self.send(session, method, parameters)?;
        loop {
            let Some(mut message) = self.next_message(PATIENCE) else {
                return Err(format!("{method} is not answered\n{}", self.printed()));
            };
            if message["method"].is_string() {
                self.events.push_back(message);
            } else if message["id"] == id && message["error"].is_object() {
                return Err(format!("{method} is refused: {}", message["error"]));
            } else if message["id"] == id {
                return Ok(message["result"].take());
            }
        }
    }

    /// The next event of a tab or of the browser, waiting for it no longer than `limit`.
    pub(crate) fn next_event(&mut self, limit: Duration) -> Option<Value> {
        self.events.pop_front().or_else(|| self.next_message(limit))
    }

    fn next_message(&mut self, limit: Duration) -> Option<Value> {
        let message = self.messages.recv_timeout(limit).ok()?;
        if message["method"] == "Page.javascriptDialogOpening" {
            // A tab with an open dialog answers nothing.
            let close = json!({ "accept": true });
            self.send(message["sessionId"].as_str(), "Page.handleJavaScriptDialog", &close).ok()?;
        }
        Some(message)
    }

    /// Sends a command; gives the number that its answer will have.
    fn send(&mut self, session: Option<&str>, method: &str, parameters: &Value) -> Result<u64, String> {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": parameters });
        if let Some(session) = session {
            command["sessionId"] = session.into();
        }
        let sent = self.commands.write_all(format!("{command}\0").as_bytes());
        sent.map_err(|error| format!("{method} cannot be sent: {error}\n{}", self.printed()))?;
        Ok(self.last_id)
    }

    /// What it printed, for the message of a failure.
    fn printed(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("chromium.log")).unwrap_or_default()
    }
}

impl Drop for Devtools {
    fn drop(&mut self) {
        // Asked to, it ends with all its processes before its folder is deleted.
        if self.call(None, "Browser.close", &json!({})).is_err() {
            drop(self.process.kill());
        }
        drop(self.process.wait());
    }
}

/// Whether a program of this name is here.
fn has(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
