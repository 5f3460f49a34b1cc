//! Why a sink cannot be set up.

use super::headers::HeaderError;
use super::signature::SignatureError;
use crate::adapters::http::ClientError;
use crate::config::{ProxySourceError, SecretError, UrlError};

/// Why a sink cannot be set up. Each text names the sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The address of a webhook cannot be read or used.
    #[error("sink {name}: {error}")]
    Url { name: String, error: UrlError },
    /// A signing secret cannot be read or used.
    #[error("sink {name}: {error}")]
    Signature { name: String, error: SignatureError },
    /// A header cannot be made.
    #[error("sink {name}: {error}")]
    Header { name: String, error: HeaderError },
    /// The address of its proxy cannot be used.
    #[error("sink {name}: {error}")]
    Proxy { name: String, error: ProxySourceError },
    /// Another secret cannot be read.
    #[error("sink {name}: {what}: {error}")]
    Secret { name: String, what: &'static str, error: SecretError },
    #[error("sink {name}: {error}")]
    Client { name: String, error: ClientError },
}

impl SinkError {
    /// What to do about it, if the error does not say so itself.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Client { error, .. } => error.help(),
            Self::Url { .. }
            | Self::Signature { .. }
            | Self::Header { .. }
            | Self::Proxy { .. }
            | Self::Secret { .. } => self.secret_error()?.help(),
        }
    }

    /// Whether a credential cannot be read as this process has none.
    pub fn lacks_credentials(&self) -> bool {
        matches!(self.secret_error(), Some(SecretError::NoCredentials(_)))
    }

    /// Why a secret cannot be read, if that is the reason.
    fn secret_error(&self) -> Option<&SecretError> {
        match self {
            Self::Url { error: UrlError::Unreadable(error), .. }
            | Self::Signature { error: SignatureError::Unreadable(error), .. }
            | Self::Header { error: HeaderError::Unreadable { error, .. }, .. }
            | Self::Secret { error, .. } => Some(error),
            Self::Url { .. }
            | Self::Signature { .. }
            | Self::Header { .. }
            | Self::Proxy { .. }
            | Self::Client { .. } => None,
        }
    }
}
