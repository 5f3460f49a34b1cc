//! The statuses of a job that this program does not know.
//!
//! Invariant: each is reported once, whatever its letter case, and no more than a few of one job: a
//! server may make up ever new ones.

use crate::model::Status;

const MAX_REPORTED: usize = 16;

/// Those that were reported, in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct UnknownStatuses(Vec<String>);

impl UnknownStatuses {
    pub(super) fn restored(reported: Vec<String>) -> Self {
        Self(reported)
    }

    pub(super) fn reported(&self) -> &[String] {
        &self.0
    }

    /// Returns the status if it is to be reported.
    pub(super) fn first_sight(&mut self, status: Status) -> Option<Status> {
        let Status::Other(text) = &status else { return None };
        let text = text.to_lowercase();
        if self.0.contains(&text) || self.0.len() >= MAX_REPORTED {
            return None;
        }
        self.0.push(text);
        Some(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unknown_status_is_reported_once() {
        let mut unknown = UnknownStatuses::default();

        let mut is_reported = |text: &str| unknown.first_sight(Status::parse(text)).is_some();

        assert!(is_reported("Running"));
        assert!(!is_reported("RUNNING"));
        assert!(!is_reported("Pending"), "it is known");
    }

    #[test]
    fn made_up_statuses_are_reported_a_few_times() {
        let mut unknown = UnknownStatuses::default();

        let reported = (0..100).filter_map(|n| unknown.first_sight(Status::parse(&format!("Made-up-{n}"))));

        assert_eq!(reported.count(), MAX_REPORTED);
    }
}
