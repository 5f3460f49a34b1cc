//! How long restores take.
//!
//! Invariant: what is drawn has the survival that is claimed; the checks compare the two.

use std::f64::consts::{SQRT_2, TAU};

use fastrand::Rng;

/// A distribution of durations, in seconds.
#[derive(Debug, Clone)]
pub(crate) enum Distribution {
    /// Each decade between the two is as likely.
    LogUniform { from: f64, to: f64 },
    /// The logarithm is normal.
    LogNormal { median: f64, sigma: f64 },
    /// At least `from`, with a tail that falls by the power `shape`.
    Pareto { from: f64, shape: f64 },
    /// The end is as likely at every moment.
    Exponential { mean: f64 },
    /// Each of these with its weight; the weights sum up to 1.
    Mixture(Vec<(f64, Distribution)>),
}

impl Distribution {
    /// A duration.
    pub(crate) fn draw(&self, rng: &mut Rng) -> f64 {
        match self {
            Self::LogUniform { from, to } => from * (to / from).powf(rng.f64()),
            Self::LogNormal { median, sigma } => median * (sigma * normal(rng)).exp(),
            Self::Pareto { from, shape } => from * (1.0 - rng.f64()).powf(-1.0 / shape),
            Self::Exponential { mean } => -mean * (1.0 - rng.f64()).ln(),
            Self::Mixture(parts) => {
                let mut place = rng.f64();
                let part = parts.iter().find(|(weight, _)| {
                    place -= weight;
                    place < 0.0
                });
                part.or(parts.last()).unwrap().1.draw(rng)
            }
        }
    }

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
}

/// A standard normal number (G. E. P. Box and M. E. Muller, 1958).
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (TAU * rng.f64()).cos()
}

/// The complementary error function, to 1.2e-7 of its value (W. H. Press et al., "Numerical Recipes in C", 2nd edition,
/// section 6.2).
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
