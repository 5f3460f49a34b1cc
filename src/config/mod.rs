//! Settings: what a configuration file, the environment and the command line mean, once checked.
//!
//! Invariant: a value of a type of this module is valid; whoever holds one need not check it again. Secrets are named
//! here by where they come from and are read apart.

mod address;
mod endpoint;
mod excerpt;
mod locate;
mod pattern;
mod problem;
mod reader;
mod redaction;
mod redactor;
mod secret;
mod settings;
mod sinks;
mod webhook_url;

pub use address::{is_private, private_host};
pub use endpoint::{Endpoint, EndpointError, is_loopback};
pub use locate::{load, locate, state};
pub use pattern::{IndexPattern, PatternError};
pub use problem::{Problem, Problems};
pub use reader::parse;
pub use redaction::ShownPath;
pub use redactor::Redactor;
pub use secret::{ApiKey, SecretError, SecretSource};
pub use settings::{
    ApiSettings, CadenceSettings, Discovery, Effort, HeartbeatSettings, JobSettings, ProjectSettings, Rate,
    Settings, SlowAfter, StateSettings, WatchSettings, label_fault,
};
pub use sinks::{
    DesktopSettings, EventFilter, LogFormat, LogLevel, LogSettings, SinkSettings, WebhookFormat,
    WebhookSettings,
};
pub use webhook_url::{UrlSource, WebhookUrl};
