//! Whether the API can be used with the project's key, as requests are set up.
//!
//! Invariant: a refusal counts only if it is of the key that is in use, and only together with one
//! that came some seconds before; a failure of the setup counts only in a row of such failures.

use std::time::Duration;

use crate::config::WatchSettings;
use crate::engine::access::{Access, Refusal};
use crate::engine::context::Cx;
use crate::engine::misconfiguration::Misconfiguration;
use crate::engine::{Diagnostic, Failure, FailureClass};
use crate::model::EventKind;
use crate::model::time::Instant;

/// How long a first refusal is left alone at least before it is confirmed, unless jobs are polled
/// more often.
pub(super) const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// How many times as long as one of the API a refusal without a body of the API counts as trouble
/// that passes.
const BLOCKED_FACTOR: u32 = 12;

/// What is known of the key, and of the setup of requests.
#[derive(Debug)]
pub(super) struct KeyState {
    access: Access,
    misconfiguration: Misconfiguration,
    /// When the key was set that is in use; refusals of polls that began earlier do not count.
    in_use_since: Option<Instant>,
    /// How far apart two refusals are that count.
    grace: Duration,
    is_dirty: bool,
}

impl KeyState {
    /// The state of a record that says why the key is unauthorized, if it is.
    pub(super) fn from_snapshot(unauthorized: Option<String>, watch: &WatchSettings) -> Self {
        Self {
            access: Access::from_snapshot(unauthorized),
            misconfiguration: Misconfiguration::default(),
            in_use_since: None,
            grace: watch.unauthorized_grace,
            is_dirty: false,
        }
    }

    /// Whether a record is to be written since this was asked last.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Other settings hold: the setup may be what changed.
    pub(super) fn reconfigure(&mut self, watch: &WatchSettings) {
        self.grace = watch.unauthorized_grace;
        self.misconfiguration.end();
    }

    pub(super) fn access(&self) -> &Access {
        &self.access
    }

    pub(super) fn misconfiguration(&self) -> &Misconfiguration {
        &self.misconfiguration
    }

    /// Refusals of polls that began before now do not count: the key may be another one.
    pub(super) fn replace(&mut self, now: Instant) {
        self.in_use_since = Some(now);
    }

    /// Takes what a failed request that began at `began` says of the setup.
    pub(super) fn on_setup_failure(&mut self, began: Instant, failure: &Failure, cx: &mut Cx<'_>) {
        if !failure.class.is_of_setup() {
            self.misconfiguration.end();
            return;
        }
        self.misconfiguration.fail(began, failure, cx.now.instant);
        if let Some(reason) = self.misconfiguration.take_unlogged() {
            cx.report(|project| Diagnostic::Misconfigured { project, reason });
        }
    }

    /// The API answered: the setup is good.
    pub(super) fn on_answer(&mut self) {
        self.misconfiguration.end();
    }

    /// Whether this is a refusal of the key that was in use before.
    pub(super) fn is_outdated(&self, class: FailureClass, began: Instant) -> bool {
        class.is_refusal() && self.in_use_since.is_some_and(|since| began < since)
    }

    /// How far apart two refusals are at least that count, if the second is of this class. A final
    /// poll has no time to lose.
    pub(super) fn refusals_apart(&self, class: FailureClass, is_final_poll: bool) -> Option<Duration> {
        match class {
            FailureClass::Unauthorized if is_final_poll => Some(Duration::ZERO),
            FailureClass::Unauthorized => Some(self.grace),
            FailureClass::Blocked => Some(self.grace.saturating_mul(BLOCKED_FACTOR)),
            _ => None,
        }
    }

    /// Takes a refusal of the key by a request that began at `began`.
    pub(super) fn refuse(
        &mut self,
        began: Instant,
        failure: &Failure,
        is_final_poll: bool,
        cx: &mut Cx<'_>,
    ) -> Refusal {
        let apart = self.refusals_apart(failure.class, is_final_poll).unwrap_or_default();
        let refusal = self.access.refuse(began, apart, &failure.message, cx.now.instant);
        if refusal == Refusal::Confirmed {
            self.is_dirty = true;
            cx.emit_for_project(EventKind::ProjectUnauthorized, Some(failure.message.clone()));
        }
        refusal
    }

    /// Takes an answer that shows that the key is accepted. Returns whether it was unauthorized.
    pub(super) fn accept(&mut self, cx: &mut Cx<'_>) -> bool {
        let was_unauthorized = self.access.accept();
        if was_unauthorized {
            self.is_dirty = true;
            cx.emit_for_project(EventKind::ProjectRecovered, None);
        }
        was_unauthorized
    }

    /// Takes a failure that says nothing about the key.
    pub(super) fn on_inconclusive_failure(&mut self) {
        self.access.interrupt();
    }

    /// How long to wait before a first refusal is confirmed, where the shortest interval between
    /// polls is `fastest`.
    pub(super) fn confirm_after(&self, fastest: Duration) -> Duration {
        // A long grace is no reason to ask nothing: one that is still early is followed by another.
        let grace = self.grace.min(WatchSettings::MAX_UNAUTHORIZED_GRACE);
        grace.max(fastest.min(CONFIRM_AFTER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::context::Effect;
    use crate::model::time::Now;

    fn at(seconds: u64) -> Now {
        let instant = Instant::after_start(Duration::from_secs(seconds));
        Now { instant, wall: "2026-11-23T12:00:00Z".parse().unwrap() }
    }

    fn failure(class: FailureClass) -> Failure {
        Failure { class, retry_after: None, message: "no".to_owned() }
    }

    fn key() -> KeyState {
        let watch = WatchSettings { unauthorized_grace: Duration::from_secs(5), ..WatchSettings::default() };
        KeyState::from_snapshot(None, &watch)
    }

    fn refuse(key: &mut KeyState, class: FailureClass, second: u64) -> (Refusal, Vec<Effect>) {
        let began = at(second).instant;
        Cx::run(at(second + 1), |cx| key.refuse(began, &failure(class), false, cx))
    }

    #[test]
    fn a_second_refusal_emits_unauthorized_once() {
        let mut key = key();

        assert_eq!(refuse(&mut key, FailureClass::Unauthorized, 0), (Refusal::First, Vec::new()));
        let (refusal, effects) = refuse(&mut key, FailureClass::Unauthorized, 10);
        assert_eq!(refusal, Refusal::Confirmed);
        assert!(matches!(&effects[..], [Effect::ProjectEvent { kind: EventKind::ProjectUnauthorized, .. }]));
        assert_eq!(refuse(&mut key, FailureClass::Unauthorized, 20), (Refusal::Again, Vec::new()));

        assert!(key.take_dirty() && !key.is_dirty());
    }

    #[test]
    fn a_gateway_is_given_a_dozen_times_as_long() {
        let mut key = key();
        refuse(&mut key, FailureClass::Blocked, 0);

        assert_eq!(refuse(&mut key, FailureClass::Blocked, 50).0, Refusal::Early);
        assert_eq!(refuse(&mut key, FailureClass::Blocked, 70).0, Refusal::Confirmed);
    }

    #[test]
    fn refusals_of_the_key_before_are_outdated() {
        let mut key = key();
        key.replace(at(10).instant);

        assert!(key.is_outdated(FailureClass::Unauthorized, at(9).instant));
        assert!(!key.is_outdated(FailureClass::Unauthorized, at(10).instant));
        assert!(!key.is_outdated(FailureClass::NotFound, at(9).instant));
    }

    #[test]
    fn a_setup_failure_is_reported_once() {
        let mut key = key();
        let failure = failure(FailureClass::Misconfigured);
        let mut fail =
            |second| Cx::run(at(second), |cx| key.on_setup_failure(at(second).instant, &failure, cx)).1.len();

        assert_eq!([fail(1), fail(2), fail(3)], [1, 0, 0]);
    }
}
