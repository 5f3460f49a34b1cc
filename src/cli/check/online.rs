//! Asks the API about the projects and jobs of a configuration, and a database about the state.
//!
//! Invariant: each request waits for the rate of its project and is made once; a check ends within
//! a time limit, and says what it did not ask.

use std::path::Path;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Findings;
use crate::adapters::http;
use crate::adapters::pinecone::{self, Client};
use crate::adapters::store::{self, Probe};
use crate::cli::Failure;
use crate::config::{JobSettings, ProjectSettings, StateSettings};
use crate::engine::FailureClass;
use crate::engine::token_bucket::TokenBucket;
use crate::model::{Exit, duration};
use crate::platform::clock::Clock;
use crate::platform::shell;

/// The maximum number of jobs of a project that are asked for. At the default rate, they take about
/// 24 s.
const MAX_JOBS: usize = 50;

/// For each project. They are asked at the same time.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// When the rate must permit the last request of a project; the rest of the time is for answers.
const LAST_REQUEST: Duration = Duration::from_secs(45);

/// Asks about these projects of the file at `path`.
pub(super) async fn check(projects: Vec<(ProjectSettings, Client)>, path: &Path, clock: Clock) -> Findings {
    let mut tasks = JoinSet::new();
    for (place, (settings, client)) in projects.into_iter().enumerate() {
        let token_bucket = TokenBucket::new(settings.api.requests_per_second, settings.api.burst);
        let file = path.to_string_lossy().into_owned();
        let check = Check { settings, client, token_bucket, clock, file, findings: Findings::default() };
        tasks.spawn(async move { (place, check.run().await) });
    }

    let mut found = tasks.join_all().await;
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().fold(Findings::default(), |mut all, (_, found)| {
        all.extend(found);
        all
    })
}

/// Asks the server of the database that the state is in, if it is in one. An address that cannot be
/// used was reported when the secrets were read.
pub(super) fn check_database(state: &StateSettings) -> Findings {
    let mut findings = Findings::default();
    let is_readable = state.database().is_some_and(|database| database.read_address().is_ok());
    let Some(backend) = store::backend(state).filter(|_| is_readable) else { return findings };
    let line = format!("state: {}", backend.location());
    match backend.probe() {
        None => {}
        Some(Ok(probe)) => {
            let Probe { server, has_tables, active, warnings } = probe;
            let active = match active {
                Some(replica) => format!("replica {replica} has the lease"),
                None if has_tables => "no replica has the lease".to_owned(),
                None => "the first replica makes the tables".to_owned(),
            };
            findings.good(&format!("{line}: {server}, {active}"));
            findings.warnings.extend(warnings.iter().map(|warning| format!("warning: state: {warning}")));
        }
        Some(Err(error)) => findings.bad(&line, error.into()),
    }
    findings
}

/// The check of one project.
struct Check {
    settings: ProjectSettings,
    client: Client,
    token_bucket: TokenBucket,
    clock: Clock,
    file: String,
    findings: Findings,
}

/// The API gives no answers of use for this project, which is reported.
struct Ended;

impl Check {
    async fn run(mut self) -> Findings {
        if tokio::time::timeout(TIME_LIMIT, self.ask_all()).await.is_err() {
            let limit = duration::written(TIME_LIMIT);
            let failure = Failure::new(
                Exit::Unreachable,
                format!("{}: not all answers came within {limit}", self.owner()),
            );
            self.findings.bad(&self.owner(), failure.with_help("the API is slow; check again in a minute"));
        }
        self.findings
    }

    /// Ends early if no further answer can be better.
    async fn ask_all(&mut self) {
        if (self.settings.discover.is_some() || self.settings.jobs.is_empty())
            && self.ask_list().await.is_err()
        {
            return;
        }
        let jobs: Vec<_> = self.settings.jobs.iter().take(self.permitted()).cloned().collect();
        for job in &jobs {
            if self.ask_job(job).await.is_err() {
                return;
            }
        }
        let left_out = self.settings.jobs.len() - jobs.len();
        if left_out > 0 {
            let jobs_are = if left_out == 1 { "job is" } else { "jobs are" };
            let why = match jobs.len() {
                MAX_JOBS => format!("a check asks for {MAX_JOBS} at most"),
                _ => "`requests_per_second` permits only these within the time limit of a check".to_owned(),
            };
            let line =
                format!("  -       {}: {left_out} more {jobs_are} not asked for: {why}\n", self.owner());
            self.findings.lines.push(line);
        }
    }

    /// How many jobs may be asked for.
    fn permitted(&self) -> usize {
        let now = self.clock.now().instant;
        let is_permitted = |requests: &u32| self.token_bucket.time_for(*requests, now) <= LAST_REQUEST;
        (1..).take(MAX_JOBS).take_while(is_permitted).count()
    }

    async fn ask_list(&mut self) -> Result<(), Ended> {
        self.token().await;
        let line = format!("{}: the list of {}", self.owner(), self.address());
        match self.client.list_page(None).await.result {
            Ok(_) => self.findings.good(&line),
            Err(error) => {
                let failure = self.no_answer(&error);
                self.findings.bad(&line, failure);
                return Err(Ended);
            }
        }
        Ok(())
    }

    async fn ask_job(&mut self, job: &JobSettings) -> Result<(), Ended> {
        self.token().await;
        let name = job.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        let line = format!("{}: {}{name}", self.owner(), job.id);
        match self.client.describe(&job.id).await.result {
            Ok(found) => {
                self.findings.good(&format!("{line}: {}", found.status));
                Ok(())
            }
            // What is at another address knows no job at all.
            Err(error) if error.class() == FailureClass::NotFound && !self.client.doubts_address(&error) => {
                let text = format!("{line}: not found: {error}");
                let failure = Failure::new(Exit::NotFound, text).with_help(self.help_for_not_found());
                self.findings.bad(&line, failure);
                Ok(())
            }
            Err(error) => {
                let failure = self.no_answer(&error);
                self.findings.bad(&line, failure);
                Err(Ended)
            }
        }
    }

    /// Waits until the rate permits a request, and counts it.
    async fn token(&mut self) {
        self.clock.sleep_until(Some(self.token_bucket.ready_at())).await;
        self.token_bucket.take(self.clock.now().instant);
    }

    fn owner(&self) -> String {
        format!("project {}", self.settings.name)
    }

    /// Where requests go. A path of the endpoint may be secret.
    fn address(&self) -> String {
        http::address(&self.settings.api.endpoint.join(&[]))
    }

    fn help_for_not_found(&self) -> String {
        let project = self.settings.name.to_string();
        format!(
            "is the id right, and the key that of its project? The restores that this key sees: restore-watch list \
             --config {} --project {}",
            shell::word(&self.file),
            shell::word(&project)
        )
    }

    /// The failure of a request that says nothing about a job.
    fn no_answer(&self, error: &pinecone::Error) -> Failure {
        let key = &self.settings.api_key;
        let (exit, fault) = match error.class() {
            FailureClass::Unauthorized => (Exit::Unauthorized, format!("the API refuses the key from {key}")),
            FailureClass::Blocked => (Exit::Unauthorized, format!("{} refuses the request", self.address())),
            FailureClass::Misconfigured | FailureClass::WrongProtocol => {
                (Exit::Config, "no request can be made".to_owned())
            }
            FailureClass::Throttled => (Exit::Unreachable, "the API limits the rate".to_owned()),
            FailureClass::Transient
            | FailureClass::NotFound
            | FailureClass::Rejected(_)
            | FailureClass::Permanent
            | FailureClass::Gone => (Exit::Unreachable, format!("{} gives no usable answer", self.address())),
        };
        let failure = Failure::new(exit, format!("{}: {fault}: {error}", self.owner()));
        self.client.advice(error).into_iter().fold(failure, Failure::with_help)
    }
}
