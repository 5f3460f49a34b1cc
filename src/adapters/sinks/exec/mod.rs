//! Events as the standard input of a command.
//!
//! Invariant: each attempt at a delivery runs the command with the same input and environment, and
//! ends within its timeout and some seconds; then nothing of the process group of a command that
//! did not end by itself is left. One runs at a time, tests of the sink included.

mod environment;
mod orphans;
mod output;
mod process;

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rustix::io::Errno;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::Mutex;
use tokio::time::timeout;

pub use self::orphans::reap_orphans;
pub use self::process::await_end;

use self::output::{Output, Stream};
use self::process::{GRACE, Started};
use super::{Attempt, Receiver, rejection_in_words};
use crate::config::{ExecSettings, ShownPath};
use crate::engine::{DeliveryPolicy, Failure, FailureClass, Rejection};
use crate::model::{EventKind, Payload, duration};
use crate::platform::failpoint;

/// A program for mail or a database may serve one at a time, and what it does may build on the
/// event before.
const MAX_IN_FLIGHT: usize = 1;

/// How long a test of the sink waits for the end of another run. A delivery waits for its turn: for
/// such a test and, at most, one that was before it.
const TURN_OF_TEST: Duration = Duration::from_secs(5);

/// For a program on a file system that hangs.
const START: Duration = Duration::from_secs(10);

/// Even a killed process ends only when the system call ends that it is in.
const END_OF_KILLED: Duration = Duration::from_secs(5);

/// How long output is read after the end of the command: another process may keep it open.
const LATE_OUTPUT: Duration = Duration::from_secs(1);

/// `EX_TEMPFAIL` of sysexits(3): try again later.
const TEMPORARY_FAILURE: i32 = 75;

#[derive(Debug)]
pub(super) struct Exec {
    name: String,
    settings: ExecSettings,
    names_projects: bool,
    /// Held by what runs the command.
    turn: Mutex<()>,
}

/// How a run of the command ended.
enum End {
    Exited(ExitStatus),
    /// It ran longer than it may.
    TimedOut,
    /// The system does not say.
    Unknown,
}

impl Receiver for Exec {
    fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            max_in_flight: MAX_IN_FLIGHT,
            ..DeliveryPolicy::retry(self.settings.retry_schedule.clone())
        }
    }

    fn advice(&self, rejection: Rejection) -> String {
        format!("{}; check its `command`", rejection_in_words(rejection))
    }

    fn deliver<'a>(&'a self, payload: &'a Payload, _now: Timestamp) -> Attempt<'a> {
        Box::pin(async move {
            let _turn = if payload.event.kind == EventKind::Test {
                timeout(TURN_OF_TEST, self.turn.lock()).await.map_err(|_| busy())?
            } else {
                self.turn.lock().await
            };
            self.run(payload).await
        })
    }

    fn name_projects(&mut self, names_projects: bool) {
        self.names_projects = names_projects;
    }
}

impl Exec {
    /// Sets up the command of the sink called `name`.
    pub(super) fn new(name: &str, settings: &ExecSettings) -> Self {
        Self {
            name: name.to_owned(),
            settings: settings.clone(),
            names_projects: false,
            turn: Mutex::new(()),
        }
    }

    async fn run(&self, payload: &Payload) -> Result<(), Failure> {
        failpoint::reached("before_exec");
        let command = self.command(payload).map_err(|error| self.cannot_start(&error))?;
        let started = match timeout(START, process::start(command)).await {
            Ok(started) => started.map_err(|error| self.cannot_start(&error))?,
            Err(_) => return Err(self.cannot_start(&io::ErrorKind::TimedOut.into())),
        };

        let Started { group, input, output, errors, ended } = started;
        let mut ended = std::pin::pin!(ended);
        let life = async {
            match timeout(self.settings.timeout, &mut ended).await {
                Ok(Ok(Ok(status))) => return End::Exited(status),
                Ok(_) => return End::Unknown,
                Err(_) => group.terminate(),
            }
            if timeout(GRACE, &mut ended).await.is_err() {
                group.kill();
                drop(timeout(END_OF_KILLED, &mut ended).await);
            }
            End::TimedOut
        };

        let log = Output::new(&self.name, payload.event.id);
        let talk = async {
            let (output, errors) = (log.read(output, Stream::Output), log.read(errors, Stream::Errors));
            tokio::join!(feed(input, &payload.body), output, errors)
        };
        let end = beside(life, talk).await;
        failpoint::reached("after_exec");
        let last_line = log.finish();
        self.judge(&end, &last_line)
    }

    /// The command for an event, ready to start.
    fn command(&self, payload: &Payload) -> io::Result<Command> {
        let mut command = Command::new(self.settings.find_program()?);
        command
            .args(&self.settings.arguments)
            .env_clear()
            .envs(environment::of(&payload.event, &self.name, self.names_projects))
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    fn cannot_start(&self, error: &io::Error) -> Failure {
        let hint = match Errno::from_io_error(error) {
            Some(Errno::NOEXEC) => "; a script begins with a line such as #!/bin/sh",
            Some(Errno::NOENT) if self.settings.find_program().is_ok() => {
                "; the program that its first line names is not there"
            }
            _ => "",
        };
        let class = if may_pass(error) {
            FailureClass::Transient
        } else {
            FailureClass::Rejected(Rejection::Command)
        };
        let message = format!("cannot run {}: {error}{hint}", ShownPath(&self.settings.program));
        Failure { class, retry_after: None, message }
    }

    /// What follows from the end of a run, whose last line of output this is.
    fn judge(&self, end: &End, last_line: &str) -> Result<(), Failure> {
        use std::os::unix::process::ExitStatusExt as _;

        let (what, is_temporary) = match end {
            End::Exited(status) if status.success() => return Ok(()),
            End::Exited(status) => match (status.code(), status.signal()) {
                (Some(code), _) => (format!("exit status {code}"), code == TEMPORARY_FAILURE),
                (None, Some(signal)) => (format!("ended by signal {signal}"), false),
                (None, None) => (status.to_string(), false),
            },
            End::TimedOut => {
                (format!("ended after its timeout of {}", duration::written(self.settings.timeout)), true)
            }
            End::Unknown => ("its exit status cannot be known".to_owned(), true),
        };
        let class = if is_temporary || self.settings.retry {
            FailureClass::Transient
        } else {
            FailureClass::Permanent
        };
        let separator = if last_line.is_empty() { "" } else { ": " };
        Err(Failure { class, retry_after: None, message: format!("{what}{separator}{last_line}") })
    }
}

/// Why a test was not made.
fn busy() -> Failure {
    let message = "its command runs for another event; test it again later".to_owned();
    Failure { class: FailureClass::Transient, retry_after: None, message }
}

/// Whether the next attempt to start the command may succeed without a change of the settings.
fn may_pass(error: &io::Error) -> bool {
    let lacks_means = |errno| {
        matches!(
            errno,
            Errno::AGAIN
                | Errno::NOMEM
                | Errno::MFILE
                | Errno::NFILE
                | Errno::INTR
                | Errno::IO
                | Errno::STALE
                // A program that is being replaced.
                | Errno::TXTBSY
        )
    };
    error.kind() == io::ErrorKind::TimedOut || Errno::from_io_error(error).is_some_and(lacks_means)
}

/// Writes the event as one line. A command need not read it.
async fn feed(mut input: pipe::Sender, body: &[u8]) {
    if input.write_all(body).await.is_ok() {
        drop(input.write_all(b"\n").await);
    }
}

/// Runs `talk` beside `life`, and for some time after its end.
async fn beside<T>(life: impl Future<Output = T>, talk: impl Future) -> T {
    let (mut life, mut talk) = (std::pin::pin!(life), std::pin::pin!(talk));
    tokio::select! {
        end = &mut life => {
            drop(timeout(LATE_OUTPUT, talk).await);
            end
        }
        _ = &mut talk => life.await,
    }
}

#[cfg(test)]
mod tests;
