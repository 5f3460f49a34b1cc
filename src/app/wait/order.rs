//! The order in which the jobs of a wait were named.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::model::{JobId, natural_order};

/// The places of the jobs that were named.
#[derive(Debug, Clone, Default)]
pub(super) struct Order(HashMap<JobId, usize>);

/// The place of a job: those that were named come first, as they were, and then those that were
/// found, by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place(Option<usize>);

impl Order {
    pub(super) fn of(named: &[JobId]) -> Self {
        Self(named.iter().cloned().zip(0..).collect())
    }

    pub(super) fn place(&self, job: &JobId) -> Place {
        Place(self.0.get(job).copied())
    }
}

impl Place {
    /// Compares the places of two jobs of these names.
    pub(super) fn compare(self, name: &str, other: Self, other_name: &str) -> Ordering {
        match (self.0, other.0) {
            (Some(place), Some(other)) => place.cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => natural_order(name, other_name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_jobs_come_first_as_they_were_named() {
        let id = |id: &str| JobId::new(id).unwrap();
        let order = Order::of(&[id("z"), id("a")]);
        let mut jobs = ["found-10", "a", "found-9", "z"];

        jobs.sort_by(|a, b| order.place(&id(a)).compare(a, order.place(&id(b)), b));

        assert_eq!(jobs, ["z", "a", "found-9", "found-10"]);
    }
}
