//! Reads every secret of a configuration, and what depends on it.
//!
//! Invariant: no secret is shown, and each that cannot be used is reported.

use std::path::Path;

use super::Findings;
use crate::adapters::http::Tls;
use crate::adapters::monitor::Monitor;
use crate::adapters::pinecone::Client;
use crate::adapters::sinks::{SignatureError, check_signing_secret};
use crate::adapters::web::{Token, TokenError};
use crate::app::setup::{self, SetupErrors};
use crate::cli::{Failure, credentials};
use crate::config::{
    PostgresAddress, PostgresAddressError, PostgresSettings, ProjectSettings, SecretError, SecretSource,
    Settings, SinkSettings, SinkTarget, UrlError, UrlSource, WebhookSettings,
};
use crate::model::Exit;

/// Reads all secrets of the file at `path`. Returns the projects whose API can be called.
pub(super) fn check(settings: &Settings, path: &Path) -> (Findings, Vec<(ProjectSettings, Client)>) {
    let mut check = Check { findings: Findings::default(), lacks_credentials: false };
    let projects = settings.projects.iter().filter_map(|project| check.project(project)).collect();
    settings.sinks.iter().for_each(|sink| check.sink(sink));
    if let Some(monitor) = &settings.monitor {
        let owner = "heartbeat";
        if check.url(owner, &monitor.url, monitor.allow_http)
            && let Err(error) = Monitor::new(monitor)
        {
            check.findings.failures.push(Failure::new(Exit::Config, error.to_string()));
        }
    }

    if let Some(database) = settings.state.database() {
        check.database(database);
    }
    if let Some(source) = &settings.http.token {
        let read = Token::read(source).map(drop).map_err(|error| match error {
            TokenError::Unreadable(error) => Fault::of(error),
            error @ TokenError::Bad { .. } => Fault { help: error.help(), ..Fault::bad(error.to_string()) },
        });
        check.add("http", "token", source, read);
    }

    let Check { mut findings, lacks_credentials } = check;
    if lacks_credentials && let Some(last) = findings.failures.pop() {
        findings.failures.push(last.with_help(credentials::help(path)));
    }
    if findings.lines.is_empty() {
        findings.lines.push("  none is read by this file\n".to_owned());
    }
    (findings, projects)
}

struct Check {
    findings: Findings,
    /// Whether a credential could not be read as this process has none.
    lacks_credentials: bool,
}

impl Check {
    fn project(&mut self, project: &ProjectSettings) -> Option<(ProjectSettings, Client)> {
        let owner = format!("project {}", project.name);
        let read = project.api_key.read_api_key();
        if !self.add(&owner, "API key", &project.api_key, read.map(drop).map_err(Fault::of)) {
            return None;
        }
        match setup::clients(std::slice::from_ref(project)) {
            Ok(mut clients) => Some((project.clone(), clients.remove(&project.name)?)),
            Err(errors) => {
                self.unusable(&errors);
                None
            }
        }
    }

    fn sink(&mut self, sink: &SinkSettings) {
        let owner = format!("sink {}", sink.name);
        let mut is_readable = match &sink.target {
            SinkTarget::Webhook(webhook) => self.webhook(&owner, webhook),
            _ => true,
        };
        for (what, source) in sink.target.settings().secrets() {
            is_readable &= self.add(&owner, what, source, source.read().map(drop).map_err(Fault::of));
        }
        if !is_readable {
            return;
        }

        if let SinkTarget::Webhook(webhook) = &sink.target {
            self.warn_of_format(&sink.name, webhook);
        }
        if let Err(errors) = setup::sinks(std::slice::from_ref(sink)) {
            self.unusable(&errors);
        }
    }

    /// Reads the secrets of a webhook that have a form of their own. Returns whether they can be
    /// used.
    fn webhook(&mut self, owner: &str, webhook: &WebhookSettings) -> bool {
        let mut is_readable = self.url(owner, &webhook.url, webhook.allow_http);
        for source in &webhook.signing_secrets {
            let read = check_signing_secret(source).map_err(|error| match error {
                SignatureError::Unreadable(error) => Fault::of(error),
                SignatureError::Bad { .. } => Fault::bad(error.to_string()),
            });
            is_readable &= self.add(owner, "signing secret", source, read);
        }
        if let Some(source) = &webhook.routing_key {
            let read = webhook.read_secret_of_body(source).map(drop).map_err(Fault::of);
            is_readable &= self.add(owner, "routing key", source, read);
        }
        is_readable
    }

    fn database(&mut self, database: &PostgresSettings) {
        let owner = "state";
        if let PostgresAddress::From(source) = &database.address {
            let read = database.read_address().map(drop).map_err(|error| match error {
                PostgresAddressError::Unreadable(error) => Fault::of(error),
                error @ PostgresAddressError::Bad { .. } => {
                    Fault { help: error.help(), ..Fault::bad(error.to_string()) }
                }
            });
            self.add(owner, "address", source, read);
        }
        if let Err(error) = Tls::new(database.ca_file.as_deref()) {
            self.findings.failures.push(Failure::new(Exit::Config, format!("{owner}: {error}")));
        }
    }

    /// Reads an address that is a secret. Returns whether it can be used.
    fn url(&mut self, owner: &str, url: &UrlSource, allow_http: bool) -> bool {
        let UrlSource::From(source) = url else { return true };
        let read = url.read(allow_http).map(drop).map_err(|error| match error {
            UrlError::Unreadable(error) => Fault::of(error),
            UrlError::Bad { .. } => Fault::bad(error.to_string()),
        });
        self.add(owner, "address", source, read)
    }

    /// The reader of the file warns of addresses that are in it.
    fn warn_of_format(&mut self, sink: &str, webhook: &WebhookSettings) {
        if let UrlSource::From(_) = webhook.url
            && let Ok(url) = webhook.url.read(webhook.allow_http)
            && let Some(warning) = webhook.format_warning(sink, &url)
        {
            self.findings.warnings.push(warning.to_string());
        }
    }

    /// Adds the result for one secret. Returns whether it can be used.
    fn add(&mut self, owner: &str, what: &str, source: &SecretSource, read: Result<(), Fault>) -> bool {
        let line = format!("{owner}: {what} from {source}");
        match read {
            Ok(()) => {
                self.findings.good(&line);
                true
            }
            Err(fault) => {
                self.lacks_credentials |= fault.lacks_credentials;
                let failure = Failure::new(Exit::Config, format!("{owner}: {what}: {}", fault.text));
                self.findings.bad(
                    &line,
                    match fault.help {
                        Some(help) => failure.with_help(help),
                        None => failure,
                    },
                );
                false
            }
        }
    }

    /// Adds why something cannot be used though its secrets are readable, such as a certificate.
    fn unusable(&mut self, errors: &SetupErrors) {
        self.findings.failures.extend(errors.0.iter().map(|error| {
            let failure = Failure::new(Exit::Config, error.to_string());
            match error.help() {
                Some(help) => failure.with_help(help),
                None => failure,
            }
        }));
    }
}

/// Why a secret cannot be used.
struct Fault {
    text: String,
    help: Option<&'static str>,
    lacks_credentials: bool,
}

impl Fault {
    #[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
    fn of(error: SecretError) -> Self {
        let lacks_credentials = matches!(error, SecretError::NoCredentials(_));
        Self { text: error.to_string(), help: error.help(), lacks_credentials }
    }

    /// Of a text that says itself what to do.
    fn bad(text: String) -> Self {
        Self { text, help: None, lacks_credentials: false }
    }
}
