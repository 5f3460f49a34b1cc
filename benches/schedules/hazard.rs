//! The hazard: how likely a restore ends next at each age, for a known distribution.
//!
//! Invariant: tabulated from the survival function alone, cell by cell, so that every workload is
//! treated alike.

use crate::distribution::{Distribution, OLDEST, YOUNGEST};

/// The cells in each factor of e.
const CELLS: f64 = 1000.0;

/// The table ends at this survival.
const NEGLIGIBLE: f64 = 1e-13;

/// The integral of `sqrt(h / 2)` over the age, where `h` is the hazard. The optimum schedule polls
/// at the density `sqrt(h / 2c)`, where `c` is the price of a poll (J. B. Keller, "Optimum checking
/// schedules for systems subject to random failure", Management Science 21(3), 1974), so one poll
/// for each step of `sqrt(c)` of this integral.
#[derive(Debug, Clone)]
pub(crate) struct Hazard {
    ages: Vec<f64>,
    integral: Vec<f64>,
}

impl Hazard {
    /// The hazard of restores that are watched from start to end.
    pub(crate) fn of(durations: &Distribution) -> Self {
        let ages = ages();
        let survival: Vec<_> = ages.iter().map(|age| durations.survival(*age)).collect();
        Self::integrate(&ages, &survival)
    }

    /// The hazard of restores of which this part fails after a uniform part of the duration `T`:
    /// the time of such an end is longer than `t` with the probability `S(t) - t · E[1/T; T > t]`.
    pub(crate) fn with_failures(durations: &Distribution, failing: f64) -> Self {
        let ages = ages();
        let inverse = inverse_beyond(durations, &ages);
        let survive = |(age, inverse): (&f64, &f64)| durations.survival(*age) - failing * age * inverse;
        let survival: Vec<_> = ages.iter().zip(&inverse).map(survive).collect();
        Self::integrate(&ages, &survival)
    }

    /// The hazard of restores whose watch begins after a uniform part of the duration `T`. A
    /// restore of the age `a` then is one of the duration `T` with a density in proportion to `f(T)
    /// / T` for `T > a`, whatever `a` is, so that more than `E[1/T; T > t] / E[1/T]` of such
    /// survive `t`.
    pub(crate) fn watched_late(durations: &Distribution) -> Self {
        let ages = ages();
        let inverse = inverse_beyond(durations, &ages);
        let survival: Vec<_> = inverse.iter().map(|beyond| beyond / inverse[0]).collect();
        Self::integrate(&ages, &survival)
    }

    /// In a cell of the width `w` by which the survival falls by the factor `exp(-H)`, the hazard
    /// is `H / w`, and the integral grows by `w · sqrt(H / 2w)`.
    fn integrate(ages: &[f64], survival: &[f64]) -> Self {
        let mut hazard = Self { ages: vec![ages[0]], integral: vec![0.0] };
        for (age, survive) in ages.windows(2).zip(survival.windows(2)) {
            if survive[0] < NEGLIGIBLE {
                break;
            }
            let is_last = survive[1] < NEGLIGIBLE;
            // If all end before `b`, the hazard before it is 1/(b - t), and the integral what it is
            // for H = 4.
            let fall = if is_last { 4.0 } else { (survive[0] / survive[1]).ln().max(0.0) };
            let grown = hazard.integral.last().unwrap() + ((age[1] - age[0]) * fall / 2.0).sqrt();
            hazard.ages.push(age[1]);
            hazard.integral.push(grown);
        }
        hazard
    }

    /// The integral from birth to this age.
    pub(crate) fn until(&self, age: f64) -> f64 {
        interpolate(&self.ages, &self.integral, age)
    }

    /// The age at which the integral reaches this value; if it never does, the age that none
    /// survives.
    pub(crate) fn age_at(&self, integral: f64) -> f64 {
        interpolate(&self.integral, &self.ages, integral)
    }
}

fn ages() -> Vec<f64> {
    let cells = ((OLDEST / YOUNGEST).ln() * CELLS) as usize;
    (0..=cells).map(|cell| YOUNGEST * (cell as f64 / CELLS).exp()).collect()
}

/// `E[1/T; T > t]` at each of these ages.
fn inverse_beyond(durations: &Distribution, ages: &[f64]) -> Vec<f64> {
    let mut beyond = vec![0.0; ages.len()];
    for cell in (0..ages.len() - 1).rev() {
        let ending = durations.survival(ages[cell]) - durations.survival(ages[cell + 1]);
        beyond[cell] = beyond[cell + 1] + ending / (ages[cell] * ages[cell + 1]).sqrt();
    }
    beyond
}

/// The value at `x` of a function that is tabulated at increasing places; outside, the first or
/// last.
fn interpolate(places: &[f64], values: &[f64], x: f64) -> f64 {
    let next = places.partition_point(|place| *place < x);
    if next == 0 {
        return values[0];
    }
    let Some(place) = places.get(next) else { return values[values.len() - 1] };
    let part = (x - places[next - 1]) / (place - places[next - 1]);
    values[next - 1] + part * (values[next] - values[next - 1])
}
