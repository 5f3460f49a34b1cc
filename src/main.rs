//! `restore-watch`: parse, run, and turn the result into an exit code.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode};

use restore_watch::adapters::ci::Environment;
use restore_watch::adapters::telemetry::complaint;
use restore_watch::cli::{Cli, Done};
use restore_watch::model::Exit;
use restore_watch::platform::{locale, process, signals};

fn main() -> ExitCode {
    // Before any secret is read. Only a filter of system calls can prevent it, and the watch
    // matters more.
    if let Err(error) = process::keep_memory_private() {
        complain(&format_args!("warning: core dumps cannot be turned off: {error}"));
    }

    if process::is_first() {
        signals::end_first_process();
    }
    locale::adopt();
    let words: Vec<_> = std::env::args_os().collect();
    let cli = match Cli::from_words(&words) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };

    match catch_unwind(|| cli.run()) {
        Ok(Ok(Done::Exit(exit))) => exit.into(),
        Ok(Ok(Done::Exec(command))) => exec(&command),
        Ok(Ok(Done::CannotExec(program, error))) => cannot_exec(&program, &error),
        Ok(Err(failure)) => {
            complain(&failure);
            failure.exit().into()
        }
        // The panic has printed itself.
        Err(_) => Exit::Internal.into(),
    }
}

/// Shows the error of the command line, or the requested help. If the reader looks for commands in
/// lines, the error is made inert.
fn refuse(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && Environment::detect(None).reads_commands() {
        complain(&error.render());
    } else {
        // A failure of this cannot be reported anywhere.
        drop(error.print());
    }
    if error.use_stderr() { Exit::Usage } else { Exit::Success }.into()
}

/// Becomes `command`. Returns only if that fails.
fn exec(command: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return Exit::Usage.into() };
    cannot_exec(program, &Command::new(program).args(arguments).exec())
}

/// Reports why `program` cannot be run, with the exit code that shells use for it.
fn cannot_exec(program: &OsStr, error: &std::io::Error) -> ExitCode {
    complain(&format_args!("error: cannot run {}: {error}", program.display()));
    ExitCode::from(if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 })
}

/// Writes to standard error; unlike `eprintln!`, it does not panic if that is closed.
fn complain(text: &dyn std::fmt::Display) {
    use std::io::Write as _;

    let text = Environment::detect(None).text_filter()(text.to_string());
    drop(writeln!(std::io::stderr(), "{}", complaint(&locale::shown(&text))));
}
