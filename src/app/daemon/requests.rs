//! What others ask of the daemon through the control socket.
//!
//! Invariant: whoever is told that something changed is told so once the change is safe.

use std::time::Duration;

use tracing::info;

use super::{Daemon, status};
use crate::adapters::control::{
    AddJobs, Changed, ExplainJob, Explanation, ForgetJobs, JobChange, JobResult, JobResults, NewJob, Reply,
    Request, RequestError, RequestErrorKind,
};
use crate::config::{JobSettings, label_fault};
use crate::engine::{AddResult, Engine, Forgotten, Input};
use crate::model::{JobId, ProjectName};

/// Answers that wait until what they say is safe.
#[derive(Default)]
pub(super) struct Promises(Vec<(u64, Box<dyn FnOnce() + Send>)>);

impl Promises {
    /// Gives the answers whose time has come.
    pub(super) fn keep(&mut self, engine: &Engine) {
        let safe = engine.committed_batches();
        for (_, answer) in self.0.extract_if(.., |(needed, _)| *needed <= safe) {
            answer();
        }
    }
}

impl Daemon {
    /// Does what is asked, and answers.
    pub(super) fn answer(&mut self, request: Request) {
        // Whoever asked may be gone.
        match request {
            Request::Status(reply) => drop(reply.send(Ok(status::full(&self.driver, &self.identity)))),
            Request::Explain(wanted, reply) => drop(reply.send(self.explain(&wanted))),
            Request::Reload(reply) => self.reloads.want(Some(reply), &mut self.liveness),
            Request::Add(jobs, reply) => match self.add(jobs) {
                Ok(results) => self.promise(reply, JobResults { jobs: results }),
                Err(refusal) => drop(reply.send(Err(refusal))),
            },
            Request::Forget(jobs, reply) => {
                let results = self.forget(jobs);
                self.promise(reply, JobResults { jobs: results });
            }
            Request::Pause(project, reply) => {
                let changed = self.driver.change(|engine, now| engine.pause(&project, now));
                self.changed(&project, changed, "paused", reply);
            }
            Request::Resume(project, reply) => {
                let changed = self.driver.change(|engine, now| engine.resume(&project, now));
                self.changed(&project, changed, "resumed", reply);
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
        let result = match self.driver.change(|engine, now| engine.add(project, job, now)) {
            Some(AddResult::New) => {
                info!(%project, job = %id, "restore {id} was added");
                JobChange::Added
            }
            Some(AddResult::Known) => JobChange::Known,
            None => JobChange::Unknown,
        };
        JobResult { id, project: Some(project.clone()), result }
    }

    fn forget(&mut self, jobs: ForgetJobs) -> Vec<JobResult> {
        let one = |id: JobId| {
            let project = jobs.project.clone().or_else(|| self.driver.engine().holder(&id).cloned());
            let Some(project) = project else {
                return JobResult { id, project: None, result: JobChange::Unknown };
            };
            let result = match self.driver.change(|engine, now| engine.forget(&project, &id, now)) {
                Forgotten::Gone => {
                    info!(%project, job = %id, "restore {id} was forgotten");
                    JobChange::Forgotten
                }
                Forgotten::Listed => JobChange::Configured,
                Forgotten::Unknown => JobChange::Unknown,
            };
            JobResult { id, project: Some(project), result }
        };
        jobs.jobs.into_iter().map(one).collect()
    }

    fn changed(&mut self, project: &ProjectName, changed: Option<bool>, how: &str, reply: Reply<Changed>) {
        let Some(changed) = changed else {
            drop(reply.send(Err(self.no_project(project))));
            return;
        };
        if changed {
            info!(%project, "project {project} was {how}");
        }
        self.promise(reply, Changed { changed });
    }

    /// Answers once everything up to now is safe.
    fn promise<T: Send + 'static>(&mut self, reply: Reply<T>, answer: T) {
        let needed = self.driver.change(Engine::promise);
        self.promises.0.push((needed, Box::new(move || drop(reply.send(Ok(answer))))));
        self.driver.handle(Input::TimeoutReached);
    }

    /// The project that a request means: the one that it names, or the only one, or the one called `default`.
    fn project(&self, wanted: Option<ProjectName>) -> Result<ProjectName, RequestError> {
        let known = self.project_names();
        match wanted {
            Some(name) if known.contains(&name) => Ok(name),
            Some(name) => Err(self.no_project(&name)),
            None => match &known[..] {
                [only] => Ok(only.clone()),
                _ if known.contains(&ProjectName::default()) => Ok(ProjectName::default()),
                _ => {
                    let refusal =
                        RequestError::new(RequestErrorKind::Invalid, "the daemon watches several projects");
                    Err(refusal.with_help(format!("choose one with --project: {}", joined(&known))))
                }
            },
        }
    }

    fn project_names(&self) -> Vec<ProjectName> {
        self.driver.engine().projects().map(|view| view.name.clone()).collect()
    }

    fn no_project(&self, name: &ProjectName) -> RequestError {
        let refusal =
            RequestError::new(RequestErrorKind::NotFound, format!("the daemon has no project `{name}`"));
        refusal.with_help(format!("it has: {}", joined(&self.project_names())))
    }
}

/// The settings that somebody wants for a job, by the rules of the configuration.
fn settings(job: NewJob) -> Result<JobSettings, RequestError> {
    let id = &job.id;
    let refusal =
        |fault: String| RequestError::new(RequestErrorKind::Invalid, format!("the job {id}: {fault}"));
    if let Some(fault) = job.name.as_ref().and_then(|name| label_fault(name, JobSettings::LONGEST_NAME)) {
        return Err(refusal(format!("its name {fault}")));
    }
    let deadline = job.deadline_seconds.map(Duration::try_from_secs_f64).transpose();
    match deadline {
        Ok(Some(deadline)) if !JobSettings::DEADLINE.contains(&deadline) => {
            Err(refusal("its deadline must lie between 1 ms and 365 days".to_owned()))
        }
        Ok(deadline) => {
            Ok(JobSettings { name: job.name, deadline, until: job.until, ..JobSettings::new(job.id) })
        }
        Err(error) => Err(refusal(format!("its deadline cannot be used: {error}"))),
    }
}

fn joined(names: &[ProjectName]) -> String {
    names.iter().map(ProjectName::as_str).collect::<Vec<_>>().join(", ")
}
