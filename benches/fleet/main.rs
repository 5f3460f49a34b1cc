//! How late the ends of many jobs are noticed at a low rate, with the list of the project's jobs
//! and without it.
//!
//! `cargo bench --bench fleet` watches simulated fleets on a virtual clock: with the engine of this
//! program, with the same without the list, by descriptions in turn, and by scans of the list
//! alone. It prints a table in Markdown; it takes about half a minute. With the name of a fleet
//! (`1000`, `100` or `30`), only that is watched.
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
mod figures;
mod fleet;
mod list;
mod pace;
mod watch;

use figures::{Estimate, Figures, SEEDS};
use fleet::{Fleet, Order};
use watch::Way;

/// How many jobs run, and how many requests there are a second.
const FLEETS: [(usize, f64); 3] = [(1000, 1.0), (100, 2.0), (30, 2.0)];

/// How many others the list has.
const FINISHED: usize = 3000;

fn main() {
    checks::run();
    // Cargo passes `--bench` to benches only.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<_> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    for (running, per_second) in FLEETS {
        if wanted.is_empty() || wanted.contains(&running) {
            print(running, per_second);
        }
    }
}

/// Prints the figures for this many running jobs at this rate.
fn print(running: usize, per_second: f64) {
    println!("### {running} that run among {FINISHED} that have finished, {per_second} requests a second\n");
    println!("| order of the list | way | delay, mean | p50 | p95 | max | descriptions | pages | of all |");
    println!("|---|---|--:|--:|--:|--:|--:|--:|--:|");
    for way in Way::ALL {
        // Two of them do not use the list.
        let uses_list = matches!(way, Way::Engine | Way::Scans);
        for order in if uses_list { &Order::ALL[..] } else { &[Order::Shuffled] } {
            let figures = watch_all(way, *order, running, per_second);
            let estimate =
                |pick: &dyn Fn(&Figures) -> f64| Estimate::of(&figures.iter().map(pick).collect::<Vec<_>>());
            print!("| {} | {} |", if uses_list { order.name() } else { "any" }, way.name());
            for place in 0..4 {
                let Estimate { mean, half_width } = estimate(&|figures| figures.delays[place]);
                print!(" {mean:.1} ± {half_width:.1} |");
            }
            let (descriptions, pages) = (estimate(&|it| it.descriptions).mean, estimate(&|it| it.pages).mean);
            println!(" {descriptions:.0} | {pages:.0} | {:.2} |", pages / (pages + descriptions));
        }
    }
    println!();
}

/// Watches a fleet for each seed, half of them on a second thread.
fn watch_all(way: Way, order: Order, running: usize, per_second: f64) -> Vec<Figures> {
    let watch = |seed| {
        let fleet = Fleet::new(running, FINISHED, order, seed);
        Figures::of(&way.watch(&fleet, per_second, seed))
    };
    std::thread::scope(|scope| {
        let half = scope.spawn(|| (0..SEEDS / 2).map(watch).collect::<Vec<_>>());
        let others: Vec<_> = (SEEDS / 2..SEEDS).map(watch).collect();
        [half.join().unwrap(), others].concat()
    })
}
