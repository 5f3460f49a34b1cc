//! What a watch of a job is for.

use std::fmt;

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Until when a job is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Until it ended.
    #[default]
    Completed,
    /// Where it completed, until the index that it made serves.
    Ready,
}

impl Until {
    /// All of them, by the names that configuration and command line give them.
    pub const ALL: &[(&str, Self)] = &[("completed", Self::Completed), ("ready", Self::Ready)];
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Completed => "completed",
            Self::Ready => "ready",
        })
    }
}
