//! How likely a restore ends next, at each age, judged by how long others took.
//!
//! Invariant: the hazard follows from the durations alone, and never falls below 1/36 of the
//! uninformed hazard 1/t, so intervals are at most six times the uninformed ones.

use std::time::Duration;

/// The ages from 50 ms to a month, in cells by each of which they grow by the same factor. Beyond,
/// nothing is learned.
const MIN_AGE: f64 = 0.05;
const CELL: f64 = 1.0 / 16.0;
const CELLS: usize = 288;

/// The least part of the scale-free hazard. If the usual interval is `I`, the root costs a restore
/// `I / 2` of delay and `I` for its polls; a sixth of the polls cost `3 I` and `I / 6`, 2.1 times
/// as much. So a restore that ends when none like it ever did costs no more than about that; in its
/// first seconds, in which an interval is no small part of its age, 3.3 times. A higher floor makes
/// that cheaper, and every restore that is like the others dearer: its polls at ages at which none
/// of them ended are for nothing.
const FLOOR: f64 = 1.0 / 36.0;

/// Pseudo-count of restores unlike any known one (additive smoothing), which may end at any age. A
/// single past restore so counts for half, and the scale-free rule holds at ages that none of the
/// past reached.
const UNLIKE_RESTORES: f64 = 1.0;

/// The bandwidth of a past duration, on a scale of logarithms: this part of the distance to its
/// `sqrt(n)`th neighbor, so that restores of two kinds stay two kinds; but no less than a few
/// durations can resolve.
const BANDWIDTH: f64 = 0.4;
const MIN_BANDWIDTH: f64 = 0.03;

/// The integral of `sqrt(h / 2)` over the age, where `h` is the hazard. One poll for each step of
/// `sqrt(c)` is the optimum if a poll may cost `c` seconds of delay (J. B. Keller, "Optimum
/// checking schedules for systems subject to random failure", Management Science 21(3), 1974).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Hazard {
    restores: usize,
    /// At the end of each cell.
    integral: Vec<f64>,
    /// What part of the scale-free hazard is left before the first cell.
    before: f64,
}

/// How many of some restores still run at each age.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Survivors {
    restores: usize,
    /// At the end of each cell.
    running: Vec<f64>,
}

impl Survivors {
    /// Those of restores that took so long, the shortest first.
    pub(super) fn of(durations: &[Duration]) -> Self {
        let mut running = vec![0.0; CELLS + 1];
        for kernel in kernels(durations) {
            // The ages grow by the same factor from cell to cell, and so do the odds that it ended.
            let mut odds = ((MIN_AGE.ln() - kernel.logarithm) / kernel.reach).exp();
            let growth = (CELL / kernel.reach).exp();
            for left in &mut running {
                *left += 1.0 / (1.0 + odds);
                odds *= growth;
            }
        }
        Self { restores: durations.len(), running }
    }
}

impl Hazard {
    /// The hazard of restores like these.
    pub(super) fn of(past: &Survivors) -> Self {
        let known = count(past.restores);
        Self::judged_by(past.restores, known, UNLIKE_RESTORES, |cell| past.running[cell])
    }

    /// The hazard of restores of a group of which these are known, if all of the project are worth
    /// `weight` further ones of the group. So they are as many in all, and so is the part of them
    /// that is unlike any known one.
    pub(super) fn of_group(own: &Survivors, all: &Survivors, weight: f64) -> Self {
        let share = weight / count(all.restores);
        let known = count(own.restores) + weight;
        let unlike = UNLIKE_RESTORES * weight / (count(all.restores) + weight);
        Self::judged_by(own.restores, known, unlike, |cell| own.running[cell] + share * all.running[cell])
    }

    /// Of restores of which `running` still run at the end of each cell, beside as many as
    /// `unlike`; they count as `known` restores.
    fn judged_by(restores: usize, known: f64, unlike: f64, running: impl Fn(usize) -> f64) -> Self {
        // Those that end in a cell, of those that still run in its midst. The unlike ones end by
        // the hazard 1/t, and are replaced.
        let fall = |from: f64, to: f64| {
            let ended = from - to + unlike * CELL;
            (ended / (f64::midpoint(from, to) + unlike)).max(FLOOR * CELL)
        };
        let before = (unlike / (known + unlike)).max(FLOOR);

        let (mut age, mut survivors) = (MIN_AGE, running(0));
        let mut grown = scale_free(before, MIN_AGE);
        let mut integral = Vec::with_capacity(CELLS + 1);
        integral.push(grown);
        for cell in 1..=CELLS {
            let (end, left) = (age_of(cell), running(cell));
            grown += ((end - age) * fall(survivors, left) / 2.0).sqrt();
            integral.push(grown);
            (age, survivors) = (end, left);
        }
        Self { restores, integral, before }
    }

    /// How many it is judged by.
    pub(super) fn restores(&self) -> usize {
        self.restores
    }

    /// How long after a poll at this age the next is worth its cost.
    pub(super) fn interval(&self, age: Duration, poll_cost: f64) -> Duration {
        let age = age.as_secs_f64();
        let next = self.age_at(self.until(age) + poll_cost.sqrt());
        Duration::try_from_secs_f64((next - age).max(0.0)).unwrap_or(Duration::MAX)
    }

    fn until(&self, age: f64) -> f64 {
        let next = self.cells_before(age);
        match (next.checked_sub(1), self.integral.get(next)) {
            (None, _) => scale_free(self.before, age),
            (Some(last), Some(end)) => {
                let start = self.integral[last];
                let (from, to) = (age_of(last), age_of(next));
                start + (end - start) * (age - from) / (to - from)
            }
            (Some(last), None) => self.integral[last] + scale_free(1.0, age) - scale_free(1.0, age_of(last)),
        }
    }

    /// The age until which the integral is so much.
    fn age_at(&self, integral: f64) -> f64 {
        let next = self.integral.partition_point(|end| *end < integral);
        match (next.checked_sub(1), self.integral.get(next)) {
            (None, _) => integral.powi(2) / 2.0 / self.before,
            (Some(last), Some(end)) => {
                let start = self.integral[last];
                let (from, to) = (age_of(last), age_of(next));
                from + (to - from) * (integral - start) / (end - start)
            }
            (Some(last), None) => {
                (integral - self.integral[last] + scale_free(1.0, age_of(last))).powi(2) / 2.0
            }
        }
    }

    /// How many ends of cells are below this age.
    fn cells_before(&self, age: f64) -> usize {
        let (mut low, mut high) = (0, self.integral.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if age_of(middle) < age {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The integral from birth to this age, for this part of the scale-free hazard 1/t.
fn scale_free(part: f64, age: f64) -> f64 {
    (2.0 * part * age).sqrt()
}

/// The age at the end of a cell.
fn age_of(cell: usize) -> f64 {
    MIN_AGE * (count(cell) * CELL).exp()
}

/// What one past duration says of the next: the logarithm is spread about its own by a logistic
/// distribution, which has the tails of the scale-free hazard: `1 / (1 + exp((x - logarithm) /
/// reach))` take longer than the age of the logarithm `x`.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    logarithm: f64,
    reach: f64,
}

fn kernels(durations: &[Duration]) -> Vec<Kernel> {
    let logarithms: Vec<_> = durations.iter().map(|took| took.as_secs_f64().max(1e-3).ln()).collect();
    let known = logarithms.len();
    let neighbor = known.isqrt().clamp(1, known.saturating_sub(1).max(1));
    let least = MIN_BANDWIDTH.max(0.5 / count(known));
    let kernel = |(place, logarithm): (usize, &f64)| {
        // Among the nearest ones, with itself, are all of some row of sorted ones.
        let rows = place.saturating_sub(neighbor)..=place;
        let reaches = rows.filter_map(|first| {
            let end = logarithms.get(first + neighbor)?;
            Some((logarithm - logarithms[first]).max(end - logarithm))
        });
        let nearest = reaches.fold(f64::INFINITY, f64::min);
        let nearest = if nearest.is_finite() { nearest } else { 0.0 };
        Kernel { logarithm: *logarithm, reach: least.max(BANDWIDTH * nearest) }
    };
    logarithms.iter().enumerate().map(kernel).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of some hundreds")]
fn count(of: usize) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COST: f64 = 0.1;

    fn hazard(durations: &[Duration]) -> Hazard {
        Hazard::of(&Survivors::of(durations))
    }

    /// This many durations about as long as `typical`, from three quarters of it to four thirds.
    fn about(typical: f64, many: usize) -> Hazard {
        let part = |place: usize| 2.0 * (count(place) + 0.5) / count(many) - 1.0;
        let took = |place| Duration::from_secs_f64(typical * (0.288 * part(place)).exp());
        hazard(&(0..many).map(took).collect::<Vec<_>>())
    }

    fn interval(hazard: &Hazard, age: f64) -> f64 {
        hazard.interval(Duration::from_secs_f64(age), COST).as_secs_f64()
    }

    fn root(age: f64) -> f64 {
        (2.0 * COST * age).sqrt()
    }

    /// What a restore costs that takes so long: its polls, and the delay on average over all that
    /// end since the poll before the last.
    fn cost(interval: impl Fn(f64) -> f64, takes: f64) -> f64 {
        let (mut age, mut polls) = (0.0, 1.0);
        loop {
            let pause = interval(age).max(1.0);
            polls += 1.0;
            if age + pause >= takes {
                return pause / 2.0 + COST * polls;
            }
            age += pause;
        }
    }

    #[test]
    fn without_a_past_the_square_root_rule_holds() {
        let unknown = hazard(&[]);
        for age in [0.01, 1.0, 5.0, 60.0, 600.0, 7200.0, 100_000.0, 1e7] {
            // The integral is more than the rule, which is for short intervals, by half the cost of
            // a poll.
            let expected = root(age) + COST / 2.0;
            let measured = interval(&unknown, age);
            assert!((measured - expected).abs() < 0.02 * expected, "{age}: {measured}, {expected}");
        }
    }

    #[test]
    fn survivors_follow_from_the_kernels() {
        let durations = [0, 30, 600, 600, 7200, 1_000_000_000].map(Duration::from_secs);
        let survivors = Survivors::of(&durations);
        for cell in [0, 1, 100, 150, 200, CELLS] {
            let logarithm = age_of(cell).ln();
            let survival =
                |kernel: Kernel| 1.0 / (1.0 + ((logarithm - kernel.logarithm) / kernel.reach).exp());
            let expected: f64 = kernels(&durations).into_iter().map(survival).sum();
            assert!((survivors.running[cell] - expected).abs() < 1e-9, "{cell}");
        }
    }

    #[test]
    fn polls_gather_about_the_usual_time() {
        let ten_minutes = about(600.0, 60);
        for (age, least, most) in
            [(10.0, 7.0, 7.5), (100.0, 6.2, 6.6), (300.0, 4.5, 6.4), (600.0, 0.2, 0.6), (1500.0, 0.8, 1.05)]
        {
            let part = interval(&ten_minutes, age) / root(age);
            assert!((least..most).contains(&part), "{part} of the root at the age of {age} s");
        }
    }

    #[test]
    fn two_kinds_of_restores_stay_two_kinds() {
        let took = |place: u64| Duration::from_secs(if place < 30 { 120 + place / 6 } else { 3600 + place });
        let two = hazard(&(0..60).map(took).collect::<Vec<_>>());
        let part = |age: f64| interval(&two, age) / root(age);
        assert!(part(122.0) < 0.6, "{}", part(122.0));
        assert!(part(600.0) > 3.0, "{}", part(600.0));
        assert!(part(3640.0) < 0.3, "{}", part(3640.0));
    }

    #[test]
    fn more_restores_change_the_interval_more() {
        let part = |many| interval(&about(600.0, many), 300.0) / root(300.0);
        let parts = [1, 2, 5, 20, 60].map(part);
        assert!(parts.is_sorted() && parts[0] < 1.4, "{parts:?}");
    }

    #[test]
    fn the_cost_of_a_wrong_past_is_bounded() {
        for (past, takes, most) in [
            (10.0, 600.0, 1.02),
            (10.0, 7200.0, 1.02),
            (600.0, 7200.0, 1.02),
            (600.0, 60.0, 2.3),
            (7200.0, 60.0, 2.3),
            (7200.0, 600.0, 2.2),
        ] {
            let hazard = about(past, 60);
            // On average over what ends when a poll is not yet due, or just was.
            let spread = (0..50).map(|place| takes * (0.9 + 0.2 * f64::from(place) / 50.0));
            let [learned, unknown] = [true, false].map(|learned| {
                let by = |age: f64| if learned { interval(&hazard, age) } else { root(age) };
                spread.clone().map(|takes| cost(by, takes)).sum::<f64>()
            });
            let part = learned / unknown;
            assert!(part < most, "{past} s known, {takes} s taken: {part}");
        }
    }

    #[test]
    fn a_right_past_lowers_the_cost() {
        let hazard = about(600.0, 60);
        let part = cost(|age| interval(&hazard, age), 600.0) / cost(root, 600.0);
        assert!(part < 0.65, "{part}");
    }

    #[test]
    fn absurd_durations_give_finite_intervals() {
        for took in [Duration::ZERO, Duration::MAX] {
            let hazard = hazard(&[took; 5]);
            for age in [0.0, 1.0, 1e9] {
                assert!(interval(&hazard, age).is_finite());
            }
        }
    }

    proptest! {
        #[test]
        fn intervals_are_bounded_and_polls_keep_their_order(
            took in proptest::collection::vec(1_u64..1_000_000_000, 0..200),
            ages in proptest::collection::vec(0.0_f64..1e7, 2..20),
            cost in prop_oneof![Just(0.025), Just(0.1), Just(0.4)],
        ) {
            let mut durations: Vec<_> = took.into_iter().map(Duration::from_millis).collect();
            durations.sort_unstable();
            let hazard = hazard(&durations);
            prop_assert!(hazard.integral.is_sorted_by(|one, next| one < next));
            let mut ages = ages;
            ages.sort_by(f64::total_cmp);
            let next = |age: f64| age + hazard.interval(Duration::from_secs_f64(age), cost).as_secs_f64();
            for age in &ages {
                let pause = next(*age) - age;
                let slowest = 6.0 * (2.0 * cost * age).sqrt() + 18.0 * cost;
                prop_assert!(pause > 0.0 && pause <= 1.02 * slowest + 1e-6, "{age}: {pause}, {slowest}");
            }
            for pair in ages.windows(2) {
                prop_assert!(next(pair[0]) <= next(pair[1]) + 1e-6, "polled later, polled again later");
            }
        }
    }
}
