//! When a project may be asked anything: its rate, the server's `Retry-After`, and pauses.
//!
//! Invariant: no request is made before the adaptive rate permits it, while the server asks to be
//! left alone, or while the project is paused.

use jiff::Timestamp;

use super::throttling::{Refused, Throttle, Throttling};
use crate::config::ApiSettings;
use crate::engine::adaptive_rate::AdaptiveRate;
use crate::engine::context::Cx;
use crate::engine::retry::Backoff;
use crate::engine::snapshot::{LearnedRateSnapshot, ThrottleSnapshot};
use crate::engine::token_bucket::TokenBucket;
use crate::engine::{Diagnostic, Failure};
use crate::model::JobId;
use crate::model::time::{Instant, Now, Recorded};

/// Decides when the next request may be made.
#[derive(Debug)]
pub(super) struct RequestGate {
    rate: AdaptiveRate,
    /// Whether a cut of the rate was reported, and its end was not.
    is_cut_reported: bool,
    /// No request before this time, whatever the rate permits.
    held_until: Instant,
    throttling: Throttling,
    paused_since: Option<Now>,
    /// From when on nothing but the server's wishes has delayed polls: not a pause, a suspension of
    /// the machine or an unauthorized key.
    free_since: Instant,
    is_dirty: bool,
}

/// What a record says of the gate.
#[derive(Debug)]
pub(super) struct GateSnapshot {
    pub(super) throttled: Option<ThrottleSnapshot>,
    pub(super) learned: Option<LearnedRateSnapshot>,
    pub(super) paused_since: Option<Timestamp>,
}

impl RequestGate {
    /// The gate of these settings, as a record left it. `rate` is what this process already knows.
    pub(super) fn from_snapshot(
        settings: &ApiSettings,
        snapshot: GateSnapshot,
        rate: Option<AdaptiveRate>,
        record: Recorded,
    ) -> Self {
        let now = record.now();
        let (per_second, burst) = (settings.requests_per_second, settings.burst);
        let token_bucket = || TokenBucket::new(per_second, burst);
        let mut rate =
            rate.unwrap_or_else(|| AdaptiveRate::from_snapshot(token_bucket(), snapshot.learned, record));
        rate.reconfigure(per_second, burst, now);
        let throttling = Throttling::from_snapshot(snapshot.throttled, record);

        Self {
            is_cut_reported: rate.throttle_reason().is_some(),
            rate,
            held_until: throttling.ends_at(now),
            throttling,
            paused_since: snapshot.paused_since.map(|wall| record.reading(wall)),
            free_since: now,
            is_dirty: false,
        }
    }

    pub(super) fn snapshot(&self, now: Now) -> GateSnapshot {
        GateSnapshot {
            throttled: self.throttling.snapshot(now),
            learned: self.rate.snapshot(now),
            paused_since: self.paused_since.map(|since| since.wall),
        }
    }

    /// Whether a record is to be written since this was asked last.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    pub(super) fn reconfigure(&mut self, settings: &ApiSettings, now: Instant) {
        self.rate.reconfigure(settings.requests_per_second, settings.burst, now);
    }

    pub(super) fn rate(&self) -> &AdaptiveRate {
        &self.rate
    }

    /// The earliest time of the next request.
    pub(super) fn opens_at(&self) -> Instant {
        self.held_until.max(self.rate.ready_at())
    }

    /// Until when no request may be made, whatever the rate permits.
    pub(super) fn held_until(&self) -> Instant {
        self.held_until
    }

    /// Counts a request made at `now`.
    pub(super) fn pass(&mut self, now: Instant) {
        self.rate.take(now);
    }

    /// Makes no request before `at`.
    pub(super) fn hold_until(&mut self, at: Instant) {
        self.held_until = self.held_until.max(at);
    }

    /// Ends every hold but that of a server that limits requests.
    pub(super) fn release(&mut self, now: Instant) {
        self.held_until = self.throttling.ends_at(now);
    }

    /// Ends every hold: the key was unauthorized and is accepted again.
    pub(super) fn reopen(&mut self, now: Instant) {
        self.held_until = now;
        self.free_since = now;
    }

    pub(super) fn free_since(&self) -> Instant {
        self.free_since
    }

    /// Delays up to now do not count: nothing could be done.
    pub(super) fn count_delays_from(&mut self, now: Instant) {
        self.free_since = now;
    }

    /// The server limits a request that began at `began`. It is left alone for as long as it asks,
    /// or with exponential backoff if it does not say how long. The rate is cut once for each row
    /// of such answers: a server that counts by the minute may go on refusing until the minute is
    /// over.
    pub(super) fn on_throttled(&mut self, began: Instant, failure: &Failure, cx: &mut Cx<'_>) -> Refused {
        let now = cx.now.instant;
        let (pause, reason) = (failure.pause(cx.now), failure.message.as_str());
        let is_first = self.throttling.count(began, now);
        let is_backoff = pause.is_zero();
        let pause =
            if is_backoff { Backoff::POLL.delay(self.throttling.in_a_row(), pause, cx.rng) } else { pause };

        self.hold_until(now + pause);
        let throttle = Throttle { until: self.held_until, reason: reason.to_owned(), is_backoff };
        let refused = self.throttling.begin(throttle, is_first, now);

        let is_cut = is_first && self.throttling.in_a_row() == 1;
        self.rate.on_throttled(is_cut, reason, self.held_until);
        self.is_dirty = true;
        self.report_rate(cx);
        refused
    }

    /// The server took a request that began at `began`. Returns the jobs that were throttled and
    /// from now on only wait for their turn.
    pub(super) fn on_taken(&mut self, began: Instant, cx: &mut Cx<'_>) -> Vec<JobId> {
        let freed = self.throttling.on_taken(began);
        self.is_dirty |= self.rate.on_taken(cx.now.instant);
        self.report_rate(cx);
        freed
    }

    /// A request failed in a way that says nothing about what the server takes.
    pub(super) fn on_failure(&mut self, now: Instant) {
        self.rate.on_failure(now);
    }

    pub(super) fn throttling(&self) -> &Throttling {
        &self.throttling
    }

    /// A job cannot be polled because the server limits requests.
    pub(super) fn mark_throttled(&mut self, id: &JobId) {
        self.throttling.mark(id);
    }

    /// A job was polled, or left. Returns whether it was marked.
    pub(super) fn clear_throttled(&mut self, id: &JobId) -> bool {
        self.throttling.clear(id)
    }

    pub(super) fn paused_since(&self) -> Option<Now> {
        self.paused_since
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused_since.is_some()
    }

    /// Closes until [`RequestGate::resume`]. Returns whether it was open.
    pub(super) fn pause(&mut self, now: Now) -> bool {
        let is_new = self.paused_since.is_none();
        self.paused_since.get_or_insert(now);
        self.is_dirty |= is_new;
        is_new
    }

    /// Opens after [`RequestGate::pause`]. Returns whether it was paused.
    pub(super) fn resume(&mut self, now: Instant) -> bool {
        if self.paused_since.take().is_none() {
            return false;
        }
        self.is_dirty = true;
        self.free_since = now;
        true
    }

    /// Reports once that the rate was cut, and once that the configured one holds again.
    fn report_rate(&mut self, cx: &mut Cx<'_>) {
        let throttled = self.rate.throttle_reason();
        if throttled.is_some() == self.is_cut_reported {
            return;
        }
        self.is_cut_reported = throttled.is_some();
        let per_second = self.rate.per_second();
        cx.report(|project| match throttled {
            Some(reason) => {
                let (configured, reason) = (self.rate.configured(), reason.to_owned());
                Diagnostic::RateCut { project, per_second, configured, reason }
            }
            None => Diagnostic::RateRestored { project, per_second },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::FailureClass;
    use crate::engine::context::Effect;
    use crate::engine::retry::RetryAfter;

    fn at(seconds: u64) -> Now {
        let wall: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let elapsed = Duration::from_secs(seconds);
        Now { instant: Instant::after_start(elapsed), wall: wall + elapsed }
    }

    fn gate() -> RequestGate {
        let snapshot = GateSnapshot { throttled: None, learned: None, paused_since: None };
        RequestGate::from_snapshot(&ApiSettings::default(), snapshot, None, Recorded::new(at(0).wall, at(0)))
    }

    fn throttle(gate: &mut RequestGate, began: u64, now: u64, seconds: Option<u64>) -> Vec<Effect> {
        let retry_after = seconds.map(|seconds| RetryAfter::For(Duration::from_secs(seconds)));
        let failure = Failure { class: FailureClass::Throttled, retry_after, message: "429".to_owned() };
        Cx::run(at(now), |cx| gate.on_throttled(at(began).instant, &failure, cx)).1
    }

    #[test]
    fn retry_after_closes_the_gate() {
        let mut gate = gate();

        throttle(&mut gate, 1, 2, Some(30));

        assert_eq!(gate.opens_at(), at(32).instant);
        assert!(gate.take_dirty() && !gate.take_dirty());
    }

    #[test]
    fn a_row_of_refusals_is_reported_once_and_so_is_its_end() {
        let mut gate = gate();

        assert_eq!(throttle(&mut gate, 1, 2, Some(30)).len(), 1);
        assert_eq!(throttle(&mut gate, 1, 3, Some(30)), []);
        assert_eq!(throttle(&mut gate, 33, 34, Some(30)), []);

        let ((), effects) = Cx::run(at(3 * 3600), |cx| drop(gate.on_taken(at(100).instant, cx)));
        assert!(matches!(&effects[..], [Effect::Diagnostic(Diagnostic::RateRestored { .. })]));
    }

    #[test]
    fn release_keeps_what_the_server_asked_for() {
        let mut gate = gate();
        throttle(&mut gate, 1, 2, Some(30));
        gate.hold_until(at(900).instant);

        gate.release(at(5).instant);

        assert_eq!(gate.held_until(), at(32).instant);
    }

    #[test]
    fn a_pause_counts_from_its_first_request() {
        let mut gate = gate();

        assert!(gate.pause(at(5)) && !gate.pause(at(6)));
        assert_eq!(gate.paused_since(), Some(at(5)));
        assert!(gate.resume(at(7).instant) && !gate.resume(at(8).instant));
        assert_eq!(gate.free_since(), at(7).instant);
    }
}
