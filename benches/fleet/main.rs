//! How late the ends of many jobs are noticed at a low rate, with the list of the project's jobs
//! and without it.
//!
//! `cargo bench --bench fleet` watches simulated fleets on a virtual clock: with the engine of this
//! program, with the same without the list, by descriptions in turn, and by scans of the list
//! alone, all of them with the same spacing of requests. It prints tables in Markdown, and a
//! verdict; it fails if the engine is far from a goal. `-- --help` shows what can be set. A change
//! is to be tuned on other seeds than those that it is judged by.
//!
//! It first checks itself against calculated values; under `cargo test` it does only that.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts and places in lists, all of them small"
)]

mod checks;
mod comparison;
mod figures;
mod fleet;
mod list;
mod pace;
mod scenario;
mod verdict;
mod watch;

use std::process::ExitCode;

use clap::Parser as _;

use comparison::Comparison;
use scenario::{SCENARIOS, Scenario};
use verdict::Verdict;
use watch::Way;

#[derive(Debug, clap::Parser)]
struct Arguments {
    /// Only fleets of these names, or of these numbers of running jobs: `300-of-10300`, `1000`
    fleets: Vec<String>,
    /// Leave out the engine without the list
    #[arg(long)]
    quick: bool,
    /// The first of the eight seeds
    #[arg(long, default_value_t = 100)]
    first_seed: u64,
    /// What Cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    checks::run();
    // Cargo passes `--bench` to benches only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let Arguments { fleets, quick, first_seed, .. } = Arguments::parse();
    let mut ways = Way::ALL.to_vec();
    ways.retain(|way| !quick || *way != Way::WithoutList);

    let is_wanted = |scenario: &Scenario| fleets.iter().any(|wanted| scenario.is_named(wanted));
    let wanted: Vec<_> = SCENARIOS.iter().filter(|it| fleets.is_empty() || is_wanted(it)).collect();
    assert!(!wanted.is_empty(), "no fleet is named {}", fleets.join(" or "));

    let mut verdict = Verdict::default();
    for scenario in wanted {
        let comparison = Comparison::of(scenario, &ways, first_seed);
        println!("{}", comparison.table());
        verdict.add(&comparison);
    }
    print!("{}", verdict.tables());
    if verdict.is_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
