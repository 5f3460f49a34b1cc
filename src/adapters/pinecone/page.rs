//! One page of the list of jobs.

use crate::model::Observation;

/// One page of the list of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The jobs that could be read; one may be there twice, in one page or in several.
    pub jobs: Vec<Observation>,
    /// How many rows could not be read.
    pub unreadable: usize,
    /// The fault of the first of these.
    pub fault: Option<String>,
    /// How many rows were left out because the page is too large.
    pub surplus: usize,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}
