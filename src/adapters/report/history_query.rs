//! The query of a request for the history: which restores it lists.
//!
//! `project=NAME`, `index=PATTERN` and `outcome=WORD`, each as often as wanted; `since=TIME`; and
//! `skip=COUNT` and `limit=COUNT` for a part of the list.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use url::Url;
use url::form_urlencoded;

use super::query::{self, INDEX, LIMIT, OUTCOME, PROJECT};
use super::{HistoryFilter, HistoryRange, RequestError};
use crate::model::ProjectName;

const SINCE: &str = "since";
const SKIP: &str = "skip";

/// How many restores one answer has: if the query gives no limit, and at most. A thousand are about
/// half a megabyte.
const USUAL_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// Which restores of the history are listed: the latest, unless something is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    pub filter: HistoryFilter,
    pub range: HistoryRange,
}

impl Default for HistoryQuery {
    fn default() -> Self {
        Self { filter: HistoryFilter::default(), range: HistoryRange { skip: 0, limit: USUAL_LIMIT } }
    }
}

impl HistoryQuery {
    /// What a query asks for.
    pub fn parse(query: &str) -> Result<Self, RequestError> {
        let Self { mut filter, mut range } = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let invalid = || query::invalid(&name, &value);
            match &*name {
                PROJECT => {
                    filter.projects.get_or_insert_default().insert(ProjectName::new(value));
                }
                INDEX => filter.indexes.get_or_insert_default().push(query::index(&value)?),
                OUTCOME => {
                    filter.outcomes.get_or_insert_default().insert(query::outcome(&value)?);
                }
                SINCE => {
                    let help = "write a time as in 2026-11-23T12:00:00Z, or a date as in 2026-11-23";
                    filter.since = Some(time(&value).ok_or_else(|| invalid().with_help(help))?);
                }
                SKIP => range.skip = value.parse().map_err(|_| invalid())?,
                LIMIT => {
                    let help = || {
                        format!("a limit is a number up to {MAX_LIMIT}; `{SKIP}` leads to further restores")
                    };
                    let limit = value.parse().ok().filter(|limit| *limit <= MAX_LIMIT);
                    range.limit = limit.ok_or_else(|| invalid().with_help(help()))?;
                }
                _ => {}
            }
        }
        Ok(Self { filter, range })
    }

    /// Adds the query that asks for this.
    pub fn append_to(&self, url: &mut Url) {
        fn pairs<'a, T: Display + 'a>(
            name: &'static str,
            values: impl IntoIterator<Item = &'a T>,
        ) -> impl Iterator<Item = (&'static str, String)> {
            values.into_iter().map(move |value| (name, value.to_string()))
        }

        let Self { filter, range } = self;
        url.query_pairs_mut()
            .extend_pairs(pairs(PROJECT, filter.projects.iter().flatten()))
            .extend_pairs(pairs(INDEX, filter.indexes.iter().flatten()))
            .extend_pairs(pairs(OUTCOME, filter.outcomes.iter().flatten()))
            .extend_pairs(pairs(SINCE, &filter.since))
            .extend_pairs([(SKIP, range.skip.to_string()), (LIMIT, range.limit.to_string())]);
    }
}

/// A time, or the beginning of a day in UTC.
fn time(text: &str) -> Option<Timestamp> {
    let start_of_day = || {
        let day = Date::strptime("%Y-%m-%d", text).ok()?;
        TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()
    };
    text.parse().ok().or_else(start_of_day)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::config::IndexPattern;
    use crate::model::Outcome;

    #[test]
    fn queries_survive_the_url() {
        let full = HistoryQuery {
            filter: HistoryFilter {
                projects: Some(["one", "two & more"].map(ProjectName::new).into()),
                indexes: Some(vec![IndexPattern::parse("prod-*").unwrap()]),
                outcomes: Some(BTreeSet::from([Outcome::Failed, Outcome::NotReady])),
                since: Some("2026-11-23T12:00:00.5Z".parse().unwrap()),
            },
            range: HistoryRange { skip: 200, limit: 1000 },
        };
        for query in [HistoryQuery::default(), full] {
            let mut url = Url::parse("http://localhost/v1/history").unwrap();
            query.append_to(&mut url);

            assert_eq!(HistoryQuery::parse(url.query().unwrap()), Ok(query), "{url}");
        }
    }

    #[test]
    fn empty_queries_ask_for_the_latest() {
        for text in ["", "unknown=1"] {
            assert_eq!(HistoryQuery::parse(text), Ok(HistoryQuery::default()), "{text}");
        }
    }

    #[test]
    fn since_is_a_time_or_a_date() {
        let since = |text: &str| HistoryQuery::parse(&format!("since={text}")).unwrap().filter.since;

        assert_eq!(since("2026-11-23T12:00:00Z"), Some("2026-11-23T12:00:00Z".parse().unwrap()));
        assert_eq!(since("2026-11-23"), Some("2026-11-23T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn invalid_values_are_named() {
        for (text, error, help) in [
            ("since=30d", "invalid value of `since`: 30d", "2026-11-23T12:00:00Z"),
            ("since=2026-11-23T12:00:00", "invalid value of `since`", "2026-11-23T12:00:00Z"),
            ("outcome=fine", "invalid value of `outcome`: fine", "outcomes are "),
            ("limit=1001", "invalid value of `limit`: 1001", "up to 1000"),
            ("limit=-1", "invalid value of `limit`: -1", "up to 1000"),
            ("skip=x", "invalid value of `skip`: x", ""),
        ] {
            let found = HistoryQuery::parse(text).unwrap_err();

            assert!(found.error.contains(error), "{found:?}");
            assert!(found.help.unwrap_or_default().contains(help), "{text}");
        }
    }
}
