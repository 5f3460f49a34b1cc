//! Clients and sinks from settings: everything that can fail before the first poll.
//!
//! Invariant: projects that reach one endpoint in the same way share one HTTP client and so its connections.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::adapters::http::{self, ClientError, ClientOptions};
use crate::adapters::pinecone;
use crate::adapters::sinks::{Sink, SinkError};
use crate::adapters::telemetry;
use crate::config::{ProjectSettings, SecretError, SinkSettings};
use crate::engine::{Plan, SinkPlan};
use crate::model::{ProjectName, SinkName};

/// Everything that keeps the parts from being put together, at least one thing. All of it can be mended in the
/// configuration or its surroundings.
#[derive(Debug)]
pub struct ComposeErrors(pub Vec<ComposeError>);

impl std::error::Error for ComposeErrors {}

impl fmt::Display for ComposeErrors {
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

impl ComposeError {
    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Key { error: SecretError::EnvMissing(_), .. } => {
                Some("set it to the API key of the project, as https://app.pinecone.io shows it")
            }
            Self::Client { error, .. } | Self::Sink(SinkError::Client { error, .. }) => error.help(),
            _ => None,
        }
    }
}

/// One thing that keeps the parts from being put together.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The API key of a project cannot be had or used.
    #[error("project {project}: {error}")]
    Key {
        /// The project.
        project: ProjectName,
        /// What is wrong.
        error: SecretError,
    },
    /// The HTTP client of a project cannot be built.
    #[error("project {project}: {error}")]
    Client {
        /// The project.
        project: ProjectName,
        /// What is wrong.
        error: ClientError,
    },
    /// A sink cannot be set up.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Everything that a configuration stands for, put together: nothing of it can fail any more.
#[derive(Debug)]
pub struct Setup {
    projects: Vec<ProjectSettings>,
    plans: Vec<SinkPlan>,
    keep: Duration,
    pub(super) clients: BTreeMap<ProjectName, pinecone::Client>,
    pub(super) sinks: BTreeMap<SinkName, Arc<Sink>>,
}

impl Setup {
    /// Puts the parts together, and keeps what is over for `keep`. Reads keys, addresses and certificates.
    pub fn new(
        projects: Vec<ProjectSettings>,
        sinks: &[SinkSettings],
        keep: Duration,
    ) -> Result<Self, ComposeErrors> {
        match (clients(&projects), self::sinks(sinks)) {
            (Ok(clients), Ok((sinks, plans))) => {
                let sinks = sinks.into_iter().map(|(name, sink)| (name, Arc::new(sink))).collect();
                Ok(Self { projects, plans, keep, clients, sinks })
            }
            (clients, sinks) => {
                let errors = [clients.err(), sinks.err()].into_iter().flatten();
                Err(ComposeErrors(errors.flat_map(|errors| errors.0).collect()))
            }
        }
    }

    /// What the engine is to do with it.
    pub(super) fn plan(&self) -> Plan<'_> {
        Plan { projects: &self.projects, sinks: self.plans.clone(), keep: self.keep }
    }
}

/// The clients of these projects.
pub fn clients(
    projects: &[ProjectSettings],
) -> Result<BTreeMap<ProjectName, pinecone::Client>, ComposeErrors> {
    let mut shared = Vec::new();
    let mut clients = BTreeMap::new();
    let mut errors = Vec::new();
    for settings in projects {
        match client(settings, &mut shared) {
            Ok(client) => drop(clients.insert(settings.name.clone(), client)),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(clients) } else { Err(ComposeErrors(errors)) }
}

fn client(
    settings: &ProjectSettings,
    shared: &mut Vec<(ClientOptions, http::Client)>,
) -> Result<pinecone::Client, ComposeError> {
    let project = || settings.name.clone();
    let key =
        settings.api_key.read_api_key().map_err(|error| ComposeError::Key { project: project(), error })?;
    let options = ClientOptions::new(&settings.api.endpoint.join(&[]), settings.api.ca_file.as_deref())
        .within(settings.api.request_timeout);
    let known = shared.iter().find(|(known, _)| *known == options).map(|(_, http)| http.clone());
    let http = if let Some(http) = known {
        http
    } else {
        let http =
            http::client(&options).map_err(|error| ComposeError::Client { project: project(), error })?;
        shared.push((options, http.clone()));
        http
    };
    Ok(pinecone::Client::new(http, &settings.api, key))
}

/// The sinks of these settings, and what the engine must know of them.
pub fn sinks(settings: &[SinkSettings]) -> Result<(BTreeMap<SinkName, Sink>, Vec<SinkPlan>), ComposeErrors> {
    let mut sinks = BTreeMap::new();
    let mut plans = Vec::new();
    let mut errors = Vec::new();
    for settings in settings {
        match Sink::new(settings, telemetry::written) {
            Ok(sink) => {
                plans.push(sink.plan(settings));
                sinks.insert(SinkName::new(settings.name()), sink);
            }
            Err(error) => errors.push(ComposeError::Sink(error)),
        }
    }
    if errors.is_empty() { Ok((sinks, plans)) } else { Err(ComposeErrors(errors)) }
}
