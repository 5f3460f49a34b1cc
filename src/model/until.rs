//! What a watch of a job is for.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::keyword::keywords;

/// Until when a job is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Until the restore ended.
    #[default]
    Completed,
    /// Until the restored index is ready, if the restore completed.
    Ready,
}

keywords!(Until { Completed = "completed", Ready = "ready" });
