//! What an answer without success means for a delivery, by its status, and in words.

use reqwest::StatusCode;

use crate::engine::{FailureClass, Rejection};

/// What follows from this status. What is in no line may pass.
pub(super) fn class_of(status: StatusCode) -> FailureClass {
    match status.as_u16() {
        400 | 413 | 415 | 422 => FailureClass::Rejected(Rejection::Body),
        401 | 403 => FailureClass::Rejected(Rejection::Credentials),
        // A redirect is never followed. One that calls itself temporary may be a page about
        // maintenance.
        301 | 308 | 404 | 405 => FailureClass::Rejected(Rejection::Address),
        410 => FailureClass::Gone,
        429 => FailureClass::Throttled,
        _ => FailureClass::Transient,
    }
}

/// What a receiver rejects, for any type of sink.
pub fn rejection_in_words(rejection: Rejection) -> &'static str {
    match rejection {
        Rejection::Body => "its receiver refuses the body",
        Rejection::Credentials => "its receiver refuses the credentials",
        Rejection::Address => "its receiver does not know the address",
        Rejection::Connection => "its receiver refuses the connection",
        Rejection::Command => "its command cannot be run",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_retry_can_mend_is_rejected() {
        let of = |class| {
            let statuses =
                (300..=599).filter(move |status| class_of(StatusCode::from_u16(*status).unwrap()) == class);
            statuses.collect::<Vec<u16>>()
        };

        assert_eq!(of(FailureClass::Rejected(Rejection::Body)), [400, 413, 415, 422]);
        assert_eq!(of(FailureClass::Rejected(Rejection::Credentials)), [401, 403]);
        assert_eq!(of(FailureClass::Rejected(Rejection::Address)), [301, 308, 404, 405]);
        assert_eq!(of(FailureClass::Gone), [410]);
        assert_eq!(of(FailureClass::Throttled), [429]);
        let passing = of(FailureClass::Transient);
        assert!([302, 307, 408, 425, 500, 502, 503, 504].iter().all(|status| passing.contains(status)));
    }
}
