//! Settings: what a configuration file, the environment and the command line mean, once checked.
//!
//! Invariant: a value of a type of this module is valid and need not be checked again. Secrets are
//! named by where they come from, and are read separately.

mod address;
mod broken;
mod choices;
mod endpoint;
pub mod environment;
mod excerpt;
mod http;
mod keys;
mod locate;
mod masks;
mod pattern;
mod problem;
mod quote;
mod reader;
mod redactor;
mod secret;
mod settings;
mod sinks;
mod surprise;
mod typo;
mod webhook_url;

pub use address::{is_private, private_host};
pub use choices::{Effort, LogFormat, LogLevel, SinkType, WebhookFormat};
pub use endpoint::{Endpoint, EndpointError, EndpointSource, is_loopback};
pub(crate) use excerpt::{Place, Source};
pub use http::{HttpSettings, ListenAddress, ListenError, normal_host};
pub use keys::{first_file, sample, schema};
pub use locate::{is_state_of_user, is_system_file, load, locate, named, state};
pub(crate) use masks::Mask;
pub use pattern::{IndexPattern, PatternError};
pub use problem::{Problem, Problems};
pub use quote::ShownPath;
pub use reader::parse;
pub use redactor::Redactor;
pub use secret::{ApiKey, SecretError, SecretSource};
pub use settings::{
    ApiSettings, CadenceSettings, DiscoverySettings, JobSettings, MonitorSettings, ProjectSettings, Rate,
    Retention, Settings, SlowAfter, StateSettings, WatchSettings, label_fault,
};
pub use sinks::{
    DesktopSettings, EventFilter, Hours, LogSettings, Meaning, Outside, Phase, Route, SinkSettings,
    SinkTarget, TargetSettings, WebhookSettings,
};
pub use webhook_url::{UrlError, UrlSource, WebhookUrl, expected_format};
