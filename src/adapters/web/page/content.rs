//! What the page shows, as it is read from the daemon and from its state.
//!
//! Invariant: the daemon's loop is asked in parts, and what is read of the state is bounded, however
//! many restores there are. A history that cannot be read in time hides nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;

use super::query::{List, PageQuery, ROWS};
use crate::adapters::report::{DaemonStatus, StatusPart};
use crate::adapters::report::{
    History, HistoryFilter, HistoryRange, JobStatus, JobsPart, OutboxStatus, Question, ReadError, Reader,
    RequestError, RequestErrorKind, StatusQuery,
};
use crate::adapters::web::context::Context;
use crate::engine::Limits;
use crate::model::time::before;
use crate::model::{Event, EventId, Outcome, OutcomeCounts, ProjectName, Section};

/// How long the daemon has for its answer. A loop that is free answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long one read of the state may take. A disk that is slower is in trouble.
const PATIENCE_WITH_STATE: Duration = Duration::from_secs(2);

/// Restores that failed within this time are part of the title.
const RECENT: Duration = Duration::from_hours(24);

/// A restore that was cancelled did not fail.
const FAILED: [Outcome; 3] = [Outcome::Failed, Outcome::NotReady, Outcome::Unrecognised];

/// The most past restores of a project that are drawn.
const DRAWN: usize = 200;

/// The most projects that are drawn on one page.
pub(super) const DRAWN_PROJECTS: usize = 12;

/// The most events that are read out at once.
const READ_OUT: usize = 50;

/// All that the page shows.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) daemon: DaemonStatus,
    pub(super) outbox: OutboxStatus,
    pub(super) open: OpenRestores,
    /// Restores that run, for the drawings, whatever list is asked for.
    pub(super) running: Vec<JobStatus>,
    pub(super) past: Result<Past, RequestError>,
    /// The last event that was committed before all of this was read.
    pub(super) last_event: EventId,
    /// What happened since the event that the script has shown, the oldest first.
    pub(super) news: Vec<Arc<Event>>,
}

/// What the daemon's loop answers to one question.
type Answer = (DaemonStatus, OutboxStatus, OpenRestores);

/// The open restores of one page of their list.
#[derive(Debug)]
pub(super) struct OpenRestores {
    /// Those that need attention first, then the longest running.
    pub(super) jobs: Vec<JobStatus>,
    /// How many match the filters.
    pub(super) total: usize,
    /// How many there are.
    pub(super) all: usize,
}

/// What the state keeps of restores that ended.
#[derive(Debug)]
pub(super) struct Past {
    /// Those of one page of their list.
    pub(super) ended: History,
    /// How many failed within [`RECENT`], by how.
    pub(super) failed: OutcomeCounts,
    /// The last restores of each project that is drawn.
    pub(super) of_projects: Vec<(ProjectName, History)>,
}

impl Content {
    /// Reads all of it. A filter that names a project that is not watched is left out, and said to
    /// be so in `asked`.
    pub(super) async fn read(context: &Context, asked: &mut PageQuery) -> Result<Self, RequestError> {
        // Before all else: what happens meanwhile is then sent to the script again, and never lost.
        let after = asked.after;
        let (last_event, news) = read(context, move |reader| events(reader, after))
            .await
            .unwrap_or_else(|_| (after.unwrap_or(EventId::BEFORE_ALL), Vec::new()));

        let ((daemon, outbox, open), running) = in_time(all_open_restores(context, asked)).await?;

        let now = daemon.timestamp;
        let projects = drawn_projects(&daemon, asked);
        let (filter, range) = (asked.history(), range(asked));
        let past = read(context, move |reader| past(reader, &filter, range, projects, now)).await;
        Ok(Self { daemon, outbox, open, running, past, last_event, news })
    }
}

/// The past of one project, and its open restores.
pub(super) async fn of_project(
    context: &Context,
    project: &ProjectName,
) -> Result<(DaemonStatus, Vec<JobStatus>, History), RequestError> {
    let asked = PageQuery { project: Some(project.clone()), ..PageQuery::default() };
    let (daemon, _, open) = in_time(open_restores(context, &asked)).await?;
    let project = project.clone();
    let past = read(context, move |reader| past_of(reader, project)).await?;
    Ok((daemon, open.jobs, past))
}

/// Waits for the daemon's loop.
async fn in_time<T>(answer: impl Future<Output = Result<T, RequestError>>) -> Result<T, RequestError> {
    timeout(PATIENCE, answer).await.unwrap_or_else(|_| {
        let error = format!("its loop did not answer within {} seconds", PATIENCE.as_secs());
        Err(RequestError::new(RequestErrorKind::Stopping, error))
    })
}

/// Reads the state.
async fn read<T: Send + 'static>(
    context: &Context,
    read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, RequestError> {
    timeout(PATIENCE_WITH_STATE, context.read(read)).await.unwrap_or_else(|_| {
        let seconds = PATIENCE_WITH_STATE.as_secs();
        let error = format!("the state was not read within {seconds} seconds");
        Err(RequestError::new(RequestErrorKind::Stopping, error)
            .with_help("see whether the disk of the state is busy or full"))
    })
}

/// What the daemon's loop answers, with the restores that run. A filter that names a project that is
/// not watched is left out.
async fn all_open_restores(
    context: &Context,
    asked: &mut PageQuery,
) -> Result<(Answer, Vec<JobStatus>), RequestError> {
    let answer = match open_restores(context, asked).await {
        Err(fault) if fault.kind == RequestErrorKind::NotFound => {
            asked.problem = Some(fault.error);
            asked.project = None;
            open_restores(context, asked).await?
        }
        answer => answer?,
    };

    let of_project = PageQuery { project: asked.project.clone(), ..PageQuery::default() };
    let is_whole_list = asked.index.is_none() && asked.outcome.is_none() && asked.open == 0;
    let running =
        if is_whole_list { answer.2.jobs.clone() } else { open_restores(context, &of_project).await?.2.jobs };
    Ok((answer, running))
}

async fn open_restores(context: &Context, asked: &PageQuery) -> Result<Answer, RequestError> {
    let limits = Limits { of_section: ROWS, ended_within: None, skip: Some(asked.skipped(List::Open)) };
    let query = StatusQuery {
        jobs: None,
        projects: asked.project.clone().map(|project| BTreeSet::from([project])),
        indexes: asked.index.clone().map(|index| vec![index]),
        outcomes: Some(asked.outcomes(List::Open)),
        limits: Some(limits),
    };

    let StatusPart { status, mut rest } = context.ask(|reply| Question::Status(query, reply)).await?;
    let (mut jobs, mut outcomes) = (status.jobs, status.outcomes);
    while let Some(cursor) = rest {
        let part: JobsPart = context.ask(|reply| Question::Jobs(Box::new(cursor), reply)).await?;
        jobs.extend(part.jobs);
        (outcomes, rest) = (part.outcomes, part.rest);
    }

    // As the page was selected.
    jobs.sort_by_key(|job| {
        let time =
            if job.outcome.section() == Section::Running { super::times::known(job.elapsed) } else { None };
        (job.outcome.section(), std::cmp::Reverse(time))
    });
    let all = status.daemon.projects.iter().map(|project| project.open).sum();
    let open = OpenRestores { jobs, total: total(&outcomes), all };
    Ok((status.daemon.without_places(), status.outbox, open))
}

fn total(outcomes: &OutcomeCounts) -> usize {
    outcomes.count(|_| true)
}

/// The part of the ended restores that is listed; none if another outcome is asked for.
fn range(asked: &PageQuery) -> HistoryRange {
    let limit = if asked.outcomes(List::Ended).is_empty() { 0 } else { ROWS };
    HistoryRange { skip: asked.skipped(List::Ended), limit }
}

fn drawn_projects(daemon: &DaemonStatus, asked: &PageQuery) -> Vec<ProjectName> {
    let names = daemon.projects.iter().map(|project| &project.name);
    let meant = names.filter(|name| asked.project.as_ref().is_none_or(|project| project == *name));
    meant.take(DRAWN_PROJECTS).cloned().collect()
}

/// The last event, and those that a script has not shown.
fn events(reader: &mut dyn Reader, after: Option<EventId>) -> Result<(EventId, Vec<Arc<Event>>), ReadError> {
    let last = reader.last_event()?.unwrap_or(EventId::BEFORE_ALL);
    let news = match after {
        Some(shown) if last != shown => reader.events_after(shown, READ_OUT)?,
        _ => Vec::new(),
    };
    Ok((last, news))
}

fn past(
    reader: &mut dyn Reader,
    filter: &HistoryFilter,
    range: HistoryRange,
    projects: Vec<ProjectName>,
    now: Timestamp,
) -> Result<Past, ReadError> {
    let ended = reader.history(filter, range)?;
    let mut failed = OutcomeCounts::default();
    for outcome in FAILED {
        let recent = HistoryFilter {
            outcomes: Some(BTreeSet::from([outcome])),
            since: Some(before(now, RECENT)),
            ..HistoryFilter::default()
        };
        failed.add(outcome, reader.history(&recent, HistoryRange { skip: 0, limit: 0 })?.total);
    }

    let of_project = |project: ProjectName| Ok((project.clone(), past_of(reader, project)?));
    let of_projects = projects.into_iter().map(of_project).collect::<Result<_, ReadError>>()?;
    Ok(Past { ended, failed, of_projects })
}

fn past_of(reader: &mut dyn Reader, project: ProjectName) -> Result<History, ReadError> {
    let filter = HistoryFilter { projects: Some(BTreeSet::from([project])), ..HistoryFilter::default() };
    reader.history(&filter, HistoryRange { skip: 0, limit: DRAWN })
}
