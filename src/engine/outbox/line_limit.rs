//! Limits how many lines about failed deliveries of one sink are logged.
//!
//! Invariant: the first lines are logged, then one a minute at most, and each knows how many were
//! left out before it. A thousand deliveries to a dead receiver fail for one reason.

use std::time::Duration;

use crate::model::time::Instant;

/// Lines that are logged at once.
const BURST: u32 = 5;

/// The time in which one more line is permitted.
const INTERVAL: Duration = Duration::from_mins(1);

/// How many lines are logged about the deliveries of a sink, apart by how bad they are.
#[derive(Debug)]
pub(super) struct Lines {
    /// About first attempts that failed.
    pub(super) first: LineLimit,
    /// About further attempts that failed.
    pub(super) repeated: LineLimit,
    /// About dead letters.
    pub(super) dead: LineLimit,
    /// About deliveries that expired.
    pub(super) expired: LineLimit,
}

/// A token bucket of lines.
#[derive(Debug)]
pub(super) struct LineLimit {
    left: u32,
    /// Up to when `left` is counted.
    counted_at: Instant,
    left_out: usize,
}

impl Lines {
    pub(super) fn new(now: Instant) -> Self {
        let new = || LineLimit::new(now);
        Self { first: new(), repeated: new(), dead: new(), expired: new() }
    }
}

impl LineLimit {
    fn new(now: Instant) -> Self {
        Self { left: BURST, counted_at: now, left_out: 0 }
    }

    /// Takes one line: the number of those that were left out before it, or none if this one is
    /// left out, too.
    pub(super) fn take(&mut self, now: Instant) -> Option<usize> {
        while self.left < BURST && now.since(self.counted_at) >= INTERVAL {
            self.left += 1;
            self.counted_at = self.counted_at + INTERVAL;
        }
        if self.left == BURST {
            self.counted_at = now;
        }

        if self.left == 0 {
            self.left_out += 1;
            return None;
        }
        self.left -= 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_one_line_a_minute_counts_the_others() {
        let at = |seconds| Instant::after_start(Duration::from_secs(seconds));
        let mut limit = LineLimit::new(at(0));

        let burst: Vec<_> = (0..100).map(|_| limit.take(at(1))).collect();
        let logged: Vec<_> = burst.iter().flatten().copied().collect();
        assert_eq!(logged, [0; 5]);
        assert_eq!([limit.take(at(60)), limit.take(at(61)), limit.take(at(62))], [None, Some(96), None]);

        let much_later: Vec<_> = (0..10).filter_map(|_| limit.take(at(86_400))).collect();
        assert_eq!(much_later, [1, 0, 0, 0, 0]);
    }
}
