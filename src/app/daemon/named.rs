//! Which jobs a request names: by an id, a name or the beginning of an id.
//!
//! Invariant: no request guesses. What stands for several jobs is refused where one is meant, with
//! the jobs that it may be.

use std::collections::BTreeSet;

use crate::adapters::report::{RequestError, RequestErrorKind};
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
    choose(engine, reference, project, |_| true)
}

/// The same for a change that cannot be undone: only what the reference names clearly is found.
pub(super) fn one_to_forget(
    engine: &Engine,
    reference: &Reference,
    project: Option<&ProjectName>,
) -> Result<JobKey, RequestError> {
    choose(engine, reference, project, |view| {
        let settings = view.tracker.settings();
        reference.is_clear(settings.id.as_str(), settings.name.as_deref())
    })
}

fn choose(
    engine: &Engine,
    reference: &Reference,
    project: Option<&ProjectName>,
    is_meant: impl Fn(&JobView<'_>) -> bool,
) -> Result<JobKey, RequestError> {
    // A whole id first: what was added to a project that is no longer configured is known, too.
    if let Ok(id) = JobId::new(reference.as_str())
        && let Some(holder) = engine.holder(&id, project)
    {
        return Ok((holder.clone(), id));
    }

    let projects = project.map(|name| BTreeSet::from([name.clone()]));
    let mut found = found(engine, reference, projects.as_ref())?;
    found.retain(is_meant);
    let ids: BTreeSet<_> = found.iter().map(id).collect();
    if ids.len() > 1 {
        let error = format!("{} jobs have the name {}", ids.len(), visible(reference.as_str()));
        return Err(ambiguous(error, "name one by its id", &found));
    }

    // Another project may have a job of this id under another name.
    let added = found.iter().find(|view| view.is_added && !view.is_configured);
    let view = added.or(found.first()).ok_or_else(|| RequestError::not_watched(reference, project))?;
    Ok(view.key())
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
