//! How many observations were how large.

use std::time::Duration;

/// Observations of durations, counted by size.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// The upper bounds in seconds, rising; the last bucket has none.
    bounds: &'static [f64],
    /// How many observations each bucket has that those before it have not.
    buckets: Vec<u64>,
    sum: f64,
}

impl Histogram {
    /// How long restores take: the documentation says ten minutes to five hours.
    pub(super) const RESTORE: &'static [f64] =
        &[30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0];

    /// How late an end is observed: at most the longest interval, unless the daemon did not run.
    pub(super) const DELAY: &'static [f64] = &[1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

    /// How long a request takes, up to the longest time limit.
    pub(super) const REQUEST: &'static [f64] =
        &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

    pub(super) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, buckets: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    pub(super) fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += seconds;
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// Each bucket: its upper bound, and its own count. The last bound is the largest number.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        self.bounds.iter().copied().chain([f64::MAX]).zip(self.buckets.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_is_in_the_first_bucket_that_holds_it() {
        let mut histogram = Histogram::new(&[1.0, 2.5]);

        for millis in [0, 1000, 1001, 2500, 9000] {
            histogram.observe(Duration::from_millis(millis));
        }

        assert_eq!(histogram.buckets(), [(1.0, 2), (2.5, 2), (f64::MAX, 1)]);
        assert_eq!(histogram.count(), 5);
        assert!((histogram.sum() - 13.501).abs() < 1e-9);
    }
}
