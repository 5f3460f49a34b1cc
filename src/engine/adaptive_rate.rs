//! The request rate of one project: the configured one, or less if its server was found to take
//! less.
//!
//! Invariant: whatever was learned, the token bucket of the settings counts every request, so that
//! no window has more than they permit. A learned rate lies between [`FLOOR`] and the configured
//! one, and enough good answers lead back to that.
//!
//! The rate is cut at once if the server limits requests, and recovers gradually, because the limit
//! is not published and may change. Multiplicative decrease makes clients that share a limit come
//! to fair shares (D.-M. Chiu and R. Jain, "Analysis of the increase and decrease algorithms for
//! congestion avoidance in computer networks", 1989). The recovery is that of CUBIC (RFC 9438,
//! section 4.2) and of the adaptive mode of the AWS SDKs: soon near to the rate that was refused,
//! long just below and above it, then ever faster. Theirs takes a second or two at the rates of
//! this program, which is a refusal every few seconds; here it is stretched to [`PLATEAU`],
//! whatever the rate.

use std::num::NonZeroU32;
use std::time::Duration;

use super::snapshot::LearnedRateSnapshot;
use super::token_bucket::TokenBucket;
use crate::config::Rate;
use crate::model::time::{Instant, Now, Recorded};

/// What a refusal leaves of the rate, as in CUBIC and the AWS SDKs: the halving of older rules
/// wastes more of the limit.
const CUT: f64 = 0.7;

/// How long after a cut, in time of good answers, the refused rate is tried again. A server with a
/// limit below the configured rate refuses about one request in this time, and the rate is 0.93 of
/// the limit on average.
const PLATEAU: Duration = Duration::from_mins(10);

/// No lower rate is learned, in requests a second: 6 a minute, so that ten jobs are each polled
/// every 100 s whatever the server says. A lower rate can be configured. What a server asks for by
/// `Retry-After` has no such bound.
const FLOOR: f64 = 0.1;

/// The rate that holds, and when the next request may be made.
#[derive(Debug, Clone)]
pub(super) struct AdaptiveRate {
    token_bucket: TokenBucket,
    learned: Option<Learned>,
    /// When the last request was made.
    asked_at: Option<Instant>,
}

/// What a server was found to take. One request is made at a time at its rate, without any burst:
/// how many it takes at once is not known, only that it has just refused some.
#[derive(Debug, Clone, PartialEq)]
struct Learned {
    /// The rate it refused, in requests a second.
    refused: f64,
    /// For how long it has given good answers since then.
    good_for: Duration,
    /// Up to when that is counted.
    counted_until: Instant,
    /// What it said.
    reason: String,
}

impl AdaptiveRate {
    /// The rate of a token bucket, with what a record says of the server.
    pub(super) fn from_snapshot(
        token_bucket: TokenBucket,
        snapshot: Option<LearnedRateSnapshot>,
        record: Recorded,
    ) -> Self {
        let learned = snapshot.map(|snapshot| Learned {
            refused: snapshot.refused_per_second.clamp(FLOOR / CUT, Rate::MAX),
            good_for: snapshot.good_for,
            counted_until: record.instant(snapshot.counted_until),
            reason: snapshot.reason,
        });
        Self { token_bucket, learned, asked_at: None }
    }

    /// What is recorded of it.
    pub(super) fn snapshot(&self, now: Now) -> Option<LearnedRateSnapshot> {
        self.learned.as_ref().map(|learned| LearnedRateSnapshot {
            refused_per_second: learned.refused,
            good_for: learned.good_for,
            counted_until: now.wall_at(learned.counted_until),
            reason: learned.reason.clone(),
        })
    }

    /// From now on, these settings hold. What was learned of the server stays.
    pub(super) fn reconfigure(&mut self, rate: Rate, burst: NonZeroU32, now: Instant) {
        self.token_bucket.reconfigure(rate, burst, now);
    }

    /// The rate of the settings, in requests a second.
    pub(super) fn configured(&self) -> f64 {
        self.token_bucket.rate().per_second()
    }

    /// How many requests the settings permit at once after a pause.
    pub(super) fn burst(&self) -> u32 {
        self.token_bucket.burst()
    }

    /// The rate that holds, in requests a second.
    pub(super) fn per_second(&self) -> f64 {
        self.learned.as_ref().map_or(f64::INFINITY, Learned::per_second).min(self.configured())
    }

    /// The time from one request to the next at the rate that holds.
    pub(super) fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second())
    }

    /// What the server said when it throttled the rate of the settings, unless that holds again.
    pub(super) fn throttle_reason(&self) -> Option<&str> {
        self.learned.as_ref().map(|learned| learned.reason.as_str())
    }

    /// The server throttled a request, for this reason, and is left alone `until` then. The rate is
    /// cut if this `is_first` since it last took a request: further refusals are of the same
    /// overload.
    pub(super) fn on_throttled(&mut self, is_first: bool, reason: &str, until: Instant) {
        if is_first {
            // Not below the floor, nor for it above what is configured.
            let least = FLOOR.min(self.configured()) / CUT;
            let refused = self.per_second().max(least);
            let reason = reason.to_owned();
            self.learned = Some(Learned { refused, good_for: Duration::ZERO, counted_until: until, reason });
        } else if let Some(learned) = &mut self.learned {
            learned.counted_until = learned.counted_until.max(until);
        }
    }

    /// The server took a request. The time since its last answer is time of good answers, however
    /// long it was: what was learned ages also while nothing is asked. Returns whether the
    /// configured rate holds again by that.
    pub(super) fn on_taken(&mut self, now: Instant) -> bool {
        let configured = self.configured();
        let Some(learned) = &mut self.learned else { return false };
        learned.good_for = learned.good_for.saturating_add(now.since(learned.counted_until));
        learned.counted_until = learned.counted_until.max(now);
        // Not yet when it is reached, because it may be just what was refused: only when a further
        // cut would not be felt.
        let is_over = CUT * learned.per_second() >= configured;
        if is_over {
            self.learned = None;
        }
        is_over
    }

    /// The server neither took nor refused a request: the time since its last answer does not
    /// count.
    pub(super) fn on_failure(&mut self, now: Instant) {
        if let Some(learned) = &mut self.learned {
            learned.counted_until = learned.counted_until.max(now);
        }
    }

    /// The earliest time of the next request.
    pub(super) fn ready_at(&self) -> Instant {
        let learned = self.learned.as_ref().zip(self.asked_at);
        let learned = learned.map(|(learned, asked)| asked + learned.interval());
        learned.map_or(self.token_bucket.ready_at(), |learned| learned.max(self.token_bucket.ready_at()))
    }

    /// How long it takes from `now` until the last of `requests` further requests may be made, at
    /// the rate that holds.
    pub(super) fn time_for(&self, requests: u32, now: Instant) -> Duration {
        let learned = self.learned.as_ref().map_or(Duration::ZERO, |learned| {
            let wait = self.ready_at().since(now);
            wait.saturating_add(learned.interval().saturating_mul(requests.saturating_sub(1)))
        });
        self.token_bucket.time_for(requests, now).max(learned)
    }

    /// Counts a request made at `now`, which is not before [`AdaptiveRate::ready_at`].
    pub(super) fn take(&mut self, now: Instant) {
        self.token_bucket.take(now);
        self.asked_at = Some(now);
    }
}

impl Learned {
    /// The rate for which there has been time of good answers, in requests a second: the configured
    /// one may be lower.
    fn per_second(&self) -> f64 {
        let time = self.good_for.as_secs_f64() / PLATEAU.as_secs_f64();
        self.refused * (1.0 + (1.0 - CUT) * (time - 1.0).powi(3))
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.per_second())
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "a rate that is back is the configured one, to the bit")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    fn adaptive_rate(rate: f64, burst: u32) -> AdaptiveRate {
        let now = Now { instant: at(0), wall: "2026-11-23T12:00:00Z".parse().unwrap() };
        let token_bucket = TokenBucket::new(Rate::new(rate).unwrap(), NonZeroU32::new(burst).unwrap());
        AdaptiveRate::from_snapshot(token_bucket, None, Recorded::new(now.wall, now))
    }

    /// The rate after each of so many minutes of good answers.
    fn rates(adaptive_rate: &mut AdaptiveRate, from: u64, minutes: u64) -> Vec<f64> {
        let mut rates = Vec::new();
        for minute in 1..=minutes {
            adaptive_rate.on_taken(at(from + 60 * minute));
            rates.push((100.0 * adaptive_rate.per_second()).round() / 100.0);
        }
        rates
    }

    #[test]
    fn a_cut_rate_recovers() {
        let mut adaptive_rate = adaptive_rate(2.0, 4);
        assert!(!adaptive_rate.on_taken(at(1)), "it held before");
        adaptive_rate.on_throttled(true, "429", at(30));
        assert_eq!((adaptive_rate.per_second(), adaptive_rate.throttle_reason()), (1.4, Some("429")));
        adaptive_rate.on_throttled(false, "again", at(60));
        assert_eq!(
            (adaptive_rate.per_second(), adaptive_rate.throttle_reason()),
            (1.4, Some("429")),
            "one cut"
        );
        let rates = rates(&mut adaptive_rate, 60, 22);
        assert_eq!(rates[..10], [1.56, 1.69, 1.79, 1.87, 1.93, 1.96, 1.98, 2.0, 2.0, 2.0]);
        assert_eq!(adaptive_rate.throttle_reason(), None, "it held for long enough");
    }

    #[test]
    fn the_rate_recovers_from_the_floor_within_the_hour() {
        for (rate, floor) in [(1000.0, 0.1), (2.0, 0.1), (0.1, 0.1), (0.01, 0.01)] {
            let mut adaptive_rate = adaptive_rate(rate, 4);
            for n in 0..60 {
                adaptive_rate.on_throttled(true, "429", at(n));
            }
            assert!(
                (adaptive_rate.per_second() - floor).abs() < 1e-9,
                "{rate}: {}",
                adaptive_rate.per_second()
            );
            let hours = if rate > 2.0 { 6 } else { 1 };
            rates(&mut adaptive_rate, 60, 60 * hours);
            assert_eq!((adaptive_rate.per_second(), adaptive_rate.throttle_reason()), (rate, None));
        }
    }

    #[test]
    fn only_good_answers_restore_the_rate() {
        let mut adaptive_rate = adaptive_rate(2.0, 4);
        adaptive_rate.on_throttled(true, "429", at(0));
        for n in 1..1000 {
            adaptive_rate.on_failure(at(60 * n));
        }
        adaptive_rate.on_taken(at(60_000));
        assert!(
            adaptive_rate.per_second() < 1.6,
            "only the last minute counts: {}",
            adaptive_rate.per_second()
        );
    }

    #[test]
    fn a_cut_rate_has_no_burst() {
        let mut adaptive_rate = adaptive_rate(2.0, 4);
        adaptive_rate.on_throttled(true, "429", at(30));
        adaptive_rate.take(at(30));
        assert_eq!(adaptive_rate.ready_at().since(at(30)).as_millis(), 714);
        assert_eq!(adaptive_rate.time_for(8, at(30)).as_secs_f64().round(), 6.0);
        adaptive_rate.on_taken(at(4000));
        assert!(adaptive_rate.ready_at() <= at(100), "and the whole burst later");
    }

    #[test]
    fn other_settings_keep_what_was_learned() {
        let mut adaptive_rate = adaptive_rate(2.0, 4);
        adaptive_rate.on_throttled(true, "429", at(0));
        let burst = NonZeroU32::new(4).unwrap();
        for (rate, holds) in [(10.0, 1.4), (1.0, 1.0), (2.0, 1.4)] {
            adaptive_rate.reconfigure(Rate::new(rate).unwrap(), burst, at(0));
            assert_eq!(adaptive_rate.per_second(), holds);
        }
        adaptive_rate.reconfigure(Rate::new(0.9).unwrap(), burst, at(0));
        assert!(adaptive_rate.on_taken(at(1)), "what is configured now is far below what was refused");
    }

    #[test]
    fn a_snapshot_keeps_what_was_learned() {
        let mut before = adaptive_rate(2.0, 4);
        before.on_throttled(true, "429", at(10));
        before.on_taken(at(70));
        let now = Now { instant: at(100), wall: "2026-11-23T12:00:00Z".parse().unwrap() };
        let snapshot = before.snapshot(now);
        let token_bucket = before.token_bucket.clone();
        let record = Recorded::new(now.wall, now);
        let mut after = AdaptiveRate::from_snapshot(token_bucket.clone(), snapshot.clone(), record);
        assert_eq!(after.learned, before.learned);
        // Written by a clock that was years ahead.
        let year = Duration::from_hours(24 * 365);
        let absurd = snapshot.map(|snapshot| LearnedRateSnapshot {
            refused_per_second: -1.0,
            counted_until: snapshot.counted_until + 40 * year,
            ..snapshot
        });
        let mut odd =
            AdaptiveRate::from_snapshot(token_bucket, absurd, Recorded::new(now.wall + 40 * year, now));
        assert!(odd.per_second() >= FLOOR);
        for adaptive_rate in [&mut after, &mut odd] {
            adaptive_rate.on_taken(at(100 + 3600));
            assert_eq!(adaptive_rate.per_second(), 2.0, "an hour later, little is left of it");
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum Happening {
        Ask(u64),
        Refused(bool),
        Taken,
        Failed,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            8 => (0_u64..3000).prop_map(Happening::Ask),
            1 => any::<bool>().prop_map(Happening::Refused),
            2 => Just(Happening::Taken),
            1 => Just(Happening::Failed),
        ];
        prop::collection::vec(one, 2..200)
    }

    proptest! {
        #[test]
        fn the_configured_rate_is_never_exceeded_and_comes_back(
            rate in 0.05..200.0,
            burst in 1u32..20,
            happenings in happenings(),
        ) {
            let mut adaptive_rate = adaptive_rate(rate, burst);
            let mut clock = at(0);
            let mut sent = Vec::new();
            for happening in &happenings {
                match *happening {
                    Happening::Ask(pause) => {
                        clock = (clock + Duration::from_millis(pause)).max(adaptive_rate.ready_at());
                        let due = adaptive_rate.time_for(1, clock);
                        prop_assert_eq!(due, Duration::ZERO);
                        adaptive_rate.take(clock);
                        sent.push(clock);
                    }
                    Happening::Refused(is_first) => adaptive_rate.on_throttled(is_first, "429", clock),
                    Happening::Taken => drop(adaptive_rate.on_taken(clock)),
                    Happening::Failed => adaptive_rate.on_failure(clock),
                }
                let holds = adaptive_rate.per_second();
                prop_assert!(holds <= rate && holds >= FLOOR.min(rate) - 1e-9, "{holds}");
            }
            for (i, from) in sent.iter().enumerate() {
                for (n, to) in (1u32..).zip(&sent[i..]) {
                    let allowed = f64::from(burst) + to.since(*from).as_secs_f64() * rate;
                    prop_assert!(f64::from(n) <= allowed + 1e-9, "{n} in {:?}", to.since(*from));
                }
            }
            for _ in 0..180 {
                clock = clock + Duration::from_mins(1);
                adaptive_rate.on_taken(clock);
            }
            prop_assert_eq!((adaptive_rate.per_second(), adaptive_rate.throttle_reason()), (rate, None));
        }
    }
}
