//! The command line: one file for each command.
//!
//! Invariant: standard output carries data only; everything else goes to standard error. Every way to fail has an exit
//! code that is published, and says what to do.

mod add;
mod check;
mod ci;
mod completions;
mod deliveries;
mod demo;
mod explain;
mod failure;
mod forget;
mod ids;
mod list;
mod man;
mod notify_test;
mod pause;
mod project;
mod reload;
mod run;
mod schema;
mod simulate;
mod socket;
mod start;
mod status;
mod table;
mod wait;

use std::ffi::OsString;

use clap::{Parser, Subcommand, ValueEnum};

pub use failure::Failure;

use crate::adapters::http;
use crate::model::{Exit, duration};
use crate::platform::signals::Signals;

/// Watches Pinecone restore jobs and tells people and programs, once and surely, when one ends.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Wait(Box<wait::Args>),
    Run(run::Args),
    Status(status::Args),
    Add(add::Args),
    Forget(forget::Args),
    Reload(reload::Args),
    Explain(Box<explain::Args>),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Deliveries(Box<deliveries::Args>),
    List(list::Args),
    Check(check::Args),
    NotifyTest(notify_test::Args),
    Simulate(simulate::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
    Schema(schema::Args),
}

/// How a command ended that did what it was asked for.
#[derive(Debug)]
pub enum Done {
    /// With this exit code.
    Exit(Exit),
    /// It asks this process to become another one.
    Exec(Vec<OsString>),
    /// It would ask for that later, and already knows that it cannot be done.
    CannotExec(OsString, std::io::Error),
}

impl Cli {
    /// Carries out the command.
    pub fn run(self) -> Result<Done, Failure> {
        match self.command {
            Command::Wait(args) => wait::run(*args),
            Command::Run(args) => run::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Add(args) => add::run(&args),
            Command::Forget(args) => forget::run(&args),
            Command::Reload(args) => reload::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Pause(args) => pause::pause(&args),
            Command::Resume(args) => pause::resume(&args),
            Command::Deliveries(args) => deliveries::run(*args),
            Command::List(args) => list::run(&args),
            Command::Check(args) => check::run(&args),
            Command::NotifyTest(args) => notify_test::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
            Command::Schema(args) => schema::run(&args),
        }
    }
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Human,
    /// One JSON document.
    Json,
}

/// Reads a duration of the command line.
fn parse_duration(text: &str) -> Result<std::time::Duration, duration::DurationError> {
    duration::parse(text)
}

/// Runs a command on a runtime of this thread: there is one thing at a time to decide. Each server that is spoken to has a
/// thread of its own beside it.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    start::check_limits()?;
    http::use_threads();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::System, format!("cannot start the runtime: {error}")))?;
    let result = runtime.block_on(work);
    // Does not wait for what is stuck in the system.
    runtime.shutdown_background();
    result
}

/// Takes over the signals that ask to stop.
fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(cannot_listen)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn cannot_listen(error: std::io::Error) -> Failure {
    Failure::new(Exit::System, format!("cannot listen for signals: {error}"))
}

/// Writes data to standard output. A reader that went away is no failure: it has seen enough.
fn print(text: &str) -> Result<(), Failure> {
    print_on(text).map(drop)
}

/// Writes data to standard output. Returns whether somebody reads it.
fn print_on(text: &str) -> Result<bool, Failure> {
    use std::io::Write as _;

    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(Exit::Failed, format!("cannot write to standard output: {error}"))),
    }
}
