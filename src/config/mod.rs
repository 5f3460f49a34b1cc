//! Settings: what a configuration file, the environment and the command line mean, once checked.
//!
//! Invariant: a value of a type of this module is valid and need not be checked again. Secrets are
//! named by where they come from, and are read separately.

mod address;
mod broken;
mod choices;
mod connection_string;
mod endpoint;
pub mod environment;
mod excerpt;
mod http;
mod keys;
mod locate;
mod masks;
mod pattern;
mod problem;
mod proxy_address;
mod quote;
mod reader;
mod redactor;
mod secret;
mod secret_words;
mod settings;
mod sinks;
mod state;
mod surprise;
mod typo;
mod webhook_url;

pub use address::{is_private, private_host};
pub use choices::{Effort, EmailTls, LogFormat, LogLevel, SinkType, WebhookFormat};
pub use connection_string::{ChannelBinding, ConnectionFault, ConnectionString, DatabaseHost, Encryption};
pub use endpoint::{Endpoint, EndpointError, EndpointSource, is_loopback};
pub(crate) use excerpt::{Place, Source};
pub use http::{HttpSettings, ListenAddress, ListenError, normal_host};
pub use keys::{first_file, first_file_of_service, sample, schema};
pub use locate::{is_state_of_user, is_system_file, load, locate, named, state, state_of};
pub(crate) use masks::Mask;
pub use pattern::{IndexPattern, NamePattern, PatternError};
pub use problem::{Problem, Problems};
pub use proxy_address::{ProxyAddress, hide_credentials};
pub use quote::ShownPath;
pub use reader::parse;
pub use redactor::Redactor;
pub use secret::{ApiKey, SecretError, SecretSource};
pub use settings::{
    ApiSettings, CadenceSettings, DiscoverySettings, JobSettings, MonitorSettings, ProjectSettings, Rate,
    Retention, Settings, SlowAfter, WatchSettings, label_fault,
};
pub use sinks::{
    Authorization, ClientCert, DesktopSettings, EmailLogin, EmailSettings, EventFilter, ExecSettings, Header,
    HeaderSettings, HeaderText, Hours, LogSettings, Meaning, Outside, Phase, ProxySource, ProxySourceError,
    Restore, Route, SinkSettings, SinkTarget, TargetSettings, TemplateSettings, TransportSettings,
    WebhookSettings, header_fault, trusted,
};
pub use state::{
    ClusterSettings, PostgresAddress, PostgresAddressError, PostgresSettings, StatePlace, StateSettings,
};
pub use webhook_url::{UrlError, UrlSource, WebhookUrl, expected_format};
