//! Whether the requests of a project can be made at all, as they are set up: certificates, proxies,
//! schemes.
//!
//! Invariant: a project counts as misconfigured only after failures in a row that say so, each of a
//! request that began after the one before had failed, and over some seconds. One bad server among
//! good ones, such as one that is being replaced, does not end a wait. Only a server that speaks
//! another protocol than the address says is proof at once, if the very first request finds it:
//! then nothing shows that there is a good server at all. A proxy or a login page in between may
//! pass, so what they say is no such proof ([`FailureClass::Misconfigured`]).

use std::time::Duration;

use super::{Failure, FailureClass};
use crate::model::time::Instant;

/// The number of failures in a row that confirms it.
const CONFIRMATIONS: u32 = 3;

/// The time that lies at least between the begin of the first and the end of the last.
const CONFIRMED_AFTER: Duration = Duration::from_secs(5);

/// The same trouble is logged again after this time.
const LOGGED_EVERY: Duration = Duration::from_mins(10);

/// What is known of how the requests of a project are set up.
#[derive(Debug, Clone, Default)]
pub(super) struct Misconfiguration {
    row: Option<Row>,
    /// Whether any request came to an end.
    is_tried: bool,
    /// What was logged last, and when.
    logged: Option<(Instant, String)>,
    unlogged: Option<String>,
}

/// Failures in a row.
#[derive(Debug, Clone)]
struct Row {
    since: Instant,
    last: Instant,
    count: u32,
    /// Whether it needs no confirmation.
    is_proof: bool,
    reason: String,
}

impl Misconfiguration {
    /// Takes a failure of a request that began at `began`. The caller logs one of the first request
    /// by a wrong protocol.
    pub(super) fn fail(&mut self, began: Instant, failure: &Failure, now: Instant) {
        let reason = &failure.message;
        let is_first = !std::mem::replace(&mut self.is_tried, true);
        let is_proof = is_first && failure.class == FailureClass::WrongProtocol;
        let row = self.row.get_or_insert_with(|| Row {
            since: began,
            last: now,
            count: 1,
            is_proof,
            reason: reason.clone(),
        });
        if began >= row.last && now > row.last {
            row.count = row.count.saturating_add(1);
            row.last = now;
        }
        reason.clone_into(&mut row.reason);

        let is_known = self
            .logged
            .as_ref()
            .is_some_and(|(at, logged)| logged == reason && now.since(*at) < LOGGED_EVERY);
        if !is_known {
            self.logged = Some((now, reason.clone()));
            self.unlogged = (!is_proof).then(|| reason.clone());
        }
    }

    /// What is wrong, if that is to be logged.
    pub(super) fn take_unlogged(&mut self) -> Option<String> {
        self.unlogged.take()
    }

    /// Takes an answer, or a failure that says nothing about how requests are set up.
    pub(super) fn end(&mut self) {
        self.is_tried = true;
        self.row = None;
    }

    /// What is wrong, by the last request.
    pub(super) fn suspected(&self) -> Option<&str> {
        self.row.as_ref().map(|row| row.reason.as_str())
    }

    /// What is wrong, once it is confirmed.
    pub(super) fn confirmed(&self) -> Option<&str> {
        let is_confirmed = |row: &&Row| {
            let has_lasted = row.count >= CONFIRMATIONS && row.last.since(row.since) >= CONFIRMED_AFTER;
            row.is_proof || has_lasted
        };
        self.row.as_ref().filter(is_confirmed).map(|row| row.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(class: FailureClass, message: &str) -> Failure {
        Failure { class, retry_after: None, message: message.to_owned() }
    }

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn three_in_a_row_over_five_seconds_confirm() {
        for (failures, confirmed) in [
            (&[(0, 1)][..], false),
            (&[(0, 1), (0, 6), (0, 7)], false), // under way at the first
            (&[(0, 1), (1, 2), (2, 3)], false), // too fast
            (&[(0, 1), (1, 2), (2, 3), (4, 5)], true),
            (&[(0, 1), (30, 31)], false),
            (&[(0, 1), (30, 31), (60, 61)], true),
        ] {
            let mut misconfiguration = Misconfiguration::default();
            for (began, now) in failures {
                let failure = failure(FailureClass::Misconfigured, "expired");
                misconfiguration.fail(at(*began), &failure, at(*now));
            }
            assert_eq!(misconfiguration.confirmed().is_some(), confirmed, "{failures:?}");
            assert_eq!(misconfiguration.suspected(), Some("expired"));
            misconfiguration.end();
            assert_eq!((misconfiguration.confirmed(), misconfiguration.suspected()), (None, None));
        }
    }

    #[test]
    fn a_wrong_protocol_is_proof_only_at_first() {
        let wrong = failure(FailureClass::WrongProtocol, "no TLS");
        let mut first = Misconfiguration::default();
        first.fail(at(0), &wrong, at(1));
        assert_eq!(first.take_unlogged(), None, "the caller logs it");
        assert_eq!(first.confirmed(), Some("no TLS"));

        let mut later = Misconfiguration::default();
        later.end();
        later.fail(at(2), &wrong, at(3));
        assert_eq!((later.confirmed(), later.suspected()), (None, Some("no TLS")));
        assert!(later.take_unlogged().is_some());
    }

    #[test]
    fn the_same_reason_is_logged_once_in_ten_minutes() {
        let mut misconfiguration = Misconfiguration::default();
        let mut logged = Vec::new();
        for (second, reason) in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (700, "b")] {
            misconfiguration.fail(at(second), &failure(FailureClass::Misconfigured, reason), at(second));
            logged.push(misconfiguration.take_unlogged().is_some());
            misconfiguration.end();
        }
        assert_eq!(logged, [true, false, true, false, true]);
    }
}
