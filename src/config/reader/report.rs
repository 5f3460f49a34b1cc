//! Where the problems of a file are collected while it is read.
//!
//! Invariant: nothing is reported twice; what is read for several projects is judged for each, and
//! reported once. Warnings prevent nothing.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

use crate::config::excerpt::Source;
use crate::config::problem::{Problem, Problems};
use crate::config::surprise::Surprise;

/// A stretch of the file, in bytes.
pub(in crate::config) type Span = Range<usize>;

/// What was found so far. Shared by all readers of a file, hence the cells.
#[derive(Debug, Default)]
pub(in crate::config) struct Report {
    problems: RefCell<Vec<Finding>>,
    warnings: RefCell<Vec<Finding>>,
}

/// A problem, with its place still in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::config) struct Finding {
    at: At,
    message: String,
    /// A note, and the other place that it points to.
    note: Option<(String, Span)>,
    help: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Span(Span),
    File,
    Environment,
}

impl Finding {
    /// Something wrong at `span`.
    pub(in crate::config) fn new(span: &Span, message: impl Into<String>) -> Self {
        Self { at: At::Span(span.clone()), message: message.into(), note: None, help: None }
    }

    /// Something wrong with the file as a whole.
    pub(in crate::config) fn of_file(message: impl Into<String>) -> Self {
        Self { at: At::File, ..Self::new(&(0..0), message) }
    }

    /// Something wrong with an environment variable.
    pub(in crate::config) fn of_environment(message: impl Into<String>) -> Self {
        Self { at: At::Environment, ..Self::new(&(0..0), message) }
    }

    /// Says what to do about it.
    pub(in crate::config) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points to a second place: `text` is followed by its line.
    pub(in crate::config) fn see(mut self, text: impl Into<String>, span: &Span) -> Self {
        self.note = Some((text.into(), span.clone()));
        self
    }

    fn into_problem(self, source: &Source<'_>, file: &Path) -> Problem {
        let mut problem = Problem::new(self.message);
        if let Some((text, span)) = self.note {
            problem = problem.note(format!("{text} {}", source.line(source.settle(span.start))));
        }
        if let Some(help) = self.help {
            problem = problem.with_help(help);
        }
        match self.at {
            At::Span(span) => problem.located(file, Some(source.place(&span))),
            At::File => problem.located(file, None),
            At::Environment => problem,
        }
    }
}

impl Report {
    /// Adds a problem. One that is already known may be added again; it is reported once.
    pub(in crate::config) fn push(&self, finding: Finding) {
        self.problems.borrow_mut().push(finding);
    }

    /// Adds a warning, likewise.
    pub(in crate::config) fn warn(&self, at: &Span, surprise: &Surprise<'_>) {
        let finding = Finding::new(at, surprise.message()).help(surprise.help());
        self.warnings.borrow_mut().push(finding);
    }

    /// Adds a warning about the file as a whole.
    pub(in crate::config) fn warn_of_file(&self, surprise: &Surprise<'_>) {
        let finding = Finding::of_file(surprise.message()).help(surprise.help());
        self.warnings.borrow_mut().push(finding);
    }

    /// How many problems were added so far.
    pub(in crate::config) fn len(&self) -> usize {
        self.problems.borrow().len()
    }

    /// Whether a warning was added.
    pub(in crate::config) fn has_warnings(&self) -> bool {
        !self.warnings.borrow().is_empty()
    }

    /// The problems in the order of the file.
    pub(in crate::config) fn into_problems(self, source: &Source<'_>, file: &Path) -> Problems {
        let mut found = in_order(self.problems.into_inner());
        let left_out = found.len().saturating_sub(Problems::MAX);
        found.truncate(Problems::MAX);
        let shown = found.into_iter().map(|finding| finding.into_problem(source, file)).collect();
        Problems::new(shown, left_out)
    }

    /// The warnings in the order of the file, at most as many as there may be problems.
    pub(in crate::config) fn into_warnings(self, source: &Source<'_>, file: &Path) -> Vec<Problem> {
        let found = in_order(self.warnings.into_inner()).into_iter().take(Problems::MAX);
        found.map(|finding| finding.into_problem(source, file).into_warning()).collect()
    }
}

/// Each finding once, in the order of the file.
fn in_order(mut found: Vec<Finding>) -> Vec<Finding> {
    let mut known = HashSet::new();
    found.retain(|finding| known.insert(finding.clone()));
    found.sort_by_key(|finding| match &finding.at {
        At::Span(span) => span.start,
        At::File | At::Environment => usize::MAX,
    });
    found
}
