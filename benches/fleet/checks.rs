//! Checks of the simulation against calculated values.

use crate::figures::mean;
use crate::fleet::{Fleet, Order, ROWS, SPREAD};
use crate::watch::Way;

/// Panics if the simulation differs from a calculated value.
pub(crate) fn run() {
    a_fleet_is_what_it_is_said_to_be();
    a_round_is_late_by_half_of_itself();
    ends_that_are_not_noticed_yet_make_a_round_longer();
    a_walk_is_late_by_half_of_itself();
    an_engine_without_a_list_keeps_to_the_rate();
}

fn close(found: f64, expected: f64, tolerance: f64) {
    let is_close = (found / expected - 1.0).abs() <= tolerance;
    assert!(is_close, "{found} is not {expected} to {} %", 100.0 * tolerance);
}

fn a_fleet_is_what_it_is_said_to_be() {
    let mut rng = fastrand::Rng::with_seed(1);
    for order in [Order::NewestFirst, Order::OldestFirst, Order::Shuffled] {
        let fleet = Fleet::new(100, 310, order, 1);
        let pages: Vec<_> = (0..fleet.pages()).map(|page| fleet.page(page, &mut rng)).collect();
        let sizes: Vec<_> = pages.iter().map(|(rows, has_more)| (rows.len(), *has_more)).collect();
        assert_eq!(sizes, [(ROWS, true), (ROWS, true), (ROWS, true), (ROWS, true), (10, false)]);
        let mut places: Vec<_> = pages.into_iter().flat_map(|(rows, _)| rows).collect();
        let ages: Vec<_> = places.iter().map(|place| -fleet.jobs[*place].began).collect();
        assert_eq!(ages.is_sorted(), order == Order::NewestFirst);
        assert_eq!(ages.iter().rev().is_sorted(), order == Order::OldestFirst);
        places.sort_unstable();
        assert!(places.into_iter().eq(0..410));
        let running = (0..410).filter(|place| !fleet.has_ended(*place, 0.0));
        assert!(running.eq(0..100));
    }
    let fleet = Fleet::new(1000, 3000, Order::Unreliable, 1);
    let pages: Vec<_> = (0..39_000).map(|asked| fleet.page(asked % 39, &mut rng)).collect();
    let rows: Vec<_> = pages.iter().map(|(rows, _)| rows.len() as f64).collect();
    close(mean(&rows), 95.0, 0.002);
    let ends = pages.iter().filter(|(_, has_more)| !has_more).count();
    close(ends as f64, 390.0, 0.15);
}

/// Of 1,000 jobs that are described in turn, those that end in a short time are noticed 500 s later
/// on average.
fn a_round_is_late_by_half_of_itself() {
    let mut fleet = Fleet::new(1000, 0, Order::Shuffled, 2);
    // All but 100 end long after these.
    for (place, job) in fleet.jobs.iter_mut().enumerate() {
        job.end = if place % 10 == 0 { 2000.0 + job.end } else { 1e6 };
    }
    let delays = Way::RoundRobin.watch(&fleet, 1.0, 0).delays;
    close(mean(&delays[..100]), 500.0, 0.15);
    let delays = Way::RoundRobin.watch(&fleet, 2.0, 0).delays;
    close(mean(&delays[..100]), 250.0, 0.15);
}

/// Ends come at a constant rate until all have ended, so there are half of the jobs on average. A
/// round has also those whose end is not noticed yet, which are as many as end in half a round.
fn ends_that_are_not_noticed_yet_make_a_round_longer() {
    let delays = (3..7).map(|seed| {
        let fleet = Fleet::new(1000, 0, Order::Shuffled, seed);
        mean(&Way::RoundRobin.watch(&fleet, 1.0, 0).delays)
    });
    let ending = 1000.0 / SPREAD;
    close(mean(&delays.collect::<Vec<_>>()), 250.0 / (1.0 - ending / 2.0), 0.05);
}

/// A scan has 40 pages and, for each end in the meantime, a description.
fn a_walk_is_late_by_half_of_itself() {
    let fleet = Fleet::new(1000, 3000, Order::Shuffled, 8);
    let delays = Way::Scans.watch(&fleet, 1.0, 0).delays;
    let ending = 1000.0 / SPREAD;
    close(mean(&delays), 20.0 / (1.0 - ending) + 1.0, 0.05);
}

/// The last job ends near the end of the time span.
fn an_engine_without_a_list_keeps_to_the_rate() {
    let fleet = Fleet::new(300, 0, Order::Shuffled, 9);
    let watched = Way::WithoutList.watch(&fleet, 1.0, 9);
    assert_eq!(watched.delays.len(), 300);
    assert!(watched.delays.iter().all(|delay| *delay >= 0.0));
    assert!((watched.descriptions + watched.pages) as f64 <= SPREAD + 200.0);
    assert!(watched.pages < 100, "{} pages that failed", watched.pages);
}
