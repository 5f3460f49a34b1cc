//! Statistics of many watches.

use std::fmt;

use crate::pace::spacing;
use crate::watch::Watched;

/// How many seeds there are.
pub(crate) const SEEDS: u64 = 8;

/// The quantile 0.975 of Student's t distribution for that number less one.
const STUDENT: f64 = 2.364_624;

/// The figures of one watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// Mean, median, p95 and maximum of the delays, in seconds.
    pub(crate) delays: [f64; 4],
    pub(crate) descriptions: f64,
    pub(crate) pages: f64,
    /// The part of the permitted requests that was made.
    pub(crate) used: f64,
}

/// A mean over seeds, and half the width of its confidence interval of 95 %.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) half_width: f64,
}

impl Figures {
    /// Quantiles are by the nearest rank.
    pub(crate) fn of(watched: &Watched, per_second: f64) -> Self {
        let mut delays = watched.delays.clone();
        delays.sort_by(f64::total_cmp);
        let quantile = |part: f64| delays[((delays.len() as f64 * part).ceil() as usize).max(1) - 1];
        let (descriptions, pages) = (watched.descriptions as f64, watched.pages as f64);
        Self {
            delays: [mean(&delays), quantile(0.5), quantile(0.95), quantile(1.0)],
            descriptions,
            pages,
            used: (descriptions + pages) * spacing(per_second) / watched.took,
        }
    }

    /// The mean delay.
    pub(crate) fn delay(&self) -> f64 {
        self.delays[0]
    }

    pub(crate) fn requests(&self) -> f64 {
        self.descriptions + self.pages
    }
}

impl Estimate {
    /// Of independent values, one a seed.
    pub(crate) fn of(values: &[f64]) -> Self {
        assert_eq!(values.len() as u64, SEEDS);
        let mean = mean(values);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let count = values.len() as f64;
        Self { mean, half_width: STUDENT * (squares / (count - 1.0) / count).sqrt() }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mean.fmt(f)?;
        f.write_str(" ± ")?;
        self.half_width.fmt(f)
    }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
