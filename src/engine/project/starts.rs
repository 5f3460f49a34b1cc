//! When the open restores of a project began, so that the oldest one is known without a visit to
//! each.

use std::collections::BTreeMap;

use crate::model::time::Instant;

/// The starts of some jobs.
#[derive(Debug, Default)]
pub(super) struct Starts(BTreeMap<Instant, usize>);

impl Starts {
    pub(super) fn add(&mut self, start: Option<Instant>) {
        if let Some(start) = start {
            *self.0.entry(start).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, start: Option<Instant>) {
        let Some(start) = start else { return };
        if let Some(jobs) = self.0.get_mut(&start) {
            *jobs -= 1;
            if *jobs == 0 {
                self.0.remove(&start);
            }
        }
    }

    pub(super) fn oldest(&self) -> Option<Instant> {
        self.0.keys().next().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_oldest_start_is_that_of_a_job_that_is_left() {
        let at = |seconds| Some(Instant::after_start(Duration::from_secs(seconds)));
        let mut starts = Starts::default();
        assert_eq!(starts.oldest(), None);

        for start in [at(5), at(3), at(3), None] {
            starts.add(start);
        }
        assert_eq!(starts.oldest(), at(3));

        starts.remove(at(3));
        assert_eq!(starts.oldest(), at(3), "two began then");

        starts.remove(at(3));
        assert_eq!(starts.oldest(), at(5));

        starts.remove(at(5));
        assert_eq!(starts.oldest(), None);
    }
}
