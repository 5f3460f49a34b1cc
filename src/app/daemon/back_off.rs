//! How long this process leaves the lease alone after a term that a fault of the state ended.
//!
//! Invariant: such terms follow each other ever more slowly. Each begins with a poll of every job and
//! with an attempt at every pending delivery, so that a state to which nothing can be committed would
//! have the API and the receivers asked without end.

use std::time::Duration;

/// The time after the first such term: most faults end by themselves, or concern one machine.
const SHORTEST: Duration = Duration::from_secs(1);

/// No time is longer; a term that lasted as long was a good one.
const LONGEST: Duration = Duration::from_mins(5);

/// The times so far.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    last: Duration,
}

impl BackOff {
    /// The time after a term that lasted this long.
    pub(super) fn after(&mut self, term: Duration) -> Duration {
        let last = if term < LONGEST { self.last } else { Duration::ZERO };
        self.last = (last * 2).clamp(SHORTEST, LONGEST);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_terms_double_the_time_up_to_a_bound() {
        let mut back_off = BackOff::default();

        let times: Vec<_> = (0..12).map(|_| back_off.after(Duration::ZERO).as_secs()).collect();
        assert_eq!(times, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);

        assert_eq!(back_off.after(LONGEST), SHORTEST);
    }
}
