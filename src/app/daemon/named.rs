//! Which jobs a request names: by an id, a name or the beginning of an id.
//!
//! Invariant: no request guesses. What stands for several jobs is refused where one is meant, with
//! the jobs that it may be.

use std::collections::BTreeSet;

use crate::adapters::control::{RequestError, RequestErrorKind};
use crate::engine::{Engine, JobKey, JobView};
use crate::model::{JobId, ProjectName, Reference, Resolution, visible};

/// How many jobs are listed that a reference may stand for.
const LISTED: usize = 5;

/// The job that a reference names, in this project if one is given. Of several projects that have a
/// job of this id, the one that it was added to is meant.
pub(super) fn one(
    engine: &Engine,
    reference: &Reference,
    project: Option<&ProjectName>,
) -> Result<JobKey, RequestError> {
    let projects = project.map(|name| BTreeSet::from([name.clone()]));
    let found = found(engine, reference, projects.as_ref())?;
    let ids: BTreeSet<_> = found.iter().map(id).collect();
    match (found.first(), ids.len()) {
        // What was added to a project that is no longer configured is known, too.
        (None, _) => {
            let archived = JobId::new(reference.as_str()).ok();
            let key = archived.and_then(|id| Some((project.or(engine.holder(&id))?.clone(), id)));
            key.ok_or_else(|| RequestError::not_watched(reference, project))
        }
        (Some(view), 1) => {
            let holder = project.or_else(|| engine.holder(id(view))).unwrap_or(view.project);
            Ok((holder.clone(), id(view).clone()))
        }
        (Some(_), jobs) => {
            let name = visible(reference.as_str());
            Err(ambiguous(format!("{jobs} jobs have the name {name}"), "name one by its id", &found))
        }
    }
}

/// The ids of all jobs that a reference names, in these projects if some are given; none if the
/// daemon watches no such job.
pub(super) fn all(
    engine: &Engine,
    reference: &Reference,
    projects: Option<&BTreeSet<ProjectName>>,
) -> Result<BTreeSet<JobId>, RequestError> {
    Ok(found(engine, reference, projects)?.iter().map(|view| id(view).clone()).collect())
}

fn found<'a>(
    engine: &'a Engine,
    reference: &Reference,
    projects: Option<&BTreeSet<ProjectName>>,
) -> Result<Vec<JobView<'a>>, RequestError> {
    match engine.resolve(reference, projects) {
        Resolution::Found(views) => Ok(views),
        Resolution::Ambiguous(views) => {
            let error = format!("several ids begin with {}", visible(reference.as_str()));
            Err(ambiguous(error, "give more of the id", &views))
        }
    }
}

fn ambiguous(error: String, what_to_do: &str, views: &[JobView<'_>]) -> RequestError {
    let listed: BTreeSet<_> = views.iter().map(label).collect();
    let more = if listed.len() > LISTED { ", …" } else { "" };
    let listed: Vec<_> = listed.into_iter().take(LISTED).collect();
    let help = format!("{what_to_do}: {}{more}", listed.join(", "));
    RequestError::new(RequestErrorKind::Invalid, error).with_help(help)
}

/// A job with what distinguishes it for people, such as `rj-1 (nightly, failed)`.
fn label(view: &JobView<'_>) -> String {
    let outcome = view.outcome().label();
    let name = view.tracker.settings().name.as_deref().or(view.tracker.facts().target_index_name.as_deref());
    let words: Vec<_> = name.into_iter().chain([outcome.as_str()]).collect();
    format!("{} ({})", id(view), words.join(", "))
}

fn id<'a>(view: &JobView<'a>) -> &'a JobId {
    &view.tracker.settings().id
}
