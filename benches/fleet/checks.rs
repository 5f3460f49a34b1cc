//! Checks of the simulation against calculated values.

use crate::figures::mean;
use crate::fleet::{Fleet, Order, SPREAD};
use crate::list::{List, ROWS};
use crate::pace::{Pace, spacing};
use crate::scenario::SCENARIOS;
use crate::watch::Way;

/// Panics if the simulation differs from a calculated value.
pub(crate) fn run() {
    scenarios_have_names_of_their_own();
    a_fleet_is_what_it_is_said_to_be();
    a_list_that_moves_keeps_its_length_and_order();
    a_row_that_arrives_between_two_pages_shows_another_one_twice();
    simple_loops_keep_to_the_spacing();
    a_round_is_late_by_half_of_itself();
    ends_that_are_not_noticed_yet_make_a_round_longer();
    a_walk_is_late_by_half_of_itself();
    an_engine_without_a_list_keeps_to_the_rate();
    all_ends_are_noticed_in_a_list_that_moves();
}

fn close(found: f64, expected: f64, tolerance: f64) {
    let is_close = (found / expected - 1.0).abs() <= tolerance;
    assert!(is_close, "{found} is not {expected} to {} %", 100.0 * tolerance);
}

fn scenarios_have_names_of_their_own() {
    for scenario in &SCENARIOS {
        let of_this_name = SCENARIOS.iter().filter(|other| other.name() == scenario.name());
        assert_eq!(of_this_name.count(), 1);
        assert!(scenario.is_named(&scenario.name()));
    }
    let named = |wanted: &str| SCENARIOS.iter().filter(|scenario| scenario.is_named(wanted)).count();
    assert_eq!(["1000", "300", "300-of-3300", "30", "3000-of-6000"].map(named), [2, 3, 2, 1, 1]);
}

fn a_fleet_is_what_it_is_said_to_be() {
    for order in [Order::NewestFirst, Order::OldestFirst, Order::Shuffled] {
        let fleet = Fleet::new(100, 310, order, 1);
        let mut list = List::new(&fleet, 1);
        let pages: Vec<_> = (0..list.pages()).map(|page| list.page(page, 0.0)).collect();
        let sizes: Vec<_> = pages.iter().map(|(rows, has_more)| (rows.len(), *has_more)).collect();
        assert_eq!(sizes, [(ROWS, true), (ROWS, true), (ROWS, true), (ROWS, true), (10, false)]);
        let mut places: Vec<_> = pages.into_iter().flat_map(|(rows, _)| rows).collect();
        assert_order(&fleet, &places);
        places.sort_unstable();
        assert!(places.into_iter().eq(0..410));
        let running = (0..410).filter(|place| !fleet.has_ended(*place, 0.0));
        assert!(running.eq(0..100));
    }
    let fleet = Fleet::new(1000, 3000, Order::Unreliable, 1);
    let mut list = List::new(&fleet, 1);
    let pages: Vec<_> = (0..39_000).map(|asked| list.page(asked % 39, 0.0)).collect();
    let rows: Vec<_> = pages.iter().map(|(rows, _)| rows.len() as f64).collect();
    close(mean(&rows), 95.0, 0.002);
    let ends = pages.iter().filter(|(_, has_more)| !has_more).count();
    close(ends as f64, 390.0, 0.15);
}

fn assert_order(fleet: &Fleet, places: &[usize]) {
    let ages: Vec<_> = places.iter().map(|place| -fleet.jobs[*place].began).collect();
    assert_eq!(ages.is_sorted(), fleet.order == Order::NewestFirst);
    assert_eq!(ages.iter().rev().is_sorted(), fleet.order == Order::OldestFirst);
}

/// Of 410 rows, 41 are replaced, evenly in the time span. Jobs to watch are not deleted.
fn a_list_that_moves_keeps_its_length_and_order() {
    for order in [Order::NewestFirst, Order::OldestFirst, Order::Shuffled] {
        let fleet = Fleet::new(100, 310, order, 1).moving(1);
        let mut list = List::new(&fleet, 1);
        for (at, least, most) in [(0.0, 0, 0), (SPREAD / 2.0, 11, 30), (SPREAD, 41, 41)] {
            let pages = (0..list.pages()).map(|page| list.page(page, at));
            let mut places: Vec<_> = pages.flat_map(|(rows, _)| rows).collect();
            assert_order(&fleet, &places);
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), 410);
            assert!(places[..100].iter().copied().eq(0..100));
            let new = places.iter().filter(|place| **place >= 410).count();
            assert!((least..=most).contains(&new), "{new} of 41 were replaced at {at} s");
        }
    }
}

/// If the row that leaves is further down, the last row of the page has moved to the next one.
fn a_row_that_arrives_between_two_pages_shows_another_one_twice() {
    let fleet = Fleet::new(100, 310, Order::NewestFirst, 1).moving(1);
    let mut list = List::new(&fleet, 1);
    let first = fleet.replacements[0];
    let (rows, _) = list.page(0, first.at - 1e-3);
    assert!(!rows.contains(&first.leaves));
    let (next, _) = list.page(1, first.at);
    assert_eq!(rows.last(), next.first());
    assert_eq!(list.page(0, first.at).0[0], first.arrives);
}

/// The engine spaces its requests 5 % wider than the rate asks.
fn simple_loops_keep_to_the_spacing() {
    close(spacing(2.0), 0.525, 1e-9);
    let mut pace = Pace::new(2.0);
    let times: Vec<_> = (0..1000).map(|_| pace.next()).collect();
    assert!(times.is_sorted());
    close(times[999], 999.0 * 0.525, 0.01);
}

/// Of 1,000 jobs that are described in turn, those that end in a short time are noticed half of
/// 1,000 requests later on average.
fn a_round_is_late_by_half_of_itself() {
    let mut fleet = Fleet::new(1000, 0, Order::Shuffled, 2);
    // All but 100 end long after these.
    for (place, job) in fleet.jobs.iter_mut().enumerate() {
        job.end = if place % 10 == 0 { 2000.0 + job.end } else { 1e6 };
    }
    for per_second in [1.0, 2.0] {
        let delays = Way::RoundRobin.watch(&fleet, per_second, 0).delays;
        close(mean(&delays[..100]), 500.0 * spacing(per_second), 0.15);
    }
}

/// Ends come at a constant rate until all have ended, so there are half of the jobs on average. A
/// round has also those whose end is not noticed yet, which are as many as end in half a round.
fn ends_that_are_not_noticed_yet_make_a_round_longer() {
    let delays = (3..7).map(|seed| {
        let fleet = Fleet::new(1000, 0, Order::Shuffled, seed);
        mean(&Way::RoundRobin.watch(&fleet, 1.0, 0).delays)
    });
    let ending = 1000.0 * spacing(1.0) / SPREAD;
    close(mean(&delays.collect::<Vec<_>>()), 250.0 * spacing(1.0) / (1.0 - ending / 2.0), 0.05);
}

/// A scan has 40 pages and, for each end in the meantime, a description. That is so, too, if a few
/// rows are replaced meanwhile.
fn a_walk_is_late_by_half_of_itself() {
    let ending = 1000.0 * spacing(1.0) / SPREAD;
    let half = 20.0 * spacing(1.0) / (1.0 - ending);
    for fleet in
        [Fleet::new(1000, 3000, Order::Shuffled, 8), Fleet::new(1000, 3000, Order::Shuffled, 8).moving(8)]
    {
        let delays = Way::Scans.watch(&fleet, 1.0, 0).delays;
        close(mean(&delays), half + spacing(1.0), 0.05);
    }
}

/// The last job ends near the end of the time span.
fn an_engine_without_a_list_keeps_to_the_rate() {
    let fleet = Fleet::new(300, 0, Order::Shuffled, 9);
    let watched = Way::WithoutList.watch(&fleet, 1.0, 9);
    assert_eq!(watched.delays.len(), 300);
    assert!(watched.delays.iter().all(|delay| *delay >= 0.0));
    assert!((SPREAD * 0.95..SPREAD + 200.0).contains(&watched.took));
    assert!((watched.descriptions + watched.pages) as f64 <= watched.took / spacing(1.0) + 20.0);
    assert!(watched.pages < 100, "{} pages that failed", watched.pages);
}

fn all_ends_are_noticed_in_a_list_that_moves() {
    for order in [Order::NewestFirst, Order::Unreliable] {
        let fleet = Fleet::new(30, 300, order, 10).moving(10);
        let watched = Way::Engine.watch(&fleet, 1.0, 10);
        assert_eq!(watched.delays.len(), 30);
        assert!(watched.delays.iter().all(|delay| *delay >= 0.0));
    }
}
