//! The command line: one file for each command.
//!
//! Invariant: standard output carries data only; everything else goes to standard error. Every way
//! to fail has an exit code that is published, and says what to do.

mod add;
mod backup;
mod check;
mod ci;
mod completions;
mod credentials;
mod deliveries;
mod demo;
mod done;
mod examples;
mod explain;
mod failure;
mod forget;
mod handover;
mod help;
mod history;
mod ids;
mod init;
mod list;
mod listener;
mod man;
mod notify_test;
mod output;
mod pause;
mod program;
mod project;
mod reload;
mod restore;
mod run;
mod schema;
mod silence;
mod simulate;
mod socket;
mod start;
mod state;
mod state_move;
mod stats;
mod status;
mod table;
mod tips;
mod values;
mod version;
mod wait;

use clap::{Parser, Subcommand};

pub use done::Done;
pub use failure::Failure;

use crate::model::Exit;

/// Watch Pinecone restore jobs: wait for them, or run a daemon that reports how each one ends.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Wait(Box<wait::Args>),
    Restore(Box<restore::Args>),
    Run(run::Args),
    Status(status::Args),
    Add(add::Args),
    Forget(forget::Args),
    Reload(reload::Args),
    Explain(Box<explain::Args>),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Silence(Box<silence::Args>),
    Deliveries(Box<deliveries::Args>),
    History(Box<history::Args>),
    Stats(Box<stats::Args>),
    Backup(backup::Args),
    State(state_move::Args),
    Handover(handover::Args),
    List(list::Args),
    Init(init::Args),
    Check(check::Args),
    NotifyTest(notify_test::Args),
    Simulate(simulate::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
    Schema(schema::Args),
    Help(help::Args),
    /// Print the version, what it is built for, and with which features
    ///
    /// The same as `--version`. `-V` prints the version alone.
    Version,
}

impl Cli {
    pub fn run(self) -> Result<Done, Failure> {
        match self.command {
            Command::Wait(args) => wait::run(*args),
            Command::Restore(args) => restore::run(*args),
            Command::Run(args) => run::run(&args),
            Command::Status(args) => status::run(&args),
            Command::Add(args) => add::run(&args),
            Command::Forget(args) => forget::run(&args),
            Command::Reload(args) => reload::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Pause(args) => pause::pause(&args),
            Command::Resume(args) => pause::resume(&args),
            Command::Silence(args) => silence::run(&args),
            Command::Deliveries(args) => deliveries::run(*args),
            Command::History(args) => history::run(&args),
            Command::Stats(args) => stats::run(&args),
            Command::Backup(args) => backup::run(&args),
            Command::State(args) => state_move::run(&args),
            Command::Handover(args) => handover::run(&args),
            Command::List(args) => list::run(&args),
            Command::Init(args) => init::run(&args),
            Command::Check(args) => check::run(&args),
            Command::NotifyTest(args) => notify_test::run(&args),
            Command::Simulate(args) => simulate::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::Completions(args) => completions::run(&args, program::program()),
            Command::Man(args) => man::run(&args, program::program()),
            Command::Schema(args) => schema::run(&args),
            Command::Help(args) => help::run(&args, program::program()),
            Command::Version => {
                output::print(&format!("restore-watch {}\n", version::long()))?;
                Ok(Done::Exit(Exit::Success))
            }
        }
    }
}
