//! Reports the state of the daemon: in one line, and in full.

use std::fmt::Write as _;

use super::trouble::Beside;
use super::view::WatchView;
use super::{named, requests, silences, trouble};
use crate::adapters::report::{
    DaemonStatus, DeliveriesReport, JobCursor, JobStatus, JobsPart, OutboxStatus, ProjectStatus,
    RequestError, SinkStatus, Status, StatusPart, StatusQuery,
};
use crate::app::plural::counted;
use crate::engine::{
    Engine, IndexWatch, JobFilter, JobKey, JobView, Limits, ProjectView, Selection, SinkTrouble, SinkView,
    Totals,
};
use crate::model::time::{Instant, Now};
use crate::model::{Outcome, duration};

/// How many jobs one part of a status is made of: few enough for the loop to be free again within
/// milliseconds, and enough for the switch from part to part to be cheap.
const JOBS_IN_PART: usize = 500;

/// How many jobs one part looks at to select a few of them without patterns, which takes about as
/// long.
const JOBS_LOOKED_AT: usize = 4000;

/// The most jobs before a page of a long list. A job beyond is found by a filter.
const MAX_SKIPPED: usize = 10_000;

/// Everything in one line, such as `watching 12 restores in 2 projects, 124 completed, 5 failed;
/// next poll in 4s; 1 delivery pending`.
pub(super) fn summary(view: WatchView<'_>) -> String {
    headline(view, &[])
}

/// The same with the trouble of sinks, for a service manager that shows this line alone.
pub(super) fn status_line(view: WatchView<'_>) -> String {
    headline(view, &trouble::of_sinks(view.engine, view.now))
}

fn headline(WatchView { engine, now, stands_by, .. }: WatchView<'_>, troubles: &[String]) -> String {
    let projects: Vec<_> = engine.projects().collect();
    let Totals { jobs, ended, outcomes, .. } = engine.totals();
    let restores = counted(jobs - ended, "restore", "restores");
    let mut line =
        if stands_by { format!("standby; unfinished: {restores}") } else { format!("watching {restores}") };
    let mut add = |part: String| _ = write!(line, "{part}");
    if projects.len() > 1 {
        add(format!(" in {} projects", projects.len()));
    }
    // The others that have not ended are explained below.
    let is_counted =
        |outcome: Outcome| outcome.is_final() || matches!(outcome, Outcome::NotFound | Outcome::Unreachable);
    for (outcome, count) in outcomes.iter().filter(|(outcome, _)| is_counted(*outcome)) {
        add(format!(", {count} {}", outcome.label()));
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
    for trouble in troubles {
        add(format!("; {trouble}"));
    }
    if let Some(dead_letters) = trouble::of_dead_letters(engine) {
        add(format!("; {dead_letters}"));
    }

    let silences = engine.silences().count();
    if silences > 0 {
        add(format!("; {} in force", counted(silences, "silence is", "silences are")));
    }
    if let Some(next) = engine.polls().next_at().filter(|_| !stands_by) {
        add(format!("; next poll in {}", duration::remaining(next.since(now.instant))));
    }
    let pending = engine.deliveries().pending();
    if pending > 0 {
        add(format!("; {} pending", counted(pending, "delivery", "deliveries")));
    }
    line
}

/// Whether the project has an unfinished restore or discovers restores.
pub(super) fn is_watched(project: &ProjectView<'_>) -> bool {
    project.open > 0 || project.discovers
}

/// What identifies a daemon.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) started_at: jiff::Timestamp,
    pub(super) config: Option<std::path::PathBuf>,
    pub(super) state: Option<String>,
}

/// Everything in full, with the first of the jobs that are meant.
pub(super) fn full(
    view: WatchView<'_>,
    identity: &Identity,
    beside: Beside<'_>,
    query: &StatusQuery,
) -> Result<StatusPart, RequestError> {
    let WatchView { engine, now, .. } = view;
    let JobsPart { jobs, outcomes, rest } = jobs(view, first_jobs(engine, query)?);
    let daemon = daemon(view, identity, beside);
    let outbox = OutboxStatus {
        sinks: engine.sinks().map(|sink| sink_status(&sink, now)).collect(),
        deliveries: deliveries_report(engine),
        silences: silences::all(engine, now),
    };
    Ok(StatusPart { status: Status { daemon, jobs, outcomes, outbox }, rest })
}

/// The daemon and its projects, without jobs.
pub(super) fn daemon(view: WatchView<'_>, identity: &Identity, beside: Beside<'_>) -> DaemonStatus {
    let WatchView { engine, now, .. } = view;
    DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started_at: identity.started_at,
        timestamp: now.wall,
        config: identity.config.clone(),
        state: identity.state.clone(),
        summary: summary(view),
        trouble: trouble::of_restores(view),
        troubles: trouble::all(view, &beside),
        last_reload: beside.last_reload.cloned(),
        cluster: beside.cluster,
        projects: engine.projects().map(project_status).collect(),
    }
}

/// The beginning of the jobs that a query means.
fn first_jobs(engine: &Engine, query: &StatusQuery) -> Result<JobCursor, RequestError> {
    for project in query.projects.iter().flatten() {
        requests::check_project(engine, project)?;
    }
    let mut filter = query.filter();
    for job in query.jobs.iter().flatten() {
        let ids = named::all(engine, job, query.projects.as_ref())?;
        filter.jobs.get_or_insert_default().extend(ids);
    }

    Ok(JobCursor {
        filter,
        selection: query.limits.map(|limits| Selection::new(at_most(limits))),
        ..JobCursor::default()
    })
}

/// A selection is listed in one part, and holds what it leaves out.
fn at_most(limits: Limits) -> Limits {
    Limits {
        of_section: limits.of_section.min(JOBS_IN_PART),
        skip: limits.skip.map(|jobs| jobs.min(MAX_SKIPPED)),
        ..limits
    }
}

/// The jobs that come next.
pub(super) fn jobs(view: WatchView<'_>, mut cursor: JobCursor) -> JobsPart {
    if let Some(selection) = cursor.selection.take() {
        return selected_jobs(view, cursor, selection);
    }
    let engine = view.engine;
    let page = engine.job_page(&cursor.filter, cursor.after.as_ref(), JOBS_IN_PART);

    let jobs: Vec<_> = page.jobs.iter().map(|(job, next)| job_status(view, job, *next)).collect();
    for job in &jobs {
        cursor.outcomes.add(job.outcome, 1);
    }
    JobsPart { jobs, outcomes: cursor.outcomes, rest: next_jobs(cursor, page.end) }
}

/// Goes on to select a few jobs, which are listed once all were looked at.
fn selected_jobs(view: WatchView<'_>, cursor: JobCursor, mut selection: Selection) -> JobsPart {
    let WatchView { engine, now, .. } = view;
    let JobCursor { filter, after, .. } = &cursor;
    let end = engine.select(&mut selection, filter, after.as_ref(), looked_at(filter), now);

    let page = if end.is_none() { Some(engine.selected(&selection)) } else { None };
    let jobs = page.iter().flat_map(|page| &page.jobs);
    let jobs = jobs.map(|(job, next)| job_status(view, job, *next)).collect();
    let outcomes = selection.offered();
    JobsPart { jobs, outcomes, rest: next_jobs(JobCursor { selection: Some(selection), ..cursor }, end) }
}

/// How many jobs one part looks at to select a few of them: a comparison with a pattern takes no
/// longer than the rest of the look at a job.
fn looked_at(filter: &JobFilter) -> usize {
    JOBS_LOOKED_AT / (1 + filter.indexes.as_ref().map_or(0, Vec::len))
}

/// The list after this job, if it goes on.
fn next_jobs(cursor: JobCursor, end: Option<JobKey>) -> Option<JobCursor> {
    end.map(|end| JobCursor { after: Some(end), ..cursor })
}

fn job_status(
    WatchView { engine, now, stands_by, .. }: WatchView<'_>,
    view: &JobView<'_>,
    next_poll: Option<Instant>,
) -> JobStatus {
    let (tracker, outcome) = (view.tracker, view.outcome());
    let is_open = !outcome.is_final();
    JobStatus {
        project: view.project.clone(),
        job: tracker.job(),
        outcome,
        until: tracker.until(),
        index_state: tracker.index().and_then(IndexWatch::state).map(ToString::to_string),
        status: tracker.status().map(ToString::to_string),
        end_observed_at: tracker.ended_at(),
        elapsed: tracker.elapsed(now),
        expected: if is_open { engine.expectation_of(view) } else { None },
        answered_at: tracker.answered_at().map(|at| now.wall_at(at)),
        next_poll_at: next_poll.filter(|_| !stands_by).map(|at| now.wall_at(at)),
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

fn sink_status(view: &SinkView<'_>, now: Now) -> SinkStatus {
    let (failing_since, last_error) = match view.trouble {
        Some(SinkTrouble::Failing { since, reason }) => (Some(now.wall_at(since)), Some(reason.to_owned())),
        Some(SinkTrouble::Late { .. }) | None => (None, None),
    };
    SinkStatus {
        name: view.name.clone(),
        configured: view.is_configured,
        disabled: view.disabled.map(str::to_owned),
        pending: view.pending,
        dead: view.dead_letters,
        held: view.held,
        held_until: view.closed_until,
        failing_since,
        last_error,
    }
}

fn deliveries_report(engine: &Engine) -> DeliveriesReport {
    let deliveries = engine.deliveries();
    DeliveriesReport { pending: deliveries.pending(), dead: deliveries.dead_letters() }
}
