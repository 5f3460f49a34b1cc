//! The query of a request for a status: which jobs it lists.
//!
//! `job=ID` and `project=NAME`, each as often as wanted. A text that is no id is the id of no job.
//!
//! Invariant: what is not understood widens the answer and never narrows it. A daemon ignores
//! parameters that it does not know, as those do that know none, so a client filters the answer
//! again.

use url::Url;
use url::form_urlencoded;

use crate::engine::JobFilter;
use crate::model::{JobId, ProjectName};

const JOB: &str = "job";
const PROJECT: &str = "project";

/// The longest query that is sent, in bytes: about 700 UUIDs. Servers of HTTP refuse long URLs, so
/// for more the client asks for everything.
const MAX_QUERY: usize = 32 * 1024;

/// What a query asks for.
pub(super) fn parse(query: &str) -> JobFilter {
    let mut filter = JobFilter::default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            JOB => filter.jobs.get_or_insert_default().extend(JobId::new(value).ok()),
            PROJECT => {
                filter.projects.get_or_insert_default().insert(ProjectName::new(value));
            }
            _ => {}
        }
    }
    filter
}

/// Adds the query that asks for this.
pub(super) fn append(url: &mut Url, filter: &JobFilter) {
    let jobs = filter.jobs.iter().flatten().map(|job| (JOB, job.as_str()));
    let projects = filter.projects.iter().flatten().map(|project| (PROJECT, project.as_str()));
    // No job at all is one without an id.
    let none = filter.jobs.as_ref().filter(|jobs| jobs.is_empty()).map(|_| (JOB, ""));

    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(jobs.chain(none).chain(projects));
    let query = query.finish();
    if !query.is_empty() && query.len() <= MAX_QUERY {
        url.set_query(Some(&query));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(filter: &JobFilter) -> Url {
        let mut url = Url::parse("http://localhost/v1/status").unwrap();
        append(&mut url, filter);
        url
    }

    fn filter(projects: Option<&[&str]>, jobs: Option<&[&str]>) -> JobFilter {
        JobFilter {
            projects: projects.map(|names| names.iter().map(|name| ProjectName::new(*name)).collect()),
            jobs: jobs.map(|ids| ids.iter().map(|id| JobId::new(*id).unwrap()).collect()),
        }
    }

    #[test]
    fn filters_survive_the_query() {
        for filter in [
            filter(None, None),
            filter(None, Some(&["rj-1"])),
            filter(Some(&["one", "two & more"]), Some(&["a=b", "rj-1", "ü"])),
            filter(Some(&["one"]), None),
            filter(None, Some(&[])),
        ] {
            let url = url(&filter);
            assert_eq!(parse(url.query().unwrap_or_default()), filter, "{url}");
        }
    }

    #[test]
    fn an_id_in_a_query_is_read_like_any_other() {
        let id = "9857ADD2-99d4-4399-870e-aa7f15d8d326";
        let asked = parse(&format!("job={id}&job=a+b&jbo=c"));
        assert_eq!(asked, filter(None, Some(&[&id.to_ascii_lowercase()])));
        assert_eq!(parse("verbose"), JobFilter::default());
    }

    #[test]
    fn too_many_ids_are_asked_for_without_a_query() {
        let ids: Vec<_> = (0..2000).map(|n| format!("rj-{n:020}")).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        assert_eq!(url(&filter(None, Some(&ids))).query(), None);
    }
}
