//! Tests of the duration history.

use super::*;
use crate::engine::Fingerprint;

/// A restore that completed at this second.
fn restore(completed: i64, seconds: u64) -> PastRestore {
    PastRestore { completed, took: 1000 * seconds, origin: Origin::default() }
}

fn duration_history(took: impl IntoIterator<Item = u64>) -> DurationHistory {
    let mut duration_history = DurationHistory::default();
    for (place, took) in (0..).zip(took) {
        assert!(duration_history.learn(restore(10_000 * place, took)));
    }
    duration_history
}

fn facts(index: &str) -> JobFacts {
    JobFacts { target_index_name: Some(index.to_owned()), ..JobFacts::default() }
}

/// A history of indexes, each with a duration in seconds, from which those of its restores differ
/// little.
fn of_indexes(indexes: &[(&str, u64)], restores: u64) -> DurationHistory {
    let places = (0..restores).flat_map(|place| indexes.iter().map(move |index| (place, *index)));
    let past = (0..).zip(places).map(|(completed, (place, (index, seconds)))| PastRestore {
        completed,
        took: 10 * seconds * (100 + place % 7),
        origin: Origin::of(&facts(&format!("{index}-{place}"))),
    });
    DurationHistory::from_snapshot(past.collect())
}

/// The intervals at some ages, and how many restores decide them.
fn intervals(history: &DurationHistory, index: &str) -> (Vec<Duration>, usize) {
    let facts = facts(index);
    let EndEstimate::Past(hazard) = history.end_estimate(&facts) else { panic!("nothing is known") };
    let ages = [1, 30, 60, 120, 600].map(Duration::from_secs);
    (ages.map(|age| hazard.interval(age, 0.1)).to_vec(), hazard.restores())
}

#[test]
fn each_restore_counts_once() {
    let mut duration_history = duration_history([60, 30]);
    assert!(!duration_history.learn(restore(0, 60)));
    assert_eq!(duration_history.expectation().unwrap().restores, 2);
    let again = DurationHistory::from_snapshot(duration_history.snapshot());
    assert_eq!(again.snapshot(), duration_history.snapshot());
}

#[test]
fn the_newest_are_kept() {
    let mut duration_history = duration_history(1..=200);
    assert!(duration_history.learn(restore(5_001_000, 1000)));
    let all = |history: &DurationHistory| history.durations(None, &history.all).to_vec();
    assert_eq!(all(&duration_history).len(), 200);
    assert_eq!(all(&duration_history)[0].as_secs(), 2);
    duration_history.end_estimate(&JobFacts::default());
    assert!(!duration_history.learn(restore(0, 1)), "older than all that are kept");
    assert!(duration_history.all.hazard.is_computed(), "what is known is as it was");
}

#[test]
fn an_older_record_learns_what_was_restored() {
    let mut duration_history = duration_history([60]);
    let origin = Origin { index: Fingerprint::of("orders"), backup: None };
    let known = PastRestore { origin, ..restore(0, 60) };

    assert!(duration_history.learn(known));
    assert!(!duration_history.learn(known) && !duration_history.learn(restore(0, 60)));

    assert_eq!(duration_history.snapshot(), [known]);
}

#[test]
fn quantiles_by_the_nearest_rank() {
    let quantile = |history: &DurationHistory, part| history.quantile(&JobFacts::default(), part);
    assert_eq!(quantile(&duration_history(1..=19), 0.5), None, "too few");
    let duration_history = duration_history((1..=40).rev());
    assert_eq!(quantile(&duration_history, 0.95).unwrap().took.as_secs(), 38);
    assert_eq!(quantile(&duration_history, 0.001).unwrap().took.as_secs(), 1);
    let expected = duration_history.expectation().unwrap();
    assert_eq!(expected.to_string(), "usually 20s, 9 in 10 under 36s (40 restores)");
    assert_eq!(DurationHistory::default().expectation(), None);
}

#[test]
fn a_group_is_expected_to_be_as_before() {
    let history = of_indexes(&[("docs", 60), ("orders", 3600)], 12);

    let expected = |index| history.expectation_of(&facts(index)).unwrap().to_string();

    assert_eq!(
        expected("Docs-nightly-7"),
        "usually 64s, 9 in 10 under 1h 03m (24 restores)",
        "of another group"
    );
    assert_eq!(expected("docs-99"), "usually 61s, 9 in 10 under 63s (12 restores of docs)");
    assert_eq!(expected("ORDERS-99"), "usually 1h 01m, 9 in 10 under 1h 03m (12 restores of orders)");
}

#[test]
fn polls_of_a_group_gather_about_its_time() {
    let history = of_indexes(&[("docs", 60), ("orders", 3600)], 12);

    let (docs, restores) = intervals(&history, "docs-99");
    let (orders, _) = intervals(&history, "orders-99");
    let (unknown, all) = intervals(&history, "users");

    assert_eq!((restores, all), (12, 24));
    assert!(docs[2] < unknown[2] && unknown[2] < orders[2], "{docs:?}, {unknown:?}, {orders:?}");
    assert!(2 * docs[2] < orders[2], "{docs:?}, {orders:?}");
}

#[test]
fn groups_that_do_not_differ_are_pooled() {
    let history = of_indexes(&[("docs", 60), ("orders", 60), ("users", 60)], 12);
    let ungrouped = DurationHistory::from_snapshot(
        history.past.iter().map(|restore| PastRestore { origin: Origin::default(), ..*restore }).collect(),
    );

    assert_eq!(intervals(&history, "docs"), intervals(&ungrouped, "docs"));
    assert_eq!(history.expectation_of(&facts("docs")), ungrouped.expectation());
    assert_eq!(history.group_of(&facts("docs")), None);
}

#[test]
fn a_group_without_restores_is_pooled() {
    let history = of_indexes(&[("docs", 60), ("orders", 3600)], 12);

    assert_eq!(intervals(&history, "users-1"), intervals(&history, ""));
    assert_eq!(intervals(&history, "users-1").1, 24);
}

#[test]
fn a_group_with_enough_restores_has_its_own_quantile() {
    let indexes = [("docs", 60), ("orders", 3600)];
    let quantile = |restores| {
        let history = of_indexes(&indexes, restores);
        let quantile = history.quantile(&facts("docs-1"), 0.95).unwrap();
        (quantile.restores, quantile.took.as_secs(), quantile.group.is_some())
    };

    assert_eq!(quantile(19), (38, 3816, false));
    assert_eq!(quantile(20), (20, 63, true));
}

#[test]
fn learning_one_by_one_leads_to_the_same_estimates() {
    let whole = of_indexes(&[("docs", 60), ("orders", 3600), ("users", 600)], 6);
    let mut learned = DurationHistory::default();
    for restore in whole.snapshot().into_iter().rev() {
        assert!(learned.learn(restore));
        learned.end_estimate(&facts("docs-1"));
    }

    for index in ["docs", "orders", "users", "others"] {
        assert_eq!(intervals(&learned, index), intervals(&whole, index), "{index}");
        assert_eq!(learned.expectation_of(&facts(index)), whole.expectation_of(&facts(index)));
    }
}

#[test]
fn estimates_of_groups_lag_by_a_twentieth_at_most() {
    let mut history = of_indexes(&[("docs", 60), ("orders", 3600)], 100);
    assert_eq!(intervals(&history, "docs").1, 100);
    let learn = |history: &mut DurationHistory, completed| {
        let origin = Origin::of(&facts("orders"));
        assert!(history.learn(PastRestore { origin, ..restore(completed, 3600) }));
    };

    for completed in 1000..1009 {
        learn(&mut history, completed);
    }
    assert!(history.pool.is_computed());
    learn(&mut history, 1009);

    assert!(!history.pool.is_computed());
    assert_eq!((intervals(&history, "docs").1, intervals(&history, "orders").1), (95, 105));
}
