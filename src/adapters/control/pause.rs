//! Pausing and resuming a project.

use serde::{Deserialize, Serialize};

/// The answer to a request to pause or resume a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// False if the project was in that state already.
    pub changed: bool,
}
