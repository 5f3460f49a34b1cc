//! How late a schedule of polls notices the end of a restore, compared with others at the same
//! number of requests.
//!
//! `cargo bench --bench schedules` watches simulated restores on a virtual clock: with the engine
//! of this program, the schedules of other pollers, the best fixed interval, and the optimum for a
//! known distribution of durations. Each of the others has its delays stretched by one factor, so
//! that it makes as many requests as the engine; the factor is found on other seeds than those that
//! are compared. All of that is done twice: with an engine without a history, and with one that
//! knows 60 past restores, other ones each time. Then it watches restores of several indexes, with
//! an engine that knows their names and with one that does not. It prints tables in Markdown and
//! draws docs/schedules.svg, and ends with 1 if a target is missed. `-- --help` shows
//! what can be set.
//!
//! All poll at the begin of the watch. The bound is that of a poller that knows the distribution and
//! learns of an end in the first moment in which the server answers again, so it counts outages that
//! nothing can see through.
//!
//! Requests are polls of jobs. The engine makes one more for a watch: it asks once for the list of
//! jobs, to learn of past restores, and is answered here with an empty one.
//!
//! It first checks itself against calculated values; under `cargo test` it does only that.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and places in lists, all of them small"
)]

mod baselines;
mod checks;
mod clairvoyant;
mod comparison;
mod distribution;
mod engine;
mod grouped;
mod hazard;
mod parallel;
mod plot;
mod schedule;
mod statistics;
mod table;
mod verdict;
mod workload;
mod world;
mod wrong_history;

use std::path::PathBuf;

use clap::Parser as _;

use comparison::Comparison;
use verdict::Verdict;
use workload::Workload;

/// The extent of the simulation.
#[derive(Debug, Clone, Copy, clap::Args)]
struct Extent {
    /// How many seeds are compared
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..))]
    seeds: u64,
    /// How many other seeds the factors are found on
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..))]
    tuning_seeds: u64,
    /// How many restores there are for each seed
    #[arg(long, default_value_t = 400)]
    restores: usize,
    /// How many of them are watched at once, in one project
    #[arg(long, default_value_t = 1)]
    at_once: usize,
    /// What all seeds are made of
    #[arg(long, default_value_t = 1)]
    seed_base: u64,
    /// What Cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Debug, clap::Parser)]
struct Arguments {
    #[command(flatten)]
    extent: Extent,
    /// Where the plot is drawn
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schedules.svg"))]
    plot: PathBuf,
}

fn main() {
    checks::run();
    // Cargo passes `--bench` to benches only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Arguments { extent, plot } = Arguments::parse();
    let workloads = Workload::all();
    let comparisons = parallel::of_each(&workloads, |workload| Comparison::of(workload, extent));
    for comparison in &comparisons {
        println!("{}", table::of(comparison));
    }
    println!("{}", table::of_means(&comparisons));
    println!("{}", table::of_efforts(&comparisons));
    println!("{}", wrong_history::table(extent));
    let mut verdict = Verdict::default();
    println!("{}", verdict::of(&comparisons, &mut verdict));
    println!("{}", grouped::table(extent, &mut verdict));
    std::fs::write(&plot, plot::of(&comparisons)).unwrap();
    println!("Mean delay against mean requests: {}", plot.display());

    for missed in verdict.missed() {
        println!("Missed: {missed}");
    }
    std::process::exit(i32::from(!verdict.missed().is_empty()));
}
