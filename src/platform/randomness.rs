//! Randomness of the system.
//!
//! Invariant: what two processes draw does not meet, on whatever machines they run. A clock is no
//! such source: machines that start from one image, at one time, may read the same.

/// What seeds a generator.
///
/// 64 bits are enough for the ids of events, which are made of a time and of random bits: two
/// generators make the same id only if both have the same state of 64 bits in the same
/// millisecond.
///
/// # Panics
/// If the system has none. No system that starts programs is without.
pub fn seed() -> u64 {
    u64::from_ne_bytes(bytes())
}

/// A generator for one purpose, such as the jitter of retries.
///
/// # Panics
/// As [`seed`] does.
pub fn generator() -> fastrand::Rng {
    fastrand::Rng::with_seed(seed())
}

/// Random bytes.
///
/// # Panics
/// As [`seed`] does.
pub fn bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).expect("the system has randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike() {
        assert_ne!(seed(), seed());
        assert_ne!(generator().u64(..), generator().u64(..));
        assert_ne!(bytes::<10>(), bytes::<10>());
    }
}
