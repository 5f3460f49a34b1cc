//! Clients and sinks from settings: everything that can fail before the first poll.
//!
//! Invariant: projects that reach their endpoints in the same way share one HTTP client and so their connections.

use std::collections::BTreeMap;

use crate::config::{ProjectSettings, SecretError, SinkSettings};
use crate::http::{self, ClientError, Purpose};
use crate::model::ProjectName;
use crate::pinecone;
use crate::sink::{Sink, SinkError};

/// Why the parts could not be put together. All of it can be mended in the configuration or its surroundings.
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

/// The clients of these projects.
pub fn clients(
    projects: &[ProjectSettings],
) -> Result<BTreeMap<ProjectName, pinecone::Client>, ComposeError> {
    let mut shared: Vec<(Purpose, reqwest::Client)> = Vec::new();
    let mut clients = BTreeMap::new();
    for settings in projects {
        let project = || settings.name.clone();
        let key = settings
            .api_key
            .read_api_key()
            .map_err(|error| ComposeError::Key { project: project(), error })?;
        let purpose = Purpose::new(&settings.api.endpoint.join(&[]), settings.api.ca_file.as_deref());
        let known = shared.iter().find(|(known, _)| *known == purpose).map(|(_, http)| http.clone());
        let http = if let Some(http) = known {
            http
        } else {
            let http =
                http::client(&purpose).map_err(|error| ComposeError::Client { project: project(), error })?;
            shared.push((purpose, http.clone()));
            http
        };
        clients.insert(project(), pinecone::Client::new(http, &settings.api, key));
    }
    Ok(clients)
}

/// The sinks of these settings, in their order.
pub fn sinks(settings: &[SinkSettings]) -> Result<Vec<Sink>, ComposeError> {
    settings.iter().map(|sink| Sink::new(sink).map_err(ComposeError::from)).collect()
}
