//! Which restores that ended a command is about.

use std::collections::BTreeSet;

use clap::Args;
use jiff::Timestamp;

use crate::adapters::report::HistoryFilter;
use crate::config::IndexPattern;
use crate::model::{ProjectName, Since};

/// The options that select restores.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Selection {
    /// Only restores of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Only restores into an index of such a name; `*` stands for any characters, `?` for one. Can
    /// be given several times
    #[arg(long, value_name = "PATTERN", value_parser = IndexPattern::parse)]
    index: Vec<IndexPattern>,

    /// Only restores whose end was observed since then: a duration back from now, such as 12h or
    /// 30d, a date, such as 2026-11-01, or a time, such as 2026-11-01T12:00Z; dates and times are in
    /// UTC
    #[arg(long, value_name = "TIME", value_parser = Since::parse, allow_hyphen_values = true)]
    since: Option<Since>,
}

impl Selection {
    /// The filter that these options stand for.
    pub(in crate::cli) fn filter(&self, now: Timestamp) -> HistoryFilter {
        let project = self.project.as_deref().map(ProjectName::new);
        HistoryFilter {
            projects: project.map(|project| BTreeSet::from([project])),
            indexes: (!self.index.is_empty()).then(|| self.index.clone()),
            outcomes: None,
            since: self.since.map(|since| since.time(now)),
        }
    }
}
