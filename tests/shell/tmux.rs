//! A terminal with a shell in it: tmux, with its own server.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use restore_watch::platform::clock::Clock;
use restore_watch::simulate::Simulator;

use crate::script::environment;
use crate::support::{Folder, PATIENCE, skipped};

/// Closed when dropped.
pub(crate) struct Terminal {
    folder: Folder,
}

impl Terminal {
    /// A terminal of 80 columns, with bash, on this control plane; `None` without tmux.
    #[track_caller]
    pub(crate) fn open(plane: &Simulator, variables: &[(&str, &str)]) -> Option<Self> {
        let terminal = Self { folder: Folder::new() };
        if Command::new("tmux").arg("-V").output().is_err() {
            skipped("what needs tmux, which is not there");
            return None;
        }
        let given = environment(plane);
        let given = given.iter().map(|(name, value)| (*name, value.as_str()));
        let variables = given.chain(variables.iter().copied()).map(|(name, value)| format!("{name}={value}"));
        let mut arguments =
            vec!["-f", "/dev/null", "-u", "new-session", "-d", "-x", "80", "-y", "40", "-s", "s"];
        // An interactive bash that reads no file takes its prompt from the environment.
        arguments.extend(["env", "-u", "TMUX", "PS1=$ "]);
        let variables: Vec<_> = variables.collect();
        arguments.extend(variables.iter().map(String::as_str));
        arguments.extend(["bash", "--norc", "--noprofile"]);
        terminal.tmux(&arguments);
        // The session outlives its terminal.
        terminal.tmux(&["new-session", "-d", "-s", "other", "sleep 600"]);
        terminal.until("a prompt", |screen| screen.contains('$'));
        Some(terminal)
    }

    #[track_caller]
    fn tmux(&self, arguments: &[&str]) -> Output {
        let output = self.command().args(arguments).output().expect("tmux");
        assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-S").arg(self.folder.path().join("socket"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        command
    }

    /// Types a line.
    #[track_caller]
    pub(crate) fn line(&self, text: &str) {
        self.tmux(&["send-keys", "-t", "=s:", "-l", text]);
        self.key("Enter");
    }

    /// Presses a key.
    #[track_caller]
    pub(crate) fn key(&self, name: &str) {
        self.tmux(&["send-keys", "-t", "=s:", name]);
    }

    /// Makes it so many columns wide.
    #[track_caller]
    pub(crate) fn resize(&self, columns: u16) {
        self.resize_to(columns, 40);
    }

    #[track_caller]
    pub(crate) fn resize_to(&self, columns: u16, rows: u16) {
        self.tmux(&["resize-window", "-t", "=s:", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// Closes it: its session loses its terminal.
    #[track_caller]
    pub(crate) fn close(&self) {
        self.tmux(&["kill-session", "-t", "=s"]);
    }

    /// What is on the screen, without empty lines.
    #[track_caller]
    pub(crate) fn screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-t", "=s:"]);
        let screen = String::from_utf8_lossy(&output.stdout).into_owned();
        screen.lines().filter(|line| !line.is_empty()).map(|line| line.to_owned() + "\n").collect()
    }

    /// What is on the screen, with the sequences for its colors.
    #[track_caller]
    pub(crate) fn colored_screen(&self) -> String {
        let output = self.tmux(&["capture-pane", "-p", "-e", "-t", "=s:"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the screen fulfills a condition.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        bounded(what, || {
            let screen = self.screen();
            if condition(&screen) { Ok(screen) } else { Err(screen) }
        })
    }

    /// Waits until a condition holds.
    #[track_caller]
    pub(crate) fn until_so(&self, what: &str, condition: impl Fn() -> bool) {
        bounded(what, || if condition() { Ok(()) } else { Err(self.screen()) });
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails if it never began.
        drop(self.command().arg("kill-server").output());
    }
}

/// Tries repeatedly, up to [`PATIENCE`].
#[track_caller]
fn bounded<T>(what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let clock = Clock::system();
    let start = clock.now().instant;
    loop {
        match attempt() {
            Ok(found) => return found,
            Err(found) => {
                let waited = clock.now().instant.since(start);
                assert!(waited < PATIENCE, "waited in vain for {what}; there is\n{found}");
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a file has this text.
#[track_caller]
pub(crate) fn until_file(path: &Path, text: &str) {
    bounded(&path.display().to_string(), || {
        let found = std::fs::read_to_string(path).unwrap_or_default();
        if found.contains(text) { Ok(()) } else { Err(found) }
    });
}
