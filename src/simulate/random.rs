//! Randomness that follows from the seed of a scenario.

/// A generator whose numbers follow from `parts` alone.
pub(super) fn seeded(parts: impl IntoIterator<Item = u64>) -> fastrand::Rng {
    let seed = parts.into_iter().fold(0_u64, |sum, part| {
        // The steps of SplitMix64: near inputs give far outputs.
        let mut mixed = (sum ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    });

    fastrand::Rng::with_seed(seed)
}
