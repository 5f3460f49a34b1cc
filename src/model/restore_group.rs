//! Restores that are alike.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::index_stem;

/// What restores of a project have in common that are expected to take about as long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RestoreGroup {
    /// They are of the backup of this id.
    Backup(String),
    /// They are into indexes of this name, in lower case and without its endings of digits, dates
    /// and hex.
    Index(String),
}

impl RestoreGroup {
    /// The group of the restores into an index of this name.
    pub fn of_index(name: &str) -> Self {
        Self::Index(index_stem(name).to_ascii_lowercase())
    }
}

impl fmt::Display for RestoreGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backup(id) => write!(f, "backup {id}"),
            Self::Index(name) => f.write_str(name),
        }
    }
}
