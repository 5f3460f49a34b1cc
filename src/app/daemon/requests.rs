//! Answers requests over the control socket.
//!
//! Invariant: a change is confirmed only after it is committed.

use std::time::Duration;

use tracing::info;

use super::{Daemon, status};
use crate::adapters::control::{
    AddJobs, Changed, ExplainJob, Explanation, ForgetJobs, JobChange, JobResult, JobResults, NewJob, Reply,
    Request, RequestError, RequestErrorKind,
};
use crate::config::{JobSettings, label_fault};
use crate::engine::{Command, CommitTicket, Engine, Reply as EngineReply};
use crate::model::{JobId, ProjectName};

/// Answers that wait until the change that they confirm is committed.
#[derive(Default)]
pub(super) struct AnswersAfterCommit(Vec<(CommitTicket, Box<dyn FnOnce() + Send>)>);

impl AnswersAfterCommit {
    /// Sends the answers whose change is committed.
    pub(super) fn send_committed(&mut self, engine: &Engine) {
        for (_, send) in self.0.extract_if(.., |(ticket, _)| engine.is_committed(*ticket)) {
            send();
        }
    }
}

impl Daemon {
    /// Carries out a request and answers it.
    pub(super) fn answer(&mut self, request: Request) {
        // A failed send means that the client is gone.
        match request {
            Request::Status(reply) => drop(reply.send(Ok(status::full(&self.driver, &self.identity)))),
            Request::Explain(wanted, reply) => drop(reply.send(self.explain(&wanted))),
            Request::Reload(reply) => self.reloads.request(Some(reply), &mut self.liveness),
            Request::Add(jobs, reply) => match self.add(jobs) {
                Ok(results) => self.answer_after_commit(reply, JobResults { jobs: results }),
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Forget(jobs, reply) => {
                let results = self.forget(jobs);
                self.answer_after_commit(reply, JobResults { jobs: results });
            }
            Request::Pause(project, reply) => {
                let paused = self.driver.command(Command::Pause(project.clone()));
                self.changed(&project, &paused, "paused", reply);
            }
            Request::Resume(project, reply) => {
                let resumed = self.driver.command(Command::Resume(project.clone()));
                self.changed(&project, &resumed, "resumed", reply);
            }
        }
    }

    fn explain(&self, wanted: &ExplainJob) -> Result<Explanation, RequestError> {
        let engine = self.driver.engine();
        let project = wanted.project.as_ref().or_else(|| engine.holder(&wanted.job));
        let explanation = project.and_then(|project| engine.explain(project, &wanted.job, self.driver.now()));
        explanation.map(Explanation::from).ok_or_else(|| {
            let of_project = wanted.project.as_ref().map(|name| format!(" in the project {name}"));
            let message =
                format!("the daemon does not watch {}{}", wanted.job, of_project.unwrap_or_default());
            RequestError::new(RequestErrorKind::NotFound, message)
                .with_help(format!("to have it watched: restore-watch add {}", wanted.job))
        })
    }

    fn add(&mut self, jobs: AddJobs) -> Result<Vec<JobResult>, RequestError> {
        let project = self.project(jobs.project)?;
        let settings = jobs.jobs.into_iter().map(settings).collect::<Result<Vec<_>, _>>()?;
        Ok(settings.into_iter().map(|job| self.add_one(&project, job)).collect())
    }

    fn add_one(&mut self, project: &ProjectName, job: JobSettings) -> JobResult {
        let id = job.id.clone();
        let result = match self.driver.command(Command::Add(project.clone(), job)) {
            EngineReply::Done => {
                info!(%project, job = %id, "restore {id} was added");
                JobChange::Added
            }
            EngineReply::Unchanged => JobChange::Known,
            _ => JobChange::Unknown,
        };
        JobResult { id, project: Some(project.clone()), result }
    }

    fn forget(&mut self, jobs: ForgetJobs) -> Vec<JobResult> {
        let one = |id: JobId| {
            let project = jobs.project.clone().or_else(|| self.driver.engine().holder(&id).cloned());
            let Some(project) = project else {
                return JobResult { id, project: None, result: JobChange::Unknown };
            };
            let result = match self.driver.command(Command::Forget(project.clone(), id.clone())) {
                EngineReply::Done => {
                    info!(%project, job = %id, "restore {id} was forgotten");
                    JobChange::Forgotten
                }
                EngineReply::Configured => JobChange::Configured,
                _ => JobChange::Unknown,
            };
            JobResult { id, project: Some(project), result }
        };
        jobs.jobs.into_iter().map(one).collect()
    }

    fn changed(&mut self, project: &ProjectName, outcome: &EngineReply, how: &str, reply: Reply<Changed>) {
        let changed = match outcome {
            EngineReply::UnknownProject => {
                drop(reply.send(Err(self.no_project(project))));
                return;
            }
            outcome => *outcome == EngineReply::Done,
        };
        if changed {
            info!(%project, "project {project} was {how}");
        }
        self.answer_after_commit(reply, Changed { changed });
    }

    /// Answers once everything up to now is committed.
    fn answer_after_commit<T: Send + 'static>(&mut self, reply: Reply<T>, answer: T) {
        self.driver.command(Command::Commit);
        let ticket = self.driver.engine().commit_ticket();
        self.answers.0.push((ticket, Box::new(move || drop(reply.send(Ok(answer))))));
    }

    /// The project of a request: the one that it names, else the only one, else the one called
    /// `default`.
    fn project(&self, wanted: Option<ProjectName>) -> Result<ProjectName, RequestError> {
        let known = self.project_names();
        match wanted {
            Some(name) if known.contains(&name) => Ok(name),
            Some(name) => Err(self.no_project(&name)),
            None => match &known[..] {
                [only] => Ok(only.clone()),
                _ if known.contains(&ProjectName::default()) => Ok(ProjectName::default()),
                _ => {
                    let error =
                        RequestError::new(RequestErrorKind::Invalid, "the daemon watches several projects");
                    Err(error.with_help(format!("choose one with --project: {}", joined(&known))))
                }
            },
        }
    }

    fn project_names(&self) -> Vec<ProjectName> {
        self.driver.engine().projects().map(|view| view.name.clone()).collect()
    }

    fn no_project(&self, name: &ProjectName) -> RequestError {
        let error =
            RequestError::new(RequestErrorKind::NotFound, format!("the daemon has no project `{name}`"));
        error.with_help(format!("it has: {}", joined(&self.project_names())))
    }
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

fn joined(names: &[ProjectName]) -> String {
    names.iter().map(ProjectName::as_str).collect::<Vec<_>>().join(", ")
}
