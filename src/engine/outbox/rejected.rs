//! How long a delivery is attempted that the receiver rejects as it is.
//!
//! Invariant: it is attempted no more often and no later than other deliveries of its sink, and its
//! attempts end within minutes. What no retry can mend needs a person, who learns of it by a dead
//! letter.

use std::time::Duration;

use crate::engine::cadence::jittered;
use crate::engine::retry::RetrySchedule;
use crate::model::time::Instant;

/// The time from the first rejection of a delivery to its last attempt. A deployment of the
/// receiver and the rotation of a token are over by then.
const LIMIT: Duration = Duration::from_mins(5);

/// The longest delay between two attempts, so that there are a few of them within [`LIMIT`],
/// wherever in its schedule the delivery is.
const LONGEST_DELAY: Duration = Duration::from_mins(1);

/// Rejections before there is none left, even if pauses that the receiver asked for outlast
/// [`LIMIT`].
const LEAST: u32 = 3;

/// How a delivery was rejected so far, without a failure of another kind in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rejections {
    pub(super) since: Instant,
    pub(super) count: u32,
}

impl Rejections {
    pub(super) fn new(since: Instant) -> Self {
        Self { since, count: 0 }
    }
}

/// The delay after this many failed attempts, the last of which was rejected `now`; none if there
/// is no further attempt. Not less than `floor`, the server's `Retry-After`, which may postpone an
/// attempt beyond the limit.
pub(super) fn delay(
    schedule: &RetrySchedule,
    attempts: u32,
    rejections: Rejections,
    floor: Duration,
    now: Instant,
    rng: &mut fastrand::Rng,
) -> Option<Duration> {
    let usual = schedule.delay(attempts, Duration::ZERO, rng)?;
    let delay = usual.min(jittered(LONGEST_DELAY, rng));
    let is_in_time = now.since(rejections.since) + delay <= LIMIT;
    (is_in_time || rejections.count < LEAST).then(|| delay.max(floor))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn delays_are_short_and_end_within_minutes() {
        let usual = RetrySchedule::new(vec![seconds(5), seconds(300), seconds(1800)]);
        let mut rng = fastrand::Rng::with_seed(1);
        for (attempts, count, since_first, floor, expected) in [
            (1, 1, 0, 0, Some(4..=6)),
            (2, 2, 5, 0, Some(54..=66)),
            (3, 3, 200, 0, Some(54..=66)),
            // The next one would be too late.
            (3, 3, 250, 0, None),
            (3, 3, 100_000, 0, None),
            // The schedule of the sink has no more.
            (4, 1, 5, 0, None),
            // The receiver asks for a pause.
            (2, 2, 5, 900, Some(900..=900)),
            (3, 3, 250, 900, None),
            // Such pauses take no attempt away.
            (2, 2, 3600, 900, Some(900..=900)),
        ] {
            let rejections = Rejections { since: Instant::default(), count };
            let now = Instant::default() + seconds(since_first);
            let found = delay(&usual, attempts, rejections, seconds(floor), now, &mut rng);

            let is_expected = match (found, &expected) {
                (Some(delay), Some(range)) => range.contains(&delay.as_secs()),
                (found, range) => found.is_none() && range.is_none(),
            };
            assert!(is_expected, "{attempts} {since_first} {floor}: {found:?}, not {expected:?}");
        }
    }
}
