//! Why a sink cannot be set up.

use super::signature::SignatureError;
use crate::adapters::http::ClientError;

/// Why a sink cannot be set up. Each text names the sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address of a webhook cannot be read or used.
    #[error("sink {name}: {fault}")]
    Url { name: String, fault: String },
    /// A signing secret cannot be read or used.
    #[error("sink {name}: {error}")]
    Signature { name: String, error: SignatureError },
    #[error("sink {name}: {error}")]
    Client { name: String, error: ClientError },
}
