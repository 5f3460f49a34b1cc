//! What is wrong with a configuration, shown as a compiler shows it.
//!
//! Invariant: a problem holds no text of the configuration but what `masks` and `quote` let
//! through, so that it can be printed, logged and sent.

use std::fmt;
use std::path::{Path, PathBuf};

use super::excerpt::Place;
use super::quote::ShownPath;

/// What follows from a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// The configuration is not used.
    Error,
    /// The configuration is used, and will surprise.
    Warning,
}

/// Something wrong with a configuration: what, where, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    severity: Severity,
    message: String,
    notes: Vec<String>,
    help: Option<String>,
    file: Option<PathBuf>,
    place: Option<Box<Place>>,
}

impl Problem {
    /// An error that has no place in a file.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        let severity = Severity::Error;
        Self { severity, message: message.into(), notes: Vec::new(), help: None, file: None, place: None }
    }

    /// The same as a warning.
    pub(crate) fn into_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// Adds a fact that helps to understand it.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Says what to do about it, in one line or several.
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says which file it is in, and where, if that is known.
    pub(super) fn located(mut self, file: &Path, place: Option<Place>) -> Self {
        self.file = Some(file.to_owned());
        self.place = place.map(Box::new);
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The file it is in; none if no file was found or if the environment is at fault.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line it is in, counted from 1; none if the file as a whole is at fault.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line())
    }

    /// The column where it starts, counted in characters from 1.
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column())
    }

    /// All of it but the quoted line, in one line, for a log.
    pub fn one_line(&self) -> String {
        let place = match (&self.file, &self.place) {
            (Some(file), Some(place)) => format!("{}:{}:{}: ", ShownPath(file), place.line(), place.column()),
            (Some(file), None) => format!("{}: ", ShownPath(file)),
            (None, _) => String::new(),
        };
        let help =
            self.help.as_ref().map(|help| format!("; {}", help.replace('\n', " "))).unwrap_or_default();
        format!("{place}{}{help}", self.message)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.message)?;
        let gutter = self.line().map_or(1, |line| line.to_string().len());
        let blank = " ".repeat(gutter);

        if let Some(file) = &self.file {
            write!(f, "\n{blank}--> {}", ShownPath(file))?;
        }
        if let Some(place) = &self.place {
            write!(f, ":{}:{}", place.line(), place.column())?;
            place.to_string().lines().try_for_each(|line| write!(f, "\n{line}"))?;
        }

        for note in &self.notes {
            write!(f, "\n{blank} = note: {note}")?;
        }
        if let Some(help) = &self.help {
            // Further lines stand below the first word.
            let below = format!("\n{blank}         ");
            write!(f, "\n{blank} = help: {}", help.replace('\n', &below))?;
        }
        Ok(())
    }
}

/// Every problem of a configuration, at least one, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    found: Vec<Problem>,
    left_out: usize,
}

impl Problems {
    /// How many problems are kept; a file with more is no configuration, and one may have a problem
    /// per byte.
    pub(super) const MAX: usize = 100;

    /// The problems kept, and how many were left out.
    pub(super) fn new(found: Vec<Problem>, left_out: usize) -> Self {
        Self { found, left_out }
    }

    /// The problems in the order of the file; at most 100 are kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.found.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem], 0)
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.found {
            write!(f, "{problem}\n\n")?;
        }
        match self.found.len() + self.left_out {
            1 => f.write_str("1 problem")?,
            count => write!(f, "{count} problems")?,
        }
        if let Some(file) = self.found.iter().find_map(Problem::file) {
            write!(f, " in {}", ShownPath(file))?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, " ({more} not shown)"),
        }
    }
}
