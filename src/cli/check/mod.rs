//! `restore-watch check`
//!
//! Invariant: all problems are reported, each with what to do, and no secret is shown. Without an
//! option, no secret is read and nothing is sent.

mod meaning;
mod online;
mod routes;
mod secrets;
mod unrouted;

use std::path::{Path, PathBuf};

use clap::Parser;

use super::output::{inform, print};
use super::socket::SocketArgs;
use super::start::{block_on, listen, unless_stopped};
use super::state::same_file;
use super::{Done, Failure, table};
use crate::adapters::systemd;
use crate::config;
use crate::model::Exit;
use crate::platform::clock::Clock;
use crate::platform::shell;

/// Validate a configuration file and print what it means
///
/// Without --config, it is the file of the running daemon, or else the one that `run` would use.
///
/// Prints all problems of the file at once and exits with 78 if there are any. Warnings do not
/// change the exit code. Without an option, no secret is read and nothing is sent anywhere.
///
/// With --online, exits with 4 if the API refuses a key or a permission, with 3 if a job is not
/// found, with 5 if the API cannot be reached, and with 74 if the database of the state cannot be.
#[derive(Debug, Parser)]
pub(in crate::cli) struct Args {
    /// The configuration file [default: that of the running daemon; if none runs, the one that `run`
    /// would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Read every secret too: API keys, addresses and signing secrets. None is shown or sent
    #[arg(long)]
    secrets: bool,

    /// Ask the API once for each project and each job of the file, too, and connect to the database
    /// if the state is in one; implies --secrets
    #[arg(long)]
    online: bool,
}

/// What a check of secrets or of the API found.
#[derive(Default)]
struct Findings {
    /// What was checked, a line for each.
    lines: Vec<String>,
    warnings: Vec<String>,
    failures: Vec<Failure>,
}

impl Findings {
    /// Adds a line of something that is as it should be.
    fn good(&mut self, text: &str) {
        self.lines.push(format!("  ok      {text}\n"));
    }

    /// Adds a line of something that is not, and why.
    fn bad(&mut self, text: &str, failure: Failure) {
        self.lines.push(format!("  failed  {text}\n"));
        self.failures.push(failure);
    }

    fn extend(&mut self, further: Self) {
        self.lines.extend(further.lines);
        self.warnings.extend(further.warnings);
        self.failures.extend(further.failures);
    }

    /// Prints what was checked under a heading, then the warnings and failures.
    fn print(&self, heading: &str) -> Result<(), Failure> {
        print(&format!("\n{heading}\n{}", self.lines.concat()))?;
        let warnings = self.warnings.iter().cloned();
        for text in warnings.chain(self.failures.iter().map(ToString::to_string)) {
            inform(&format!("\n{text}"));
        }
        Ok(())
    }
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    // A file can be checked without a daemon, and beside one that does not answer.
    let daemon = SocketArgs::of_environment().daemon().ok().flatten();
    let used = daemon.as_ref().and_then(|daemon| daemon.config.clone());
    block_on(async {
        let mut signals = listen()?;
        let named = config::named(args.config.as_deref());
        let (path, settings) = unless_stopped(&mut signals, "reading the configuration", move || {
            let path = config::locate(named.or(used).as_deref())?;
            let settings = config::load(&path)?;
            // What is shown can be pasted elsewhere.
            Ok((std::path::absolute(&path).unwrap_or(path), settings))
        })
        .await?;
        let daemon =
            daemon.filter(|daemon| daemon.config.as_deref().is_some_and(|used| same_file(used, &path)));
        print(&meaning::fitted(&meaning::meaning(&path, &settings, daemon.as_ref()), table::width()))?;
        for warning in settings.warnings.iter().chain(&unrouted::warnings(&settings)) {
            inform(&format!("\n{warning}"));
        }

        let mut failures = Vec::new();
        if args.secrets || args.online {
            let (file, state) = (path.clone(), settings.state.clone());
            let read = move || Ok(secrets::check(&settings, &file));
            let (found, projects) = unless_stopped(&mut signals, "reading the secrets", read).await?;
            found.print("secrets")?;
            failures.extend(found.failures);

            if args.online && (!projects.is_empty() || state.database().is_some()) {
                let mut found = tokio::select! {
                    found = online::check(projects, &path, Clock::system()) => found,
                    exit = signals.next() => return Ok(Done::Exit(exit)),
                };
                let ask = move || Ok(online::check_database(&state));
                found.extend(unless_stopped(&mut signals, "connecting to the database", ask).await?);
                found.print("online")?;
                failures.extend(found.failures);
            }
        }

        if failures.is_empty() {
            print(&next_steps(&path, args.online))?;
        }
        Ok(Done::Exit(exit(&failures)))
    })
}

/// The exit code of several failures.
fn exit(failures: &[Failure]) -> Exit {
    let has = |exit: &Exit| failures.iter().any(|failure| failure.exit() == *exit);
    let other = failures.first().map_or(Exit::Success, Failure::exit);
    Exit::PRECEDENCE.into_iter().find(has).unwrap_or(other)
}

/// The commands that come next for a valid file.
pub(super) fn next_steps(file: &Path, is_checked_online: bool) -> String {
    steps(file, is_checked_online, systemd::is_running())
}

fn steps(file: &Path, is_checked_online: bool, has_systemd: bool) -> String {
    let shown = file.to_string_lossy();
    let name = shell::word(&shown);
    let run = if has_systemd && config::is_system_file(file) {
        "  sudo systemctl reload-or-restart restore-watch\n".to_owned()
    } else {
        format!("  restore-watch run --config {name}\n")
    };
    let check = if is_checked_online {
        String::new()
    } else {
        format!("  restore-watch check --online --config {name}\n")
    };
    format!("\nNext:\n{check}{run}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_steps_can_be_pasted() {
        let of_system = Path::new("/etc/restore-watch/config.toml");

        assert_eq!(
            steps(Path::new("/srv/my config.toml"), false, true),
            "\nNext:\n  restore-watch check --online --config '/srv/my config.toml'\n  \
             restore-watch run --config '/srv/my config.toml'\n"
        );
        assert_eq!(
            steps(of_system, true, true),
            "\nNext:\n  sudo systemctl reload-or-restart restore-watch\n"
        );
        assert_eq!(
            steps(of_system, true, false),
            "\nNext:\n  restore-watch run --config /etc/restore-watch/config.toml\n"
        );
    }

    #[test]
    fn exit_code_is_that_of_the_worst_failure() {
        let all =
            |exits: &[Exit]| exit(&exits.iter().map(|exit| Failure::new(*exit, "x")).collect::<Vec<_>>());

        assert_eq!(all(&[]), Exit::Success);
        assert_eq!(all(&[Exit::Unreachable, Exit::NotFound, Exit::Unauthorized]), Exit::Unauthorized);
        assert_eq!(all(&[Exit::Config, Exit::Unreachable]), Exit::Config);
    }
}
