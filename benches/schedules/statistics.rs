//! Statistics of many sightings.

use crate::schedule::{Sighting, mean_requests};

/// The figures of one seed, in the order of [`Figures::NAMES`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures(pub(crate) [f64; 11]);

impl Figures {
    /// Their names, with times in seconds and relative delays in percent of the duration.
    pub(crate) const NAMES: [&'static str; 11] =
        ["requests", "delay, mean", "p50", "p95", "p99", "max", "relative, mean", "p50", "p95", "p99", "max"];

    /// The place of the mean number of requests, of the mean delay, and of the mean relative delay.
    pub(crate) const REQUESTS: usize = 0;
    pub(crate) const DELAY: usize = 1;
    pub(crate) const RELATIVE: usize = 6;

    /// The figures of these.
    pub(crate) fn of(sightings: &[Sighting]) -> Self {
        let mut figures = [0.0; 11];
        figures[Self::REQUESTS] = mean_requests(sightings);
        let delays = sightings.iter().map(|sighting| sighting.delay);
        figures[Self::DELAY..Self::RELATIVE].copy_from_slice(&spread(delays.collect()));
        let relative = sightings.iter().map(|sighting| 100.0 * sighting.delay / sighting.takes);
        figures[Self::RELATIVE..].copy_from_slice(&spread(relative.collect()));
        Self(figures)
    }
}

/// Mean, p50, p95, p99 and maximum; quantiles by the nearest rank.
fn spread(mut values: Vec<f64>) -> [f64; 5] {
    values.sort_by(f64::total_cmp);
    let quantile = |part: f64| values[((values.len() as f64 * part).ceil() as usize).max(1) - 1];
    [mean(&values), quantile(0.5), quantile(0.95), quantile(0.99), quantile(1.0)]
}

/// The mean of these.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// A mean over seeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    /// Half the width of its confidence interval of 95 %.
    pub(crate) half_width: f64,
}

impl Estimate {
    /// The mean of independent values, one a seed, at least two.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mean = mean(values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let freedom = values.len() as f64 - 1.0;
        let error = (squares / freedom / values.len() as f64).sqrt();
        Self { mean, half_width: student(freedom) * error }
    }

    pub(crate) fn low(self) -> f64 {
        self.mean - self.half_width
    }
}

/// The quantile 0.975 of Student's t distribution, by an expansion in the inverse of its degrees of
/// freedom (M. Abramowitz and I. A. Stegun, 26.7.5): right to 0.001 from 6 degrees on, and too low
/// below.
pub(crate) fn student(freedom: f64) -> f64 {
    let z = 1.959_963_985_f64;
    let terms = [
        z,
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
    ];
    terms.iter().rev().fold(0.0, |sum, term| sum / freedom + term)
}
