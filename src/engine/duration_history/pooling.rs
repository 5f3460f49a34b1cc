//! What all restores of a project say of those of one group.

/// Variances of logarithms below this come of rounding.
const ROUNDING: f64 = 1e-12;

/// How many restores of a group all others together are worth, at least 1; none if the groups
/// differ no more than chance makes them. Each restore is the logarithm of its duration, with its
/// group.
///
/// The logarithms are taken as the mean of all, plus a deviation of the group, plus one of the
/// restore. The variances of the two deviations are estimated by the mean squares of a one-way
/// analysis of variance of unbalanced data (S. R. Searle et al., "Variance Components", Wiley, 1992,
/// chapter 3): `within` estimates that of the restores, `between` that plus `n0` times that of the
/// groups. The best estimate of the mean of a group of `m` restores gives the mean of all the weight
/// of `k` further ones, where `k` is the first variance in parts of the second. With variances that
/// are estimated from the data, that is empirical Bayes (B. Efron and C. Morris, "Data analysis
/// using Stein's estimator and its generalizations", Journal of the American Statistical Association
/// 70(350), 1975).
///
/// If the groups mean nothing, `between / within` has the F distribution with a mean of about 1 and
/// a variance of about `2 / (g - 1) + 2 / (n - g)`. Two standard deviations above that, they mean
/// something. A weak difference is so taken for none, which costs less than to be misled by it.
pub(super) fn weight_of_all<G: Ord>(restores: impl IntoIterator<Item = (G, f64)>) -> Option<f64> {
    let mut restores: Vec<_> = restores.into_iter().collect();
    // By value, too, so that sums are rounded alike in any order.
    restores.sort_by(|(group, one), (other, next)| group.cmp(other).then(one.total_cmp(next)));
    let groups: Vec<_> = restores.chunk_by(|(group, _), (other, _)| group == other).collect();
    let (n, g) = (count(restores.len()), count(groups.len()));
    if groups.len() < 2 || restores.len() < groups.len() + 2 {
        return None;
    }

    let mean = mean(&restores);
    let (mut squares_within, mut squares_between, mut sizes_squared) = (0.0, 0.0, 0.0);
    for group in groups {
        let (size, center) = (count(group.len()), self::mean(group));
        squares_within += group.iter().map(|(_, value)| (value - center).powi(2)).sum::<f64>();
        squares_between += size * (center - mean).powi(2);
        sizes_squared += size * size;
    }
    let within = (squares_within / (n - g)).max(ROUNDING);
    let between = squares_between / (g - 1.0);

    let chance = 1.0 + 2.0 * (2.0 / (g - 1.0) + 2.0 / (n - g)).sqrt();
    if between < chance * within {
        return None;
    }
    let n0 = (n - sizes_squared / n) / (g - 1.0);
    Some((within / ((between - within) / n0)).max(1.0))
}

fn mean<G>(values: &[(G, f64)]) -> f64 {
    values.iter().map(|(_, value)| value).sum::<f64>() / count(values.len())
}

#[expect(clippy::cast_precision_loss, reason = "at most 200")]
fn count(of: usize) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn restores() -> impl Strategy<Value = Vec<(u8, f64)>> {
        proptest::collection::vec((0_u8..12, -3.0..12.0), 0..200)
    }

    /// This number of groups of `size` restores: `between` apart, and in each `within` apart.
    fn grid(groups: u8, size: u8, between: f64, within: f64) -> Vec<(u8, f64)> {
        let places = (0..groups).flat_map(|group| (0..size).map(move |place| (group, place)));
        places.map(|(group, place)| (group, between * f64::from(group) + within * f64::from(place))).collect()
    }

    #[test]
    fn the_weight_is_the_ratio_of_the_variances() {
        // In each of the 8 groups of 4 are 0, 1, 2 and 3, and the next one is 0.5 above it: the mean
        // squares are 5/3 within and 6 between.
        let weight = weight_of_all(grid(8, 4, 0.5, 1.0)).unwrap();

        let expected = (5.0 / 3.0) / ((6.0 - 5.0 / 3.0) / 4.0);
        assert!((weight - expected).abs() < 1e-9, "{weight}");
    }

    #[test]
    fn far_groups_get_the_least_weight() {
        assert_eq!(weight_of_all(grid(8, 4, 10.0, 1.0)), Some(1.0));
    }

    #[test]
    fn groups_that_do_not_differ_are_none() {
        for restores in [
            Vec::new(),
            grid(1, 50, 0.0, 1.0),
            grid(5, 10, 0.0, 1.0),
            grid(5, 10, 0.0, 0.0),
            grid(50, 1, 1.0, 0.0),
            grid(2, 1, 9.0, 0.0),
        ] {
            assert_eq!(weight_of_all(restores.clone()), None, "{restores:?}");
        }
    }

    #[test]
    fn groups_without_a_spread_differ() {
        assert_eq!(weight_of_all(grid(3, 3, 1.0, 0.0)), Some(1.0));
    }

    proptest! {
        #[test]
        fn the_weight_is_at_least_one(restores in restores()) {
            prop_assert!(weight_of_all(restores).is_none_or(|weight| weight >= 1.0 && weight.is_finite()));
        }

        #[test]
        fn the_order_and_the_names_of_groups_do_not_matter(restores in restores(), seed in any::<u64>()) {
            let mut others: Vec<_> = restores.iter().map(|(group, value)| (group.reverse_bits(), *value)).collect();
            fastrand::Rng::with_seed(seed).shuffle(&mut others);

            let (weight, other) = (weight_of_all(restores), weight_of_all(others));

            prop_assert_eq!(weight.is_some(), other.is_some());
            prop_assert!(weight.zip(other).is_none_or(|(one, other)| (one / other - 1.0).abs() < 1e-9));
        }

        #[test]
        fn one_group_has_no_weight(values in proptest::collection::vec(-3.0..12.0, 0..50)) {
            prop_assert_eq!(weight_of_all(values.into_iter().map(|value| ((), value))), None);
        }
    }
}
