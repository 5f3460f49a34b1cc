//! Builds clients and sinks from settings: everything that can fail before the first poll.
//!
//! Invariant: projects that reach one endpoint in the same way share one HTTP client and its
//! connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::adapters::http::{self, ClientError, ClientOptions};
use crate::adapters::pinecone;
use crate::adapters::sinks::{Sink, SinkError};
use crate::adapters::telemetry;
use crate::config::{JobSettings, ProjectSettings, Retention, SecretError, SinkSettings};
use crate::engine::{Plan, SinkPlan};
use crate::model::{JobId, ProjectName, SinkName};

/// All problems that prevent a setup, at least one. Each can be fixed in the configuration or its
/// environment.
#[derive(Debug)]
pub struct SetupErrors(pub Vec<SetupError>);

impl std::error::Error for SetupErrors {}

impl fmt::Display for SetupErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let line_break = if number > 0 { "\n" } else { "" };
            write!(f, "{line_break}error: {error}")?;
            if let Some(help) = error.help() {
                write!(f, "\n  help: {help}")?;
            }
        }
        Ok(())
    }
}

impl SetupErrors {
    /// The variable of the environment that should hold an API key and does not.
    pub fn missing_variable(&self) -> Option<&str> {
        self.0.iter().find_map(|error| match error {
            SetupError::Key { error: SecretError::EnvMissing(name), .. } => Some(name.as_str()),
            _ => None,
        })
    }
}

impl SetupError {
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Key { error: SecretError::EnvMissing(_), .. } => {
                Some("set it to the API key of the project, as https://app.pinecone.io shows it")
            }
            Self::Key { error, .. } => error.help(),
            Self::Client { error, .. } | Self::Sink(SinkError::Client { error, .. }) => error.help(),
            Self::Sink(error) => error.help(),
        }
    }

    /// Whether a credential cannot be read as this process has none: it was not started by systemd.
    pub fn lacks_credentials(&self) -> bool {
        match self {
            Self::Key { error, .. } => matches!(error, SecretError::NoCredentials(_)),
            Self::Client { .. } => false,
            Self::Sink(error) => error.lacks_credentials(),
        }
    }
}

/// One problem that prevents a setup.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("project {project}: {error}")]
    Key { project: ProjectName, error: SecretError },
    #[error("project {project}: {error}")]
    Client { project: ProjectName, error: ClientError },
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// A configuration with everything that it needs: nothing of it can fail any more. A copy shares its
/// clients and sinks.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the engine does with it.
    pub(super) plan: Plan,
    pub(super) clients: BTreeMap<ProjectName, pinecone::Client>,
    pub(super) sinks: BTreeMap<SinkName, Arc<Sink>>,
}

impl Setup {
    /// Reads keys, addresses and certificates.
    pub fn new(
        projects: Vec<ProjectSettings>,
        sinks: &[SinkSettings],
        keep: Retention,
    ) -> Result<Self, SetupErrors> {
        match (clients(&projects), self::sinks(sinks)) {
            (Ok(clients), Ok((sinks, plans))) => {
                let several = projects.len() > 1;
                let sinks = sinks.into_iter();
                let sinks = sinks.map(|(name, sink)| (name, Arc::new(sink.for_several_projects(several))));
                let sinks = sinks.collect();
                Ok(Self { plan: Plan { projects, sinks: plans, keep }, clients, sinks })
            }
            (clients, sinks) => {
                let errors = [clients.err(), sinks.err()].into_iter().flatten();
                Err(SetupErrors(errors.flat_map(|errors| errors.0).collect()))
            }
        }
    }

    /// What the engine does with it.
    pub fn plan(&self) -> Plan {
        self.plan.clone()
    }

    /// The sinks, by name.
    pub fn sinks(&self) -> Vec<(SinkName, Arc<Sink>)> {
        self.sinks.iter().map(|(name, sink)| (name.clone(), Arc::clone(sink))).collect()
    }

    /// Identifies what it makes of a configuration, for replicas to compare: neither secrets nor the
    /// places of files are part of it, because those may differ from machine to machine.
    pub fn fingerprint(&self) -> String {
        let Plan { projects, sinks, keep } = &self.plan;
        let mut hash = Sha256::new();
        for ProjectSettings { name, api_key: _, api, cadence, watch, jobs, discover } in projects {
            let api = (&api.endpoint, &api.version, api.requests_per_second, api.burst, api.request_timeout);
            hash.update(format!("{:?}\n", (name, api, cadence, watch, jobs, discover)));
        }
        hash.update(format!("{:?}", (sinks, keep)));
        let number =
            hash.finalize().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        format!("{number:016x}")
    }

    /// Adds a job of the only project.
    pub fn add_job(&mut self, id: JobId) {
        if let [project] = &mut self.plan.projects[..] {
            project.jobs.push(JobSettings::new(id));
        }
    }

    /// The client of the only project.
    pub fn only_client(&self) -> Option<&pinecone::Client> {
        self.clients.values().next()
    }

    /// The jobs that are named, in that order.
    pub fn named_jobs(&self) -> Vec<JobId> {
        self.plan.projects.iter().flat_map(|project| &project.jobs).map(|job| job.id.clone()).collect()
    }
}

/// The clients of these projects.
pub fn clients(projects: &[ProjectSettings]) -> Result<BTreeMap<ProjectName, pinecone::Client>, SetupErrors> {
    let mut shared = Vec::new();
    let mut clients = BTreeMap::new();
    let mut errors = Vec::new();
    for settings in projects {
        match client(settings, &mut shared) {
            Ok(client) => drop(clients.insert(settings.name.clone(), client)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(clients) } else { Err(SetupErrors(errors)) }
}

fn client(
    settings: &ProjectSettings,
    shared: &mut Vec<(ClientOptions, http::Client)>,
) -> Result<pinecone::Client, SetupError> {
    let project = || settings.name.clone();
    let key =
        settings.api_key.read_api_key().map_err(|error| SetupError::Key { project: project(), error })?;
    let options = ClientOptions::new(&settings.api.endpoint.join(&[]), settings.api.ca_file.as_deref())
        .within(settings.api.request_timeout);
    let known = shared.iter().find(|(known, _)| *known == options).map(|(_, http)| http.clone());
    let http = if let Some(http) = known {
        http
    } else {
        let http =
            http::client(&options).map_err(|error| SetupError::Client { project: project(), error })?;
        shared.push((options, http.clone()));
        http
    };
    Ok(pinecone::Client::new(http, &settings.api, key))
}

/// The sinks of these settings, and what the engine needs to know of them.
pub fn sinks(settings: &[SinkSettings]) -> Result<(BTreeMap<SinkName, Sink>, Vec<SinkPlan>), SetupErrors> {
    let mut sinks = BTreeMap::new();
    let mut plans = Vec::new();
    let mut errors = Vec::new();
    for settings in settings {
        match Sink::new(settings, telemetry::written) {
            Ok(sink) => {
                plans.push(sink.plan(settings));
                sinks.insert(SinkName::new(&settings.name), sink);
            }
            Err(error) => errors.push(SetupError::Sink(error)),
        }
    }
    if errors.is_empty() { Ok((sinks, plans)) } else { Err(SetupErrors(errors)) }
}
