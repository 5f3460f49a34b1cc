//! Reports the state of the daemon: in one line, and in full.

use std::fmt::Write as _;

use super::requests;
use crate::adapters::control::{
    DaemonStatus, DeliveriesReport, JobCursor, JobStatus, JobsPart, OutboxStatus, ProjectStatus,
    RequestError, SinkStatus, Status, StatusPart,
};
use crate::app::diagnostics::left_out_in_words;
use crate::app::driver::Driver;
use crate::app::plural::counted;
use crate::engine::{Engine, IndexWatch, JobView, ProjectView, SinkView, Totals};
use crate::model::time::{Instant, Now};
use crate::model::{Outcome, duration};

/// How many jobs one part of a status is made of: few enough for the loop to be free again within
/// milliseconds, and enough for the switch from part to part to be cheap.
const JOBS_IN_PART: usize = 500;

/// Everything in one line, such as `watching 12 restores in 2 projects, 3 ended; next poll in 4 s;
/// 1 delivery pending`.
pub(super) fn summary(engine: &Engine, now: Now) -> String {
    let projects: Vec<_> = engine.projects().collect();
    let Totals { jobs, ended, not_found, unreachable, .. } = engine.totals();
    let restores = counted(jobs - ended, "restore", "restores");
    let mut line = format!("watching {restores} in {}", counted(projects.len(), "project", "projects"));
    let mut add = |part: String| _ = write!(line, "{part}");
    if ended > 0 {
        add(format!(", {ended} ended"));
    }
    for (count, what) in [(not_found, Outcome::NotFound), (unreachable, Outcome::Unreachable)] {
        if count > 0 {
            add(format!(", {count} {}", what.label()));
        }
    }
    for project in projects.iter().filter(|project| project.unauthorized.is_some() && is_watched(project)) {
        add(format!("; the key of {} is refused", project.name));
    }
    for project in projects.iter().filter(|project| project.misconfigured.is_some() && is_watched(project)) {
        add(format!("; {} is misconfigured", project.name));
    }
    for project in projects.iter().filter(|project| project.paused_since.is_some()) {
        add(format!("; {} is paused", project.name));
    }
    if let Some(next) = engine.polls().next_at() {
        add(format!("; next poll in {}", duration::remaining(next.since(now.instant))));
    }
    let pending = engine.deliveries().pending();
    if pending > 0 {
        add(format!("; {} pending", counted(pending, "delivery", "deliveries")));
    }
    line
}

/// Whether the project has an unfinished restore or discovers restores.
fn is_watched(project: &ProjectView<'_>) -> bool {
    project.open > 0 || project.discovers
}

/// Why the end of some restore would go unnoticed, if it would.
pub(super) fn trouble(driver: &Driver) -> Option<String> {
    if let Some(what) = driver.stuck() {
        return Some(format!("{what} does not end"));
    }
    let now = driver.now().instant;
    let watched = |project: &ProjectView<'_>| project.paused_since.is_none() && is_watched(project);
    driver.engine().projects().filter(watched).find_map(|project| {
        let name = project.name;
        let lasts =
            |since: Option<Instant>| since.is_some_and(|at| now.since(at) >= project.unreachable_after);
        let is_unanswered = lasts(project.unanswered_since);
        match project.unauthorized {
            Some(_) => Some(format!("the key of the project {name} is refused")),
            None if project.misconfigured.is_some() => {
                let reason = project.misconfigured.unwrap_or_default();
                Some(format!("the project {name} is misconfigured: {reason}"))
            }
            None if is_unanswered => Some(format!("the API of the project {name} cannot be reached")),
            None if lasts(project.list_failing_since) => {
                Some(format!("the restores of the project {name} cannot be listed"))
            }
            None if project.left_out.is_some() => project.left_out.map(|reason| {
                let reason = left_out_in_words(reason);
                format!("not all restores of the project {name} are watched: {reason}")
            }),
            None => match driver.engine().polls().overdue(name, now) {
                0 => None,
                polls => Some(format!("polls of the project {name} are overdue: {polls}")),
            },
        }
    })
}

/// What identifies a daemon.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) started_at: jiff::Timestamp,
    pub(super) config: Option<std::path::PathBuf>,
}

/// Everything in full, with the first of the jobs that are meant.
pub(super) fn full(
    driver: &Driver,
    identity: &Identity,
    cursor: JobCursor,
) -> Result<StatusPart, RequestError> {
    let (engine, now) = (driver.engine(), driver.now());
    for project in cursor.filter.projects.iter().flatten() {
        requests::check_project(engine, project)?;
    }

    let JobsPart { jobs, rest } = jobs(driver, cursor);
    let daemon = DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: identity.started_at,
        timestamp: now.wall,
        config: identity.config.clone(),
        summary: summary(engine, now),
        trouble: trouble(driver),
        projects: engine.projects().map(project_status).collect(),
    };
    let outbox = OutboxStatus {
        sinks: engine.sinks().map(sink_status).collect(),
        deliveries: DeliveriesReport { pending: engine.deliveries().pending() },
    };
    Ok(StatusPart { status: Status { daemon, jobs, outbox }, rest })
}

/// The jobs that come next.
pub(super) fn jobs(driver: &Driver, cursor: JobCursor) -> JobsPart {
    let (engine, now) = (driver.engine(), driver.now());
    let JobCursor { filter, after } = cursor;
    let page = engine.job_page(&filter, after.as_ref(), JOBS_IN_PART);

    let jobs = page.jobs.iter().map(|(view, next)| job_status(engine, view, *next, now)).collect();
    JobsPart { jobs, rest: page.end.map(|end| JobCursor { filter, after: Some(end) }) }
}

fn job_status(engine: &Engine, view: &JobView<'_>, next_poll: Option<Instant>, now: Now) -> JobStatus {
    let tracker = view.tracker;
    JobStatus {
        project: view.project.clone(),
        job: tracker.job(),
        outcome: view.outcome(),
        until: tracker.until(),
        index_state: tracker.index().and_then(IndexWatch::state).map(ToString::to_string),
        status: tracker.status().map(ToString::to_string),
        elapsed: tracker.elapsed(now),
        answered_at: tracker.answered_at().map(|at| now.wall_at(at)),
        next_poll_at: next_poll.map(|at| now.wall_at(at)),
        polls: view.polls,
        last_error: view.unauthorized.or(tracker.last_error()).map(str::to_owned),
        pending_deliveries: engine.deliveries().pending_of(view.project, &tracker.settings().id),
        configured: view.is_configured,
        added: view.is_added,
        discovered: view.is_discovered,
        paused: view.is_paused,
    }
}

fn project_status(view: ProjectView<'_>) -> ProjectStatus {
    ProjectStatus {
        name: view.name.clone(),
        paused_since: view.paused_since.map(|since| since.wall),
        refused: view.unauthorized.map(str::to_owned),
        requests_per_second: view.requests_per_second,
        limited: view.limited.map(str::to_owned),
        expected: view.expectation,
        open: view.open,
        ended: view.ended,
    }
}

fn sink_status(view: SinkView<'_>) -> SinkStatus {
    SinkStatus {
        name: view.name.clone(),
        configured: view.is_configured,
        disabled: view.disabled.map(str::to_owned),
        pending: view.pending,
    }
}
