//! Carries out requests over the control socket.
//!
//! Invariant: a change is confirmed only after it is committed.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tracing::info;

use super::view::WatchView;
use super::{named, silences};
use crate::adapters::control::{
    AddJobs, Change, ChangeAnswer, Changed, ExplainJob, ExplanationReport, ForgetJobs, JobChange, JobResult,
    JobResults, NewJob, SinkTests, TestSinks,
};
use crate::adapters::report::{RequestError, RequestErrorKind, Responder};
use crate::adapters::sinks::Sink;
use crate::app::driver::Driver;
use crate::app::setup::Setup;
use crate::app::sink_tests;
use crate::config::{JobSettings, label_fault};
use crate::engine::{Command, CommandReply, CommitTicket, Engine, JobKey};
use crate::model::{ProjectName, Reference, SinkName};
use crate::platform::clock::Clock;

/// Answers that wait until the change that they confirm is committed.
#[derive(Default)]
pub(super) struct AnswersAfterCommit(Vec<(CommitTicket, Answer)>);

/// Sends the answer, or the error that takes its place.
type Answer = Box<dyn FnOnce(Option<RequestError>) + Send>;

impl AnswersAfterCommit {
    /// Answers once everything up to now is committed; an error at once.
    pub(super) fn add<T: Send + 'static>(
        &mut self,
        driver: &mut Driver,
        reply: Responder<T>,
        answer: Result<T, RequestError>,
    ) {
        // A failed send means that the client is gone.
        if answer.is_err() {
            drop(reply.send(answer));
            return;
        }
        driver.command(Command::Commit);
        let ticket = driver.engine().commit_ticket();
        let send = move |error: Option<RequestError>| drop(reply.send(error.map_or(answer, Err)));
        self.0.push((ticket, Box::new(send)));
    }

    /// Sends the answers whose change is committed.
    pub(super) fn send_committed(&mut self, engine: &Engine) {
        for (_, send) in self.0.extract_if(.., |(ticket, _)| engine.is_committed(*ticket)) {
            send(None);
        }
    }

    /// Answers with this error in place of what cannot be confirmed any more.
    pub(super) fn refuse(&mut self, error: &RequestError) {
        for (_, send) in self.0.drain(..) {
            send(Some(error.clone()));
        }
    }
}

/// Carries out a change.
pub(super) fn carry_out(driver: &mut Driver, change: Change) -> ChangeAnswer {
    match change {
        Change::Add(jobs) => document(&add(driver, jobs)?),
        Change::Forget(jobs) => document(&forget(driver, &jobs)?),
        Change::Pause(project) => document(&pause(driver, &project)?),
        Change::Resume(project) => document(&resume(driver, &project)?),
        Change::SetSilence(silence) => document(&silences::set(driver, silence)?),
        Change::EndSilence(id) => document(&silences::end(driver, id)?),
    }
}

pub(super) fn document(answer: &impl Serialize) -> ChangeAnswer {
    // What goes wrong in writing JSON is a bug.
    serde_json::to_value(answer)
        .map_err(|error| RequestError::new(RequestErrorKind::Unreadable, error.to_string()))
}

/// When a job is polled next, and why.
pub(super) fn explain(
    WatchView { engine, now, .. }: WatchView<'_>,
    wanted: &ExplainJob,
) -> Result<ExplanationReport, RequestError> {
    let ExplainJob { project, job } = wanted;
    let (holder, id) = named::one(engine, job, project.as_ref())?;
    let explanation = engine.explain(&holder, &id, now);
    explanation.map(ExplanationReport::from).ok_or_else(|| RequestError::not_watched(job, project.as_ref()))
}

/// What a test of sinks needs.
pub(super) struct TestBench {
    /// The sinks of the configuration.
    pub(super) sinks: Vec<(SinkName, Arc<Sink>)>,
    /// The project that the test event is of.
    pub(super) project: ProjectName,
    pub(super) clock: Clock,
}

impl TestBench {
    pub(super) fn of(driver: &Driver) -> Self {
        let project = project_names(driver.engine()).into_iter().next().unwrap_or_default();
        Self { sinks: driver.sinks(), project, clock: driver.clock() }
    }

    pub(super) fn of_setup(setup: &Setup, clock: Clock) -> Self {
        let project = setup.plan().projects.into_iter().map(|project| project.name).next();
        Self { sinks: setup.sinks(), project: project.unwrap_or_default(), clock }
    }
}

/// Sends a test event to sinks, and answers once each of them took or refused it. The watch goes on
/// meanwhile.
pub(super) fn test_sinks(
    TestBench { sinks, project, clock }: TestBench,
    wanted: &TestSinks,
    reply: Responder<SinkTests>,
) {
    let sinks = match chosen_sinks(sinks, &wanted.sinks) {
        Ok(sinks) => sinks,
        Err(error) => return drop(reply.send(Err(error))),
    };
    info!("testing sinks: {}", joined(sinks.iter().map(|(name, _)| name.as_str())));

    tokio::spawn(async move {
        let sinks = sink_tests::run(sinks, project, clock).await;
        // A failed send means that the client is gone.
        drop(reply.send(Ok(SinkTests { sinks })));
    });
}

/// The sinks of these names; all of the configuration without any name.
fn chosen_sinks(
    mut sinks: Vec<(SinkName, Arc<Sink>)>,
    names: &[SinkName],
) -> Result<Vec<(SinkName, Arc<Sink>)>, RequestError> {
    if let Some(name) = names.iter().find(|name| !sinks.iter().any(|(known, _)| known == *name)) {
        let message = format!("the daemon has no sink `{name}`");
        let known = joined(sinks.iter().map(|(name, _)| name.as_str()));
        return Err(
            RequestError::new(RequestErrorKind::NotFound, message).with_help(format!("it has: {known}"))
        );
    }
    sinks.retain(|(name, _)| names.is_empty() || names.contains(name));
    Ok(sinks)
}

/// Watches further jobs. If one of them cannot be watched, none is.
fn add(driver: &mut Driver, jobs: AddJobs) -> Result<JobResults, RequestError> {
    let project = project(driver.engine(), jobs.project)?;
    let settings = jobs.jobs.into_iter().map(settings).collect::<Result<Vec<_>, _>>()?;
    let jobs = settings.into_iter().map(|job| add_one(driver, &project, job)).collect();
    Ok(JobResults { jobs })
}

fn add_one(driver: &mut Driver, project: &ProjectName, job: JobSettings) -> JobResult {
    let id = job.id.clone();
    let result = match driver.command(Command::Add(project.clone(), job)) {
        CommandReply::Done => {
            info!(%project, job = %id, "restore {id} was added");
            JobChange::Added
        }
        CommandReply::Unchanged => JobChange::Known,
        _ => JobChange::Unknown,
    };
    JobResult { id: id.to_string(), project: Some(project.clone()), result }
}

/// Stops watching jobs that were added. If one of them is not named clearly, none is forgotten.
fn forget(driver: &mut Driver, jobs: &ForgetJobs) -> Result<JobResults, RequestError> {
    let ForgetJobs { project, jobs } = jobs;
    let named = jobs.iter().map(|job| match named::one_to_forget(driver.engine(), job, project.as_ref()) {
        Err(error) if error.kind == RequestErrorKind::NotFound => Ok(Err(job)),
        job => job.map(Ok),
    });
    let named = named.collect::<Result<Vec<_>, _>>()?;

    let unknown = |job: &Reference| JobResult {
        id: job.as_str().to_owned(),
        project: project.clone(),
        result: JobChange::Unknown,
    };
    let results = named.into_iter().map(|job| match job {
        Ok(key) => forget_one(driver, key),
        Err(job) => unknown(job),
    });
    Ok(JobResults { jobs: results.collect() })
}

fn forget_one(driver: &mut Driver, (project, id): JobKey) -> JobResult {
    let result = match driver.command(Command::Forget(project.clone(), id.clone())) {
        CommandReply::Done => {
            info!(%project, job = %id, "restore {id} was forgotten");
            JobChange::Forgotten
        }
        CommandReply::Configured => JobChange::Configured,
        _ => JobChange::Unknown,
    };
    JobResult { id: id.to_string(), project: Some(project), result }
}

/// Makes no request for a project until it is resumed.
fn pause(driver: &mut Driver, project: &ProjectName) -> Result<Changed, RequestError> {
    let reply = driver.command(Command::Pause(project.clone()));
    changed(driver.engine(), project, &reply, "paused")
}

/// Polls the jobs of a project again.
fn resume(driver: &mut Driver, project: &ProjectName) -> Result<Changed, RequestError> {
    let reply = driver.command(Command::Resume(project.clone()));
    changed(driver.engine(), project, &reply, "resumed")
}

fn changed(
    engine: &Engine,
    project: &ProjectName,
    reply: &CommandReply,
    verb: &str,
) -> Result<Changed, RequestError> {
    if *reply == CommandReply::UnknownProject {
        return Err(no_project(engine, project));
    }
    let changed = *reply == CommandReply::Done;
    if changed {
        info!(%project, "project {project} was {verb}");
    }
    Ok(Changed { changed })
}

/// The project of a request: the one that it names, else the only one, else the one called
/// `default`.
fn project(engine: &Engine, wanted: Option<ProjectName>) -> Result<ProjectName, RequestError> {
    let known = project_names(engine);
    match wanted {
        Some(name) => check_project(engine, &name).map(|()| name),
        None => match &known[..] {
            [only] => Ok(only.clone()),
            _ if known.contains(&ProjectName::default()) => Ok(ProjectName::default()),
            _ => {
                let error =
                    RequestError::new(RequestErrorKind::Invalid, "the daemon watches several projects");
                Err(error.with_help(format!(
                    "choose one with --project: {}",
                    joined(known.iter().map(ProjectName::as_str))
                )))
            }
        },
    }
}

fn project_names(engine: &Engine) -> Vec<ProjectName> {
    engine.projects().map(|view| view.name.clone()).collect()
}

/// Refuses a project that the daemon does not have.
pub(super) fn check_project(engine: &Engine, name: &ProjectName) -> Result<(), RequestError> {
    if project_names(engine).contains(name) { Ok(()) } else { Err(no_project(engine, name)) }
}

fn no_project(engine: &Engine, name: &ProjectName) -> RequestError {
    let error = RequestError::new(RequestErrorKind::NotFound, format!("the daemon has no project `{name}`"));
    error.with_help(format!("it has: {}", joined(project_names(engine).iter().map(ProjectName::as_str))))
}

/// The settings of an added job, checked by the rules of the configuration.
fn settings(job: NewJob) -> Result<JobSettings, RequestError> {
    let id = &job.id;
    let invalid =
        |fault: String| RequestError::new(RequestErrorKind::Invalid, format!("the job {id}: {fault}"));
    if let Some(fault) = job.name.as_ref().and_then(|name| label_fault(name, JobSettings::LONGEST_NAME)) {
        return Err(invalid(format!("its name {fault}")));
    }
    let deadline = job.deadline_seconds.map(Duration::try_from_secs_f64).transpose();
    match deadline {
        Ok(Some(deadline)) if !JobSettings::DEADLINE.contains(&deadline) => {
            Err(invalid("its deadline must lie between 1 ms and 365 days".to_owned()))
        }
        Ok(deadline) => {
            Ok(JobSettings { name: job.name, deadline, until: job.until, ..JobSettings::new(job.id) })
        }
        Err(error) => Err(invalid(format!("its deadline cannot be used: {error}"))),
    }
}

pub(super) fn joined<T: AsRef<str>>(names: impl Iterator<Item = T>) -> String {
    names.map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(", ")
}
