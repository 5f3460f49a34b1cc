//! Many durations as a few figures: quantiles by the nearest rank, and a histogram.
//!
//! Invariant: a quantile is given only if it is a duration of its own: p90 of fewer than ten
//! restores would be the longest of them, which is another figure.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The upper bounds of the buckets in which durations of restores are counted, wherever they are: a
/// small restore takes about ten minutes, and one of a hundred million records five hours.
pub const RESTORE_BUCKETS: [Duration; 11] = [
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(10),
    Duration::from_mins(20),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(4),
    Duration::from_hours(6),
];

/// How long restores took.
// The comments of its fields are the descriptions of the published schema.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DurationStats {
    /// How many durations there are: one of each restore that ended well and whose start and end
    /// are both known. The other figures are of these.
    pub measured: usize,
    /// Seconds that half of them took at most; `null` of fewer than 2.
    #[serde(rename = "p50_seconds", serialize_with = "seconds_if_known")]
    #[schemars(with = "Option<f64>")]
    pub p50: Option<Duration>,
    /// Seconds that nine in ten of them took at most; `null` of fewer than 10.
    #[serde(rename = "p90_seconds", serialize_with = "seconds_if_known")]
    #[schemars(with = "Option<f64>")]
    pub p90: Option<Duration>,
    /// Seconds that 99 in 100 of them took at most; `null` of fewer than 100.
    #[serde(rename = "p99_seconds", serialize_with = "seconds_if_known")]
    #[schemars(with = "Option<f64>")]
    pub p99: Option<Duration>,
    /// Seconds that the longest took; `null` if there is none.
    #[serde(rename = "max_seconds", serialize_with = "seconds_if_known")]
    #[schemars(with = "Option<f64>")]
    pub max: Option<Duration>,
    /// How many took how long, the shortest first.
    pub histogram: Vec<Bucket>,
}

/// The durations that are longer than those of the bucket before, and no longer than a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Bucket {
    /// The bound, in seconds, which belongs to the bucket; `null` for the last, which has none.
    #[serde(rename = "up_to_seconds", serialize_with = "seconds_if_known")]
    #[schemars(with = "Option<f64>")]
    pub up_to: Option<Duration>,
    /// How many durations are in it.
    pub restores: usize,
}

impl DurationStats {
    /// The figures of these durations.
    pub fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self {
            measured: durations.len(),
            p50: quantile(&durations, 50),
            p90: quantile(&durations, 90),
            p99: quantile(&durations, 99),
            max: durations.last().copied(),
            histogram: histogram(&durations),
        }
    }
}

/// The quantile of what is sorted, by the nearest rank: the shortest duration that this part of
/// all do not exceed.
pub fn nearest_rank(sorted: &[Duration], part: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "far fewer than 2^52"
    )]
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The same of a percentage, if at least one duration may be beyond it.
fn quantile(sorted: &[Duration], percent: u8) -> Option<Duration> {
    let has_others = sorted.len() * usize::from(100 - percent) >= 100;
    nearest_rank(sorted, f64::from(percent) / 100.0).filter(|_| has_others)
}

fn histogram(sorted: &[Duration]) -> Vec<Bucket> {
    let mut below = 0;
    let mut bucket = |up_to: Option<Duration>| {
        let up_to_here = up_to.map_or(sorted.len(), |bound| sorted.partition_point(|took| *took <= bound));
        let restores = up_to_here - below;
        below = up_to_here;
        Bucket { up_to, restores }
    };
    RESTORE_BUCKETS.into_iter().map(Some).chain([None]).map(&mut bucket).collect()
}

/// For `serialize_with`: a duration as seconds.
#[expect(clippy::ref_option, reason = "the form that serde calls")]
fn seconds_if_known<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    duration.map(|duration| duration.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn seconds(seconds: impl IntoIterator<Item = u64>) -> DurationStats {
        DurationStats::of(seconds.into_iter().map(Duration::from_secs).collect())
    }

    #[test]
    fn quantiles_are_given_of_enough_durations() {
        for (measured, p50, p90, p99, max) in [
            (0, None, None, None, None),
            (1, None, None, None, Some(1)),
            (2, Some(1), None, None, Some(2)),
            (9, Some(5), None, None, Some(9)),
            (10, Some(5), Some(9), None, Some(10)),
            (99, Some(50), Some(90), None, Some(99)),
            (100, Some(50), Some(90), Some(99), Some(100)),
            (1000, Some(500), Some(900), Some(990), Some(1000)),
        ] {
            let stats = seconds((1..=measured).rev());

            let found =
                [stats.p50, stats.p90, stats.p99, stats.max].map(|took| took.map(|took| took.as_secs()));
            assert_eq!(found, [p50, p90, p99, max], "{measured}");
        }
    }

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let stats = seconds([0, 30, 31, 60, 600, 21_600, 21_601, 1_000_000]);

        let counts: Vec<_> = stats.histogram.iter().map(|bucket| bucket.restores).collect();
        assert_eq!(counts, [2, 2, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(stats.histogram.last().unwrap().up_to, None);
    }

    #[test]
    fn json_has_seconds_and_null() {
        let json = serde_json::to_value(seconds([6, 90])).unwrap();

        assert_eq!(
            (&json["measured"], &json["p50_seconds"], &json["p90_seconds"], &json["max_seconds"]),
            (&json!(2), &json!(6.0), &json!(null), &json!(90.0))
        );
        assert_eq!(json["histogram"][0], json!({ "up_to_seconds": 30.0, "restores": 1 }));
        assert_eq!(json["histogram"][11], json!({ "up_to_seconds": null, "restores": 0 }));
    }

    /// How many of the durations are no longer than `bound`.
    fn up_to(durations: &[Duration], bound: Duration) -> usize {
        durations.iter().filter(|took| **took <= bound).count()
    }

    proptest! {
        /// By the definition, without ranks.
        #[test]
        fn quantiles_are_the_shortest_that_enough_do_not_exceed(
            seconds in prop::collection::vec(0_u64..50_000, 0..300),
        ) {
            let durations: Vec<_> = seconds.into_iter().map(Duration::from_secs).collect();

            let stats = DurationStats::of(durations.clone());

            for (quantile, percent) in [(stats.p50, 50), (stats.p90, 90), (stats.p99, 99)] {
                let is_enough = |took: &Duration| up_to(&durations, *took) * 100 >= durations.len() * percent;
                let shortest = durations.iter().copied().filter(is_enough).min();
                prop_assert_eq!(quantile, shortest.filter(|_| durations.len() >= 100 / (100 - percent)));
            }
            let mut counted = 0;
            for bucket in &stats.histogram {
                counted += bucket.restores;
                prop_assert_eq!(counted, up_to(&durations, bucket.up_to.unwrap_or(Duration::MAX)));
            }
        }
    }
}
