//! The progress lines of a wait, folded into one where the host of a pipeline can do that.
//!
//! Invariant: a fold that was begun is ended before anything else is said, however the wait ends.

use crate::ci::Section;
use crate::clock::Clock;
use crate::output::Output;

/// A fold; it ends when it is dropped.
pub(super) struct Fold<'a> {
    section: Section,
    people: &'a Output,
    clock: Clock,
}

impl<'a> Fold<'a> {
    /// Begins one over the progress of so many restores.
    pub(super) fn begin(section: Section, restores: usize, people: &'a Output, clock: Clock) -> Self {
        people.command(section.begin(restores, clock.now().wall));
        Self { section, people, clock }
    }
}

impl Drop for Fold<'_> {
    fn drop(&mut self) {
        self.people.command(self.section.end(self.clock.now().wall));
    }
}
