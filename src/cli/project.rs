//! Which project a command asks the API about.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use crate::config::{self, Endpoint, Problems, ProjectSettings, Settings};
use crate::model::Exit;

/// Which project is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct ProjectArgs {
    /// Read the project from this configuration file, instead of from the environment
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The project of the configuration file, if it has several
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
}

impl ProjectArgs {
    /// The configuration file, if one is named.
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The name of the project, if it is given.
    pub(super) fn name(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The options as they were given.
    pub(super) fn words(&self) -> Vec<String> {
        let config = self.config.as_ref().map(|path| path.display().to_string());
        let given = [("--config", config), ("--project", self.project.clone())];
        let words = given.into_iter().filter_map(|(option, value)| Some([option.to_owned(), value?]));
        words.flatten().collect()
    }

    /// The settings of the project: from a configuration if a file or a project is named, else from
    /// `PINECONE_API_KEY` and `PINECONE_CONTROLLER_HOST`.
    pub(super) fn choose(&self) -> Result<ProjectSettings, Failure> {
        if self.config.is_none() && self.project.is_none() {
            return from_environment();
        }
        let path = config::locate(self.config.as_deref()).map_err(|problems| self.no_file(problems))?;
        pick(config::load(&path)?, self.project.as_deref())
    }

    /// The error if no configuration file is found. The usual one is about what to write there.
    fn no_file(&self, problems: Problems) -> Failure {
        let is_file_named = self.config.is_some() || std::env::var_os("RESTORE_WATCH_CONFIG").is_some();
        match &self.project {
            Some(project) if !is_file_named => {
                let message = format!("no configuration file is found that could have a project `{project}`");
                Failure::new(Exit::Config, message).with_help(
                    "name the file with --config; or leave --project out: the key in PINECONE_API_KEY decides the project",
                )
            }
            _ => problems.into(),
        }
    }
}

fn from_environment() -> Result<ProjectSettings, Failure> {
    let mut project = ProjectSettings::default();
    match std::env::var("PINECONE_CONTROLLER_HOST") {
        Ok(host) if !host.is_empty() => {
            project.api.endpoint = Endpoint::of_environment(&host, false)
                .map_err(|error| Failure::new(Exit::Config, format!("PINECONE_CONTROLLER_HOST: {error}")))?;
        }
        Ok(_) | Err(std::env::VarError::NotPresent) => {}
        Err(std::env::VarError::NotUnicode(_)) => {
            return Err(Failure::new(Exit::Config, "PINECONE_CONTROLLER_HOST is not valid UTF-8"));
        }
    }
    Ok(project)
}

/// The project of this name, or the only one.
fn pick(settings: Settings, name: Option<&str>) -> Result<ProjectSettings, Failure> {
    let names: Vec<_> = settings.projects.iter().map(|project| project.name.to_string()).collect();
    let known = names.join(", ");
    let mut projects = settings.projects.into_iter();

    match name {
        Some(name) => projects.find(|project| project.name.as_str() == name).ok_or_else(|| {
            Failure::usage(format!("the configuration has no project `{name}`"))
                .with_help(format!("it has: {known}"))
        }),
        None => match (projects.next(), projects.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Failure::usage("the configuration has several projects")
                .with_help(format!("choose one with --project: {known}"))),
        },
    }
}
