//! Checks of the bench against calculated values.
//!
//! They are no `#[test]`s, because a bench has no harness here; `main` runs them first.

use std::sync::Arc;

use fastrand::Rng;

use crate::Extent;
use crate::baselines::Loop;
use crate::clairvoyant::Clairvoyant;
use crate::distribution::Distribution;
use crate::engine::EngineSchedule;
use crate::hazard::Hazard;
use crate::schedule::{Schedule, Sighting, factor_for, mean_requests, watch_all};
use crate::statistics::{Estimate, student};
use crate::workload::{Twist, Use, Workload, seeds};
use crate::world::{Index, Restore, World};

/// Panics if one fails.
pub(crate) fn run() {
    confidence_intervals_are_those_of_the_tables();
    no_seed_is_used_twice();
    what_is_drawn_has_the_claimed_survival();
    hazards_are_those_of_the_formulas();
    a_fixed_interval_is_late_by_half_of_it();
    a_fixed_interval_on_exponential_durations();
    clairvoyant_interval_is_fixed_for_exponential_durations();
    clairvoyant_interval_is_a_square_root_for_a_power_tail();
    a_factor_gives_as_many_requests();
    the_rules_of_others_start_as_documented();
    the_engine_follows_the_square_root_rule();
    the_engine_stretches_like_the_others();
    the_engine_uses_its_history();
    the_engine_stretches_its_history();
    every_schedule_polls_at_the_begin();
    the_engine_tells_indexes_apart();
    the_same_seed_gives_the_same_sightings();
    restores_watched_at_once_share_the_rate();
    no_schedule_sees_through_an_outage();
}

fn extent(restores: usize, at_once: usize) -> Extent {
    Extent { seeds: 20, tuning_seeds: 8, restores, at_once, seed_base: 1, bench: false }
}

fn worlds(durations: Distribution, twist: Twist, extent: Extent) -> Vec<World> {
    Workload { twist, ..Workload::plain("check", durations) }.worlds(7, extent)
}

/// One restore that ends at this time.
fn world_until(end: f64) -> World {
    World { restores: vec![Restore { end, ..Restore::default() }], ..World::default() }
}

fn mean_delay(sightings: &[Sighting]) -> f64 {
    sightings.iter().map(|sighting| sighting.delay).sum::<f64>() / sightings.len() as f64
}

#[track_caller]
fn assert_near(value: f64, expected: f64, part: f64) {
    assert!((value - expected).abs() <= part * expected.abs(), "{value} is not about {expected}");
}

fn confidence_intervals_are_those_of_the_tables() {
    for (freedom, quantile) in [(9.0, 2.262), (19.0, 2.093), (29.0, 2.045), (1e9, 1.960)] {
        assert_near(student(freedom), quantile, 1e-3);
    }
    let estimate = Estimate::of(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
    assert_near(estimate.mean, 5.5, 1e-12);
    assert_near(estimate.half_width, 2.262 * 3.02765 / 10_f64.sqrt(), 1e-3);
}

fn no_seed_is_used_twice() {
    let extent = extent(1, 1);
    let mut all = [seeds(Use::Tuning, extent), seeds(Use::Comparison, extent)].concat();
    assert_eq!(all.len(), 28);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 28);
}

fn what_is_drawn_has_the_claimed_survival() {
    let exponential = Distribution::Exponential { mean: 600.0 };
    let mut rng = Rng::with_seed(1);
    for durations in Workload::all().into_iter().map(|workload| workload.durations).chain([exponential]) {
        let sample = durations.draw(5000, &mut rng);
        for time in [10.0, 60.0, 150.0, 400.0, 600.0, 900.0, 3000.0, 10_000.0] {
            let survive = durations.survival(time);
            let drawn = sample.iter().filter(|took| **took > time).count() as f64 / sample.len() as f64;
            assert!((drawn - survive).abs() < 3e-4, "{durations:?}, {time}: {drawn}, {survive}");
        }
    }
}

fn hazards_are_those_of_the_formulas() {
    let constant = Hazard::of(&Distribution::Exponential { mean: 600.0 });
    for age in [10.0, 600.0, 3000.0] {
        assert_near(constant.until(age), age / 1200_f64.sqrt(), 1e-3);
        assert_near(constant.age_at(age / 1200_f64.sqrt()), age, 1e-3);
    }
    // The survival of Pareto's falls by the power -a. E[1/T; T > t] falls by -(a+1), and so does
    // the survival of those that are watched late; of those that all fail, by -a. The hazard is the
    // power over the age.
    let pareto = Distribution::Pareto { from: 120.0, shape: 1.5 };
    for (hazard, power) in [
        (Hazard::of(&pareto), 1.5),
        (Hazard::watched_late(&pareto), 2.5),
        (Hazard::with_failures(&pareto, 1.0), 1.5),
    ] {
        let grown = hazard.until(1920.0) - hazard.until(480.0);
        assert_near(grown, (2.0_f64 * power).sqrt() * (1920_f64.sqrt() - 480_f64.sqrt()), 2e-3);
    }
}

fn a_fixed_interval_is_late_by_half_of_it() {
    let long = Distribution::LogUniform { from: 5000.0, to: 20_000.0 };
    let sightings = watch_all(&Loop::FIXED, &worlds(long, Twist::None, extent(5000, 1)), 10.0, 1);
    assert_near(mean_delay(&sightings), 5.0, 0.03);
    let least = sightings.iter().map(|sighting| sighting.delay).fold(f64::INFINITY, f64::min);
    assert!((0.0..0.1).contains(&least), "{least}");
}

fn a_fixed_interval_on_exponential_durations() {
    let exponential = Distribution::Exponential { mean: 600.0 };
    let sightings = watch_all(&Loop::FIXED, &worlds(exponential, Twist::None, extent(5000, 1)), 240.0, 1);
    let requests = 1.0 / (1.0 - (-240_f64 / 600.0).exp());
    assert_near(mean_requests(&sightings), 1.0 + requests, 0.03);
    assert_near(mean_delay(&sightings), 240.0 * requests - 600.0, 0.03);
}

/// Keller's density is `sqrt(1 / (2 · mean · c))` where the hazard is constant.
fn clairvoyant_interval_is_fixed_for_exponential_durations() {
    let exponential = Distribution::Exponential { mean: 600.0 };
    let worlds = worlds(exponential, Twist::None, extent(2000, 1));
    let price: f64 = 12.0;
    let theirs = watch_all(&Clairvoyant, &worlds, price.sqrt(), 1);
    let fixed = watch_all(&Loop::FIXED, &worlds, (2.0 * 600.0 * price).sqrt(), 1);
    assert_near(mean_requests(&theirs), mean_requests(&fixed), 2e-3);
    assert_near(mean_delay(&theirs), mean_delay(&fixed), 1e-2);
}

/// With the hazard `a/t` the interval at the age `t` is `sqrt(2ct/a)`.
fn clairvoyant_interval_is_a_square_root_for_a_power_tail() {
    let pareto = Distribution::Pareto { from: 1.0, shape: 1.5 };
    let index = Index { hazard: Hazard::of(&pareto), durations: pareto };
    let price: f64 = 0.1;
    let world = |end| World { indexes: [index.clone()].into(), ..world_until(end) };
    let requests = |end| Clairvoyant.watch(&world(end), price.sqrt(), 0)[0].requests;
    let expected = 300.0 / (2.0 * price * 10_000.0 / 1.5).sqrt();
    assert_near(requests(10_150.0) - requests(9850.0), expected, 0.15);
}

fn a_factor_gives_as_many_requests() {
    let worlds = worlds(Distribution::LogNormal { median: 600.0, sigma: 0.6 }, Twist::None, extent(2000, 1));
    for rule in &Loop::ALL {
        let requests = |factor| mean_requests(&watch_all(rule, &worlds, factor, 3));
        assert_near(requests(factor_for(40.0, requests)), 40.0, 0.005);
    }
}

/// The times of the first polls, as far as they are not left to chance.
fn the_rules_of_others_start_as_documented() {
    let bounds = |rule: &Loop, end: f64| {
        let noticed = (0..200).map(|seed| rule.watch(&world_until(end), 1.0, seed)[0].delay + end);
        noticed.fold((f64::INFINITY, 0.0_f64), |(low, high), at| (low.min(at), high.max(at)))
    };
    assert_eq!(bounds(&Loop::AWS, 1.0), (2.0, 2.0), "a random number between 2 and 2");
    assert_eq!(bounds(&Loop::AWS, 2.5), (4.0, 6.0), "then one of 2 to 4");
    let (low, high) = bounds(&Loop::GOOGLE, 1e-9);
    assert!(low < 0.1 && (0.9..1.0).contains(&high), "{low} to {high}");
    let (low, high) = bounds(&Loop::GCLOUD, 1.5);
    assert!((3.0..3.1).contains(&low) && (3.9..4.0).contains(&high), "{low} to {high}");
    assert_eq!(bounds(&Loop::GCLOUD, 0.5), (1.0, 1.0));
    assert_eq!(bounds(&Loop::AZURE, 1.0), (30.0, 30.0));
    assert_eq!(bounds(&Loop::PINECONE, 1.0), (5.0, 5.0));
    assert_eq!(bounds(&Loop::EXPONENTIAL, 64.0), (123.0, 123.0), "1 + 2 + 4 + 8 + 16 + 32 + 60");
    // How long it is between two polls in the long run.
    for (rule, interval) in [(&Loop::AWS, 61.0), (&Loop::GOOGLE, 10.0), (&Loop::GCLOUD, 180.0)] {
        let polls = |end: f64| rule.watch(&world_until(end), 1.0, 5)[0].requests;
        assert_near(900_000.0 / (polls(1_000_000.0) - polls(100_000.0)), interval, 0.03);
    }
}

/// At the age `t` the interval is `sqrt(0.2 t)` by a uniform factor of 0.9 to 1.1: `2 sqrt(t /
/// 0.2)` polls until then, of which the shortest interval of 1 s spares 5; and a delay of `E[I²] /
/// 2E[I]`.
fn the_engine_follows_the_square_root_rule() {
    let durations = Distribution::LogUniform { from: 590.0, to: 610.0 };
    let sightings =
        watch_all(&EngineSchedule::default(), &worlds(durations, Twist::None, extent(400, 1)), 1.0, 1);
    let interval = 120_f64.sqrt();
    assert_near(mean_requests(&sightings), 2.0 * 3000_f64.sqrt() - 5.0 + 1.0, 0.02);
    assert_near(mean_delay(&sightings), interval / 2.0 * (1.0 + 0.01 / 3.0), 0.12);
    let longest = sightings.iter().map(|sighting| sighting.delay).fold(0.0, f64::max);
    assert!(longest < interval * 1.11, "{longest}");
}

fn the_engine_stretches_like_the_others() {
    let durations = Distribution::LogUniform { from: 590.0, to: 610.0 };
    let worlds = worlds(durations, Twist::None, extent(200, 1));
    let requests = |factor| mean_requests(&watch_all(&EngineSchedule::default(), &worlds, factor, 1));
    assert_near(requests(2.0), requests(1.0) / 2.0, 0.05);
    assert_near(requests(0.5), requests(1.0) * 2.0, 0.05);
}

/// Few polls until about the usual time, and soon noticed then.
fn the_engine_uses_its_history() {
    let durations = Distribution::LogUniform { from: 590.0, to: 610.0 };
    let worlds = worlds(durations, Twist::None, extent(200, 1));
    let [unknown, known] = [EngineSchedule::default(), EngineSchedule::knowing()].map(|ours| {
        let sightings = watch_all(&ours, &worlds, 1.0, 1);
        (mean_requests(&sightings), mean_delay(&sightings))
    });
    assert!(known.0 < 0.5 * unknown.0 && known.1 < 0.3 * unknown.1, "{known:?}, {unknown:?}");
}

/// Whatever the stretch: the past is stretched with the rest.
fn the_engine_stretches_its_history() {
    let durations = Distribution::LogNormal { median: 600.0, sigma: 0.25 };
    let worlds = worlds(durations, Twist::None, extent(200, 1));
    let ours = EngineSchedule::knowing();
    let requests = |factor| mean_requests(&watch_all(&ours, &worlds, factor, 1));
    assert_near(requests(2.0), requests(1.0) / 2.0, 0.08);
    assert_near(requests(0.5), requests(1.0) * 2.0, 0.08);
}

fn every_schedule_polls_at_the_begin() {
    let exponential = Distribution::Exponential { mean: 600.0 };
    let indexes: Arc<[_]> = [Index { hazard: Hazard::of(&exponential), durations: exponential }].into();
    let world = World { indexes, ..world_until(1e-6) };
    let others = Loop::ALL.iter().map(|rule| rule as &dyn Schedule);
    for schedule in others.chain([&EngineSchedule::default() as &dyn Schedule, &Clairvoyant]) {
        let requests = schedule.watch(&world, 1.0, 1)[0].requests;
        assert_near(requests, 2.0, 1e-12);
    }
}

/// Sooner, with fewer requests, if their durations differ; the same if they do not.
fn the_engine_tells_indexes_apart() {
    let figures = |names_indexes, workload: &Workload| {
        let ours = EngineSchedule { names_indexes, ..EngineSchedule::knowing() };
        let sightings = watch_all(&ours, &workload.worlds(7, extent(200, 1)), 1.0, 1);
        (mean_requests(&sightings), mean_delay(&sightings))
    };
    let [(nightly, _), _, (alike, _), _] = &Workload::grouped();
    let (known, unknown) = (figures(true, nightly), figures(false, nightly));
    assert!(known.0 < unknown.0 && known.1 < 0.8 * unknown.1, "{known:?}, {unknown:?}");
    let (known, unknown) = (figures(true, alike), figures(false, alike));
    assert_near(known.0, unknown.0, 0.02);
    assert_near(known.1, unknown.1, 0.05);
}

fn the_same_seed_gives_the_same_sightings() {
    let grouped = Workload::grouped().map(|(workload, _)| workload);
    for workload in Workload::all().into_iter().chain(grouped) {
        let watch = || {
            let worlds = workload.worlds(3, extent(5, 1));
            let knowing = EngineSchedule { names_indexes: true, ..EngineSchedule::knowing() };
            [&EngineSchedule::default() as &dyn Schedule, &knowing, &Loop::AWS]
                .map(|schedule| watch_all(schedule, &worlds, 1.0, 4))
        };
        assert_eq!(watch(), watch());
    }
}

fn restores_watched_at_once_share_the_rate() {
    let durations = Distribution::LogUniform { from: 500.0, to: 700.0 };
    let worlds = worlds(durations, Twist::None, extent(40, 40));
    assert_eq!(worlds.len(), 1);
    let sightings = watch_all(&EngineSchedule::default(), &worlds, 1.0, 1);
    assert_eq!(sightings.len(), 40);
    let requests: f64 = sightings.iter().map(|sighting| sighting.requests).sum();
    let last = sightings.iter().map(|sighting| sighting.takes + sighting.delay).fold(0.0, f64::max);
    assert!(requests <= 4.0 + 2.0 * last && requests > 1.5 * 500.0, "{requests} in {last} s");
}

fn no_schedule_sees_through_an_outage() {
    let exponential = Distribution::Exponential { mean: 600.0 };
    let indexes = [Index { hazard: Hazard::of(&exponential), durations: exponential }].into();
    let world = World { indexes, outage: Some(95.0..155.0), ..world_until(100.0) };
    for schedule in [&EngineSchedule::default() as &dyn Schedule, &Loop::PINECONE, &Clairvoyant] {
        let sighting = schedule.watch(&world, 1.0, 1)[0];
        assert!((55.0..120.0).contains(&sighting.delay), "{}: {sighting:?}", schedule.name());
    }
}
