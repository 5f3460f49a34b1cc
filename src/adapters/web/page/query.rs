//! The query of the page: which restores it lists, and which part of a long list.
//!
//! Invariant: a link to another part of a list keeps the filters, and a filter that is not
//! understood is shown and left out.

use std::collections::BTreeSet;

use url::form_urlencoded;

use super::html::Value;
use crate::adapters::report::HistoryFilter;
use crate::config::IndexPattern;
use crate::model::{EventId, Outcome, ProjectName};

/// How many restores a list has on one page.
pub(super) const ROWS: usize = 50;

const PROJECT: &str = "project";
const INDEX: &str = "index";
const OUTCOME: &str = "outcome";
const AFTER: &str = "after";

/// What the page is asked to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageQuery {
    pub(super) project: Option<ProjectName>,
    pub(super) index: Option<IndexPattern>,
    /// The pattern of indexes as it was typed.
    pub(super) typed_index: String,
    pub(super) outcome: Option<Outcome>,
    /// How many pages of open restores are left out.
    pub(super) open: usize,
    /// How many pages of ended restores are left out.
    pub(super) ended: usize,
    /// The last event that a script has shown.
    pub(super) after: Option<EventId>,
    /// What was not understood.
    pub(super) problem: Option<String>,
}

/// A list that has pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    Open,
    Ended,
}

impl List {
    /// The name of its parameter, and the id of its section.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }
}

impl PageQuery {
    pub(super) fn parse(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            // A form sends the fields that are left empty, too.
            if value.is_empty() {
                continue;
            }
            if name == INDEX {
                asked.set_index(value.trim());
                continue;
            }
            let is_understood = match &*name {
                PROJECT => {
                    asked.project = Some(ProjectName::new(value.as_ref()));
                    true
                }
                OUTCOME => set(&mut asked.outcome, value.parse().ok()),
                AFTER => set(&mut asked.after, value.parse().ok()),
                _ => match [List::Open, List::Ended].into_iter().find(|list| list.name() == name) {
                    // The first page has the number 1.
                    Some(list) => value.parse().is_ok_and(|page: usize| {
                        *asked.pages_mut(list) = page.saturating_sub(1);
                        true
                    }),
                    None => true,
                },
            };
            if !is_understood {
                asked.problem = Some(format!("the filter has an invalid value of `{name}`: {value}"));
            }
        }
        asked
    }

    fn set_index(&mut self, typed: &str) {
        typed.clone_into(&mut self.typed_index);
        match IndexPattern::parse(typed) {
            Ok(index) => self.index = Some(index),
            Err(error) => self.problem = Some(format!("the name of an index {error}: {typed}")),
        }
    }

    pub(super) fn pages(&self, list: List) -> usize {
        match list {
            List::Open => self.open,
            List::Ended => self.ended,
        }
    }

    fn pages_mut(&mut self, list: List) -> &mut usize {
        match list {
            List::Open => &mut self.open,
            List::Ended => &mut self.ended,
        }
    }

    /// How many restores of a list are left out.
    pub(super) fn skipped(&self, list: List) -> usize {
        self.pages(list).saturating_mul(ROWS)
    }

    /// Whether only some restores are asked for.
    pub(super) fn is_filtered(&self) -> bool {
        self.project.is_some() || self.index.is_some() || self.outcome.is_some()
    }

    /// The outcomes that are asked for, of all that a list can have.
    pub(super) fn outcomes(&self, list: List) -> BTreeSet<Outcome> {
        let is_of_list = |outcome: &Outcome| outcome.is_final() == (list == List::Ended);
        let is_meant = |outcome: &Outcome| self.outcome.is_none_or(|meant| meant == *outcome);
        Outcome::ALL.into_iter().filter(is_of_list).filter(is_meant).collect()
    }

    /// The ended restores that are asked for.
    pub(super) fn history(&self) -> HistoryFilter {
        HistoryFilter {
            projects: self.project.clone().map(|project| BTreeSet::from([project])),
            indexes: self.index.clone().map(|index| vec![index]),
            outcomes: self.outcome.map(|_| self.outcomes(List::Ended)),
            since: None,
        }
    }

    /// The same filters, with another page of a list.
    pub(super) fn link(&self, list: List, pages: usize) -> Value {
        let mut asked = self.clone();
        *asked.pages_mut(list) = pages;

        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(asked.project.iter().map(|project| (PROJECT, project.as_str())));
        query.extend_pairs(asked.index.iter().map(|index| (INDEX, index.to_string())));
        query.extend_pairs(asked.outcome.iter().map(|outcome| (OUTCOME, outcome.to_string())));
        for list in [List::Open, List::Ended] {
            if asked.pages(list) > 0 {
                query.append_pair(list.name(), &asked.pages(list).saturating_add(1).to_string());
            }
        }
        Value(format!("?{}#{}", query.finish(), list.name()))
    }
}

/// The restores that ended like this.
pub(super) fn link_to_outcome(outcome: Outcome) -> Value {
    Value(format!("?{OUTCOME}={outcome}#{}", List::Ended.name()))
}

/// The filters of the page with restores of one project only.
pub(super) fn link_to_project(project: &ProjectName) -> Value {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(PROJECT, project.as_str());
    Value(format!("?{}", query.finish()))
}

/// Keeps a value that was understood. Returns whether it was.
fn set<T>(field: &mut Option<T>, value: Option<T>) -> bool {
    let is_understood = value.is_some();
    *field = value;
    is_understood
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_keep_the_filters_and_the_other_page() {
        let query = "project=EU+%26+co&index=prod-*&outcome=failed&open=2&ended=4";
        let asked = PageQuery::parse(query);

        let link = asked.link(List::Ended, 7).0;

        assert_eq!(link, "?project=EU+%26+co&index=prod-*&outcome=failed&open=2&ended=8#ended");
        let again = PageQuery::parse(link[1..].split('#').next().unwrap());
        assert_eq!(again, PageQuery { ended: 7, ..asked });
    }

    #[test]
    fn a_filter_that_is_not_understood_is_left_out() {
        for query in ["index=a/b", "outcome=fail", "after=yesterday", "open=last", "ended=-1"] {
            let asked = PageQuery::parse(query);

            assert!(asked.problem.is_some(), "{query}");
            assert_eq!(
                PageQuery { problem: None, typed_index: String::new(), ..asked },
                PageQuery::default(),
                "{query}"
            );
        }
        assert_eq!(PageQuery::parse("project=&index=&outcome=&theme=dark"), PageQuery::default());
    }

    #[test]
    fn an_outcome_is_of_one_list() {
        let failed = PageQuery::parse("outcome=failed");
        assert_eq!(failed.outcomes(List::Ended), BTreeSet::from([Outcome::Failed]));
        assert!(failed.outcomes(List::Open).is_empty());

        let all = PageQuery::default();
        let lists = [List::Open, List::Ended].map(|list| all.outcomes(list).len());
        assert_eq!(lists.iter().sum::<usize>(), Outcome::ALL.len());
    }
}
