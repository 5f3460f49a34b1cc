//! Settings: what a configuration file, the environment and the command line mean, once checked.
//!
//! Invariant: a value of a type of this module is valid; whoever holds one need not check it again. Secrets are named
//! here by where they come from and are read apart.

pub mod duration;
mod endpoint;
mod secret;
mod settings;

pub use endpoint::{Endpoint, EndpointError};
pub use secret::{ApiKey, SecretError, SecretSource};
pub use settings::{
    ApiSettings, CadenceSettings, DesktopSettings, EventFilter, JobSettings, LogFormat, LogLevel,
    LogSettings, ProjectSettings, Rate, Settings, SinkSettings, UrlSource, WatchSettings, WebhookSettings,
    WebhookUrl,
};
