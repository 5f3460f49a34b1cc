//! The progress lines of a wait, folded into one where the host of a pipeline can do that.
//!
//! Invariant: a fold that was begun is ended before anything else is said, however the wait ends.

use crate::adapters::ci::Section;
use crate::platform::clock::Clock;
use crate::platform::output::Output;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::ci::{Environment, Host};

    #[tokio::test]
    async fn an_error_ends_it_too() {
        let (reader, writer) = std::io::pipe().unwrap();
        let people = Output::to(writer).unwrap();
        let wait = || -> Result<(), &str> {
            let section = Environment::detect(Some(Host::GitHub)).section().ok_or("no section")?;
            let _fold = Fold::begin(section, 2, &people, Clock::system());
            people.write("progress\n");
            Err("a bug")
        };
        assert_eq!(wait(), Err("a bug"));
        people.write("the error\n");
        people.finish().await.unwrap();
        insta::assert_snapshot!(std::io::read_to_string(reader).unwrap(), @"
        ::group::Waiting for 2 restores
        progress
        ::endgroup::
        the error
        ");
    }
}
