//! The command line of `restore-watch deliveries`.

use clap::{Parser, Subcommand};

use crate::cli::output::Output;
use crate::cli::state::StateArgs;
use crate::model::{DeliveryState, EventIdPrefix};

/// List pending deliveries and dead letters; retry or drop them
///
/// Works with the state of the running daemon, which follows a change within seconds, or without a
/// daemon with the state of the configuration. Without a subcommand, it lists. Exits with 74 if the
/// state cannot be used.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Args {
    #[command(subcommand)]
    pub(super) action: Option<Action>,

    #[command(flatten)]
    pub(super) list: List,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    List(List),
    /// Retry deliveries: pending ones at once, dead letters from their first attempt on
    ///
    /// What was delivered is not sent again. Id and body stay the same.
    Retry(Change),
    /// Drop deliveries: they are not attempted again
    Drop(Change),
}

/// List deliveries, the oldest first
///
/// Lists pending deliveries and dead letters, unless another state is chosen.
#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Only deliveries in this state; can be given several times
    #[arg(long, value_enum, value_name = "STATE", conflicts_with = "all")]
    pub(super) state: Vec<DeliveryState>,

    /// Deliveries in every state
    #[arg(long)]
    pub(super) all: bool,

    /// Only the deliveries of this event, by its id or the beginning of it
    #[arg(long, value_name = "ID")]
    pub(super) id: Option<EventIdPrefix>,

    #[command(flatten)]
    pub(super) filter: FilterArgs,

    /// At most N deliveries, the newest ones
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(super) limit: usize,

    /// The form of the list
    #[arg(long, value_enum, default_value_t = Output::Human)]
    pub(super) output: Output,

    #[command(flatten)]
    pub(super) state_args: StateArgs,
}

/// Which deliveries change.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(false).args(["ids", "dead", "every"])))]
pub(super) struct Change {
    /// The ids of the events, or the beginnings of their ids, as `deliveries` shows them
    #[arg(value_name = "ID")]
    pub(super) ids: Vec<EventIdPrefix>,

    /// All dead letters
    #[arg(long)]
    pub(super) dead: bool,

    /// All pending deliveries and dead letters
    #[arg(long = "all")]
    pub(super) every: bool,

    #[command(flatten)]
    pub(super) filter: FilterArgs,

    #[command(flatten)]
    pub(super) state_args: StateArgs,
}

/// Narrows the choice.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// Only deliveries to this sink
    #[arg(long, value_name = "NAME")]
    pub(super) sink: Option<String>,

    /// Only deliveries about this project
    #[arg(long, value_name = "NAME")]
    pub(super) project: Option<String>,

    /// Only deliveries about this restore job: its id, the beginning of its id, or its name
    #[arg(long, value_name = "JOB")]
    pub(super) job: Option<String>,
}
