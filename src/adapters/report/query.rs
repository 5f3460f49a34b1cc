//! The query of a request for a status: which jobs it lists.
//!
//! `job=JOB`, `project=NAME`, `index=PATTERN` and `outcome=WORD`, each as often as wanted; and
//! `limit=COUNT` for a short list, with `ended_within=SECONDS`, or with `skip=COUNT` for a page of a
//! long one.
//!
//! Invariant: what is not understood widens the answer and never narrows it. A daemon ignores
//! parameters that it does not know, as those do that know none, so a client filters the answer
//! again.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;
use url::form_urlencoded;

use super::{JobStatus, RequestError, RequestErrorKind};
use crate::config::IndexPattern;
use crate::engine::{JobFilter, Limits};
use crate::model::{Outcome, ProjectName, Reference, Resolution, visible};

const JOB: &str = "job";
pub(super) const PROJECT: &str = "project";
pub(super) const INDEX: &str = "index";
pub(super) const OUTCOME: &str = "outcome";
pub(super) const LIMIT: &str = "limit";
const ENDED_WITHIN: &str = "ended_within";
pub(super) const SKIP: &str = "skip";

/// The longest query that is sent, in bytes: about 700 UUIDs. Servers of HTTP refuse long URLs, so
/// for more the client asks for everything.
const MAX_QUERY: usize = 32 * 1024;

/// The most values of a parameter that each job is compared with, so that no request costs the loop
/// or the reader of the state much time.
const MAX_VALUES: usize = 32;

/// The most jobs, which are looked up: more than fit into a query as UUIDs.
const MAX_JOBS: usize = 1000;

/// Which jobs a status lists: all, unless something is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusQuery {
    /// Those with these ids or names, or whose id begins so.
    pub jobs: Option<Vec<Reference>>,
    pub projects: Option<BTreeSet<ProjectName>>,
    /// Those that restore into an index of such a name.
    pub indexes: Option<Vec<IndexPattern>>,
    pub outcomes: Option<BTreeSet<Outcome>>,
    /// A few of each section of a report.
    pub limits: Option<Limits>,
}

impl StatusQuery {
    /// What a query asks for.
    pub fn parse(query: &str) -> Result<Self, RequestError> {
        check_bounds(query)?;
        let mut asked = Self::default();
        let (mut limit, mut ended_within, mut skip) = (None, None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let invalid = || invalid(&name, &value);
            match &*name {
                JOB => asked.jobs.get_or_insert_default().push(Reference::new(&value)),
                PROJECT => {
                    asked.projects.get_or_insert_default().insert(ProjectName::new(value));
                }
                INDEX => asked.indexes.get_or_insert_default().push(index(&value)?),
                OUTCOME => {
                    asked.outcomes.get_or_insert_default().insert(outcome(&value)?);
                }
                LIMIT => limit = Some(value.parse().map_err(|_| invalid())?),
                ENDED_WITHIN => {
                    let seconds = value.parse().map_err(|_| invalid())?;
                    ended_within = Some(Duration::from_secs(seconds));
                }
                SKIP => skip = Some(value.parse().map_err(|_| invalid())?),
                _ => {}
            }
        }
        asked.limits = limit.map(|of_section| Limits { of_section, ended_within, skip });
        Ok(asked)
    }

    /// Adds the query that asks for this; none, which asks for everything, if it asks for too much.
    pub fn append_to(&self, url: &mut Url) {
        let jobs = self.jobs.iter().flatten().map(|job| (JOB, job.as_str().to_owned()));
        let projects = self.projects.iter().flatten().map(|project| (PROJECT, project.to_string()));
        let indexes = self.indexes.iter().flatten().map(|pattern| (INDEX, pattern.to_string()));
        let outcomes = self.outcomes.iter().flatten().map(|outcome| (OUTCOME, outcome.to_string()));
        let limit = self.limits.map(|limits| (LIMIT, limits.of_section.to_string()));
        let ended_within = self.limits.and_then(|limits| limits.ended_within);
        let ended_within = ended_within.map(|time| (ENDED_WITHIN, time.as_secs().to_string()));
        let skip = self.limits.and_then(|limits| limits.skip).map(|jobs| (SKIP, jobs.to_string()));

        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(jobs.chain(projects).chain(indexes).chain(outcomes));
        query.extend_pairs(limit.into_iter().chain(ended_within).chain(skip));
        let query = query.finish();
        if !query.is_empty() && query.len() <= MAX_QUERY && check_bounds(&query).is_ok() {
            url.set_query(Some(&query));
        }
    }

    /// What it asks for without the jobs that it names, which only the daemon can resolve.
    pub fn filter(&self) -> JobFilter {
        JobFilter {
            projects: self.projects.clone(),
            jobs: None,
            indexes: self.indexes.clone(),
            outcomes: self.outcomes.clone(),
        }
    }

    /// Keeps the jobs of an answer that are asked for.
    pub fn retain(&self, jobs: &mut Vec<JobStatus>) {
        let filter = self.filter();
        jobs.retain(|JobStatus { project, job, outcome, .. }| {
            filter.includes(project, &job.id, job.facts.target_index_name.as_deref(), *outcome)
        });

        let Some(references) = &self.jobs else { return };
        let mut named = BTreeSet::new();
        for reference in references {
            let places = reference.resolve(jobs.iter().enumerate(), |(_, JobStatus { job, .. })| {
                (job.id.as_str(), job.name.as_deref())
            });
            let (Resolution::Found(places) | Resolution::Ambiguous(places)) = places;
            named.extend(places.into_iter().map(|(at, _)| at));
        }
        let mut at = 0..;
        jobs.retain(|_| at.next().is_some_and(|at| named.contains(&at)));
    }
}

/// The pattern that a parameter gives.
pub(super) fn index(value: &str) -> Result<IndexPattern, RequestError> {
    IndexPattern::parse(value)
        .map_err(|error| invalid(INDEX, value).with_help(format!("the pattern {error}")))
}

/// The outcome that a parameter names.
pub(super) fn outcome(value: &str) -> Result<Outcome, RequestError> {
    let words = || Outcome::ALL.map(|outcome| outcome.to_string()).join(", ");
    value.parse().map_err(|_| invalid(OUTCOME, value).with_help(format!("outcomes are {}", words())))
}

/// Refuses a query that has a parameter more often than an answer is made for.
pub(super) fn check_bounds(query: &str) -> Result<(), RequestError> {
    for (name, most) in [(JOB, MAX_JOBS), (PROJECT, MAX_VALUES), (INDEX, MAX_VALUES), (OUTCOME, MAX_VALUES)] {
        let values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name).count();
        if values > most {
            let error = format!("the query has {values} values of `{name}`, of which it may have {most}");
            return Err(RequestError::new(RequestErrorKind::Invalid, error)
                .with_help("ask for fewer, or ask for more than you need and filter the answer"));
        }
    }
    Ok(())
}

/// A parameter has a value that it cannot have.
pub(super) fn invalid(name: &str, value: &str) -> RequestError {
    let error = format!("the query has an invalid value of `{name}`: {}", visible(value));
    RequestError::new(RequestErrorKind::Invalid, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(query: &StatusQuery) -> Url {
        let mut url = Url::parse("http://localhost/v1/status").unwrap();
        query.append_to(&mut url);
        url
    }

    fn jobs(texts: &[&str]) -> StatusQuery {
        let jobs = texts.iter().map(|text| Reference::new(text)).collect();
        StatusQuery { jobs: Some(jobs), ..StatusQuery::default() }
    }

    fn projects(names: &[&str]) -> BTreeSet<ProjectName> {
        names.iter().map(|name| ProjectName::new(*name)).collect()
    }

    #[test]
    fn queries_survive_the_url() {
        let limits = |ended_within| Some(Limits { of_section: 20, ended_within, skip: None });
        for query in [
            StatusQuery::default(),
            jobs(&["rj-1"]),
            StatusQuery {
                projects: Some(projects(&["one", "two & more"])),
                ..jobs(&["a=b", "my job", "ü", ""])
            },
            StatusQuery { projects: Some(projects(&["one"])), ..StatusQuery::default() },
            StatusQuery {
                indexes: Some(vec![
                    IndexPattern::parse("prod-*").unwrap(),
                    IndexPattern::parse("?").unwrap(),
                ]),
                outcomes: Some(BTreeSet::from([Outcome::Failed, Outcome::NotReady])),
                limits: limits(Some(Duration::from_hours(24))),
                ..StatusQuery::default()
            },
            StatusQuery { limits: limits(None), ..StatusQuery::default() },
            StatusQuery {
                limits: Some(Limits { of_section: 50, ended_within: None, skip: Some(100) }),
                ..StatusQuery::default()
            },
        ] {
            let url = url(&query);
            assert_eq!(StatusQuery::parse(url.query().unwrap_or_default()), Ok(query), "{url}");
        }
    }

    #[test]
    fn an_id_in_a_query_is_read_like_any_other() {
        let id = "9857ADD2-99d4-4399-870e-aa7f15d8d326";
        let asked = StatusQuery::parse(&format!("job={id}&jbo=c"));
        assert_eq!(asked, Ok(jobs(&[&id.to_ascii_lowercase()])));
        assert_eq!(StatusQuery::parse("verbose"), Ok(StatusQuery::default()));
    }

    #[test]
    fn an_invalid_value_is_an_error_that_says_what_is_valid() {
        let error = StatusQuery::parse("outcome=fail").unwrap_err();
        assert_eq!(error.error, "the query has an invalid value of `outcome`: fail");
        assert!(error.help.unwrap().starts_with("outcomes are open, completed, ready, "));
        for query in ["index=a/b", "limit=-1", "limit=", "ended_within=1h", "skip=all"] {
            assert!(StatusQuery::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn too_many_ids_are_asked_for_without_a_query() {
        let ids: Vec<_> = (0..2000).map(|n| format!("rj-{n:020}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        assert_eq!(url(&jobs(&ids)).query(), None);
        assert!(url(&jobs(&ids[..700])).query().is_some());
    }

    #[test]
    fn a_query_with_too_many_values_is_refused() {
        for (name, value, most) in
            [("index", "*z*z", 32), ("project", "a", 32), ("outcome", "failed", 32), ("job", "a", 1000)]
        {
            let query = |count| vec![format!("{name}={value}"); count].join("&");

            assert!(StatusQuery::parse(&query(most)).is_ok(), "{name}");
            let error = StatusQuery::parse(&query(most + 1)).unwrap_err();

            let text = format!("the query has {} values of `{name}`, of which it may have {most}", most + 1);
            assert_eq!((error.kind, error.error), (RequestErrorKind::Invalid, text));
        }
    }

    #[test]
    fn more_patterns_than_are_taken_are_not_sent() {
        let pattern = |number| IndexPattern::parse(&format!("a{number}-*")).unwrap();
        let query = |count| StatusQuery {
            indexes: Some((0..count).map(pattern).collect()),
            ..StatusQuery::default()
        };

        assert!(url(&query(32)).query().is_some());
        assert_eq!(url(&query(33)).query(), None);
    }
}
