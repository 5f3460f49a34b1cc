//! How long restores take.
//!
//! Invariant: everything follows from the survival function, so that draws match it.

use std::f64::consts::SQRT_2;

use fastrand::Rng;

/// No duration is beyond these, in seconds.
pub(crate) const YOUNGEST: f64 = 1e-3;
pub(crate) const OLDEST: f64 = 1e8;

/// A distribution of durations, in seconds.
#[derive(Debug, Clone)]
pub(crate) enum Distribution {
    /// Each decade between the two is equally likely.
    LogUniform { from: f64, to: f64 },
    /// The logarithm is normal.
    LogNormal { median: f64, sigma: f64 },
    /// At least `from`, with a tail that falls by the power `shape`.
    Pareto { from: f64, shape: f64 },
    /// The end is equally likely at every moment.
    Exponential { mean: f64 },
    /// Each of these with its weight; the weights sum up to 1.
    Mixture(Vec<(f64, Distribution)>),
}

impl Distribution {
    /// The probability that a duration is longer than `time`, which is more than 0.
    pub(crate) fn survival(&self, time: f64) -> f64 {
        match self {
            Self::LogUniform { from, to } => ((to / time).ln() / (to / from).ln()).clamp(0.0, 1.0),
            Self::LogNormal { median, sigma } => {
                complementary_error((time / median).ln() / sigma / SQRT_2) / 2.0
            }
            Self::Pareto { from, shape } => (from / time).powf(*shape).min(1.0),
            Self::Exponential { mean } => (-time / mean).exp(),
            Self::Mixture(parts) => parts.iter().map(|(weight, part)| weight * part.survival(time)).sum(),
        }
    }

    /// The time that this part of the durations exceeds, to a relative error of 1e-9.
    pub(crate) fn survived_by(&self, part: f64) -> f64 {
        let (mut low, mut high) = (YOUNGEST, OLDEST);
        while high / low > 1.0 + 1e-9 {
            let middle = (low * high).sqrt();
            if self.survival(middle) > part {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low * high).sqrt()
    }

    /// The distribution of durations that are longer by this factor.
    pub(crate) fn times(&self, factor: f64) -> Self {
        let times = |duration: &f64| duration * factor;
        match self {
            Self::LogUniform { from, to } => Self::LogUniform { from: times(from), to: times(to) },
            Self::LogNormal { median, sigma } => Self::LogNormal { median: times(median), sigma: *sigma },
            Self::Pareto { from, shape } => Self::Pareto { from: times(from), shape: *shape },
            Self::Exponential { mean } => Self::Exponential { mean: times(mean) },
            Self::Mixture(parts) => {
                Self::Mixture(parts.iter().map(|(weight, part)| (*weight, part.times(factor))).collect())
            }
        }
    }

    /// This many durations in random order, one from each of equally likely strata, so that few of
    /// them have the means of many.
    pub(crate) fn draw(&self, count: usize, rng: &mut Rng) -> Vec<f64> {
        let mut draw = |place| self.survived_by((place as f64 + 1.0 - rng.f64()) / count as f64);
        let mut durations: Vec<_> = (0..count).map(&mut draw).collect();
        rng.shuffle(&mut durations);
        durations
    }
}

/// The complementary error function, to 1.2e-7 of its value (W. H. Press et al., "Numerical Recipes
/// in C", 2nd edition, section 6.2).
fn complementary_error(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 10] = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let t = 1.0 / (1.0 + x.abs() / 2.0);
    let polynomial = COEFFICIENTS.iter().rev().fold(0.0, |sum, coefficient| sum * t + coefficient);
    let value = t * (polynomial - x * x).exp();
    if x < 0.0 { 2.0 - value } else { value }
}
