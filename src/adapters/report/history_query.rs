//! A request for the history: which restores it lists, and its answer.
//!
//! `project=NAME`, `index=PATTERN` and `outcome=WORD`, each as often as wanted; `since=TIME`; and
//! `skip=COUNT` and `limit=COUNT` for a part of the list.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use url::Url;
use url::form_urlencoded;

use super::query::{self, INDEX, LIMIT, OUTCOME, PROJECT, SKIP};
use super::{HistoryFilter, HistoryRange, ReadError, Readers, RequestError};
use crate::model::{ProjectName, Since};

const SINCE: &str = "since";

/// Which restores of the history are listed: the latest, unless something is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    pub filter: HistoryFilter,
    pub range: HistoryRange,
}

impl HistoryQuery {
    /// How many restores an answer has at most: about half a megabyte.
    pub const MAX_LIMIT: usize = 1000;

    /// How many it has if the query does not say.
    const USUAL_LIMIT: usize = 100;

    /// What a query asks for.
    pub fn parse(query: &str) -> Result<Self, RequestError> {
        query::check_bounds(query)?;
        let Self { mut filter, mut range } = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let invalid = |help: String| query::invalid(&name, &value).with_help(help);
            match &*name {
                PROJECT => {
                    filter.projects.get_or_insert_default().insert(ProjectName::new(value));
                }
                INDEX => filter.indexes.get_or_insert_default().push(query::index(&value)?),
                OUTCOME => {
                    filter.outcomes.get_or_insert_default().insert(query::outcome(&value)?);
                }
                SINCE => match Since::parse(&value) {
                    Ok(Since::At(time)) => filter.since = Some(time),
                    _ => return Err(invalid("write a time, as in 2026-11-23T12:00:00Z".to_owned())),
                },
                SKIP => range.skip = value.parse().map_err(|_| invalid("write a number".to_owned()))?,
                LIMIT => {
                    let limit = value.parse().ok().filter(|limit| *limit <= Self::MAX_LIMIT);
                    let help = format!("write a number up to {}; `{SKIP}` leads on", Self::MAX_LIMIT);
                    range.limit = limit.ok_or_else(|| invalid(help))?;
                }
                _ => {}
            }
        }
        Ok(Self { filter, range })
    }

    /// Adds the query that asks for this.
    pub fn append_to(&self, url: &mut Url) {
        let Self { filter, range } = self;
        let projects = filter.projects.iter().flatten().map(|project| (PROJECT, project.to_string()));
        let indexes = filter.indexes.iter().flatten().map(|pattern| (INDEX, pattern.to_string()));
        let outcomes = filter.outcomes.iter().flatten().map(|outcome| (OUTCOME, outcome.to_string()));
        let since = filter.since.map(|time| (SINCE, time.to_string()));
        let range = [(SKIP, range.skip.to_string()), (LIMIT, range.limit.to_string())];
        url.query_pairs_mut().extend_pairs(projects.chain(indexes).chain(outcomes).chain(since).chain(range));
    }
}

impl Default for HistoryQuery {
    fn default() -> Self {
        let range = HistoryRange { skip: 0, limit: Self::USUAL_LIMIT };
        Self { filter: HistoryFilter::default(), range }
    }
}

/// The answer to a request with this query.
pub async fn answer(readers: &Readers, query: &str) -> Result<Response, RequestError> {
    let HistoryQuery { filter, range } = HistoryQuery::parse(query)?;
    let read = move |reader: &mut dyn super::Reader| {
        let history = reader.history(&filter, range)?;
        // Here, because the loop has no time for it.
        serde_json::to_vec(&history).map_err(|error| ReadError {
            message: format!("cannot write the history as JSON: {error}"),
            help: "report this: it is a bug",
        })
    };
    let body = readers.read(read).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], body).into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::adapters::report::RequestErrorKind;
    use crate::adapters::report::samples::HistoryOnly;
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
    fn unknown_parameters_are_ignored() {
        for text in ["", "unknown=1"] {
            assert_eq!(HistoryQuery::parse(text), Ok(HistoryQuery::default()), "{text}");
        }
    }

    #[test]
    fn a_query_with_too_many_values_is_refused() {
        let query = |count| vec!["index=*z*z"; count].join("&");

        assert!(HistoryQuery::parse(&query(32)).is_ok());
        let error = HistoryQuery::parse(&query(33)).unwrap_err();

        assert_eq!(error.error, "the query has 33 values of `index`, of which it may have 32");
    }

    #[test]
    fn invalid_values_are_named() {
        for (text, error, help) in [
            ("since=30d", "invalid value of `since`: 30d", "2026-11-23T12:00:00Z"),
            ("index=a/b", "invalid value of `index`: a/b", "the pattern has '/' in it"),
            ("outcome=fine", "invalid value of `outcome`: fine", "outcomes are open, completed, "),
            ("limit=1001", "invalid value of `limit`: 1001", "up to 1000"),
            ("limit=-1", "invalid value of `limit`: -1", "up to 1000"),
            ("skip=x", "invalid value of `skip`: x", "a number"),
        ] {
            let found = HistoryQuery::parse(text).unwrap_err();

            assert!(found.error.contains(error), "{found:?}");
            assert!(found.help.as_ref().is_some_and(|text| text.contains(help)), "{found:?}");
        }
    }

    /// A state whose history cannot be read, for this reason; without one, a read panics.
    fn broken(error: Option<ReadError>) -> Readers {
        let read = move |_: &HistoryFilter, _| match error.clone() {
            Some(error) => Err(error),
            None => panic!("a bug"),
        };
        Readers::new(Box::new(HistoryOnly(read)))
    }

    #[tokio::test]
    async fn a_reader_that_was_closed_reads_nothing() {
        let readers = broken(None);
        readers.close();

        let answer = answer(&readers, "").await.unwrap_err();

        assert_eq!(answer.error, "the daemon is stopping");
    }

    #[tokio::test]
    async fn a_state_that_cannot_be_read_is_an_error_of_its_own() {
        let error = ReadError { message: "the disk is broken".to_owned(), help: "replace it" };
        for (readers, message) in [
            (broken(Some(error)), "the disk is broken"),
            (broken(None), "reading the state ended by a panic"),
        ] {
            for attempt in 1..=2 {
                let answer = answer(&readers, "").await.unwrap_err();

                assert_eq!(
                    (answer.kind, &*answer.error),
                    (RequestErrorKind::Unreadable, message),
                    "{attempt}"
                );
            }
        }
    }
}
