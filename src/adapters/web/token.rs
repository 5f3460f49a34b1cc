//! The token that requests must have.
//!
//! Invariant: only a digest of the token is kept, and a comparison takes as long whatever is given.

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;

use crate::config::{SecretError, SecretSource};
use crate::model::Placeholder;

/// The fewest characters, which rules out guesses: 16 hexadecimal digits are 64 bits.
const SHORTEST: usize = 16;

/// The most characters: more do not fit into a request.
const LONGEST: usize = 4096;

/// What is digested, by the token as the key.
const MESSAGE: &[u8] = b"restore-watch";

/// A token that requests must have.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    digest: [u8; 32],
}

/// Why a token cannot be used. No variant holds any part of it.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token cannot be read: {0}")]
    Unreadable(#[from] SecretError),
    #[error("the token from {origin} {fault}")]
    Bad { origin: SecretSource, fault: &'static str },
}

impl TokenError {
    /// Whether it cannot be read as this process has no credentials: it was not started by systemd.
    pub fn lacks_credentials(&self) -> bool {
        matches!(self, Self::Unreadable(SecretError::NoCredentials(_)))
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(error) => error.help(),
            Self::Bad { .. } => Some("make one: openssl rand -hex 32"),
        }
    }
}

impl Token {
    pub fn read(source: &SecretSource) -> Result<Self, TokenError> {
        let secret = source.read()?;
        match fault(secret.expose_secret()) {
            Some(fault) => Err(TokenError::Bad { origin: source.clone(), fault }),
            None => Ok(Self::new(secret.expose_secret())),
        }
    }

    fn new(token: &str) -> Self {
        Self { digest: mac(token.as_bytes()).finalize().into_bytes().into() }
    }

    /// Whether a request that gives this has the token.
    pub(super) fn is(&self, given: &[u8]) -> bool {
        given.len() <= LONGEST && mac(given).verify_slice(&self.digest).is_ok()
    }
}

fn mac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).expect("any length will do").chain_update(MESSAGE)
}

fn fault(text: &str) -> Option<&'static str> {
    match text {
        _ if Placeholder::whole(text).is_some() => Some("is a placeholder that was not replaced"),
        _ if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some("has a space or another character in it that is not visible ASCII")
        }
        _ if text.len() < SHORTEST => Some("is shorter than 16 characters"),
        _ if text.len() > LONGEST => Some("is longer than 4096 characters"),
        _ => None,
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_itself_is_accepted() {
        let token = Token::new("canary-of-the-token");

        assert!(token.is(b"canary-of-the-token"));
        for other in ["", "canary", "canary-of-the-tokem", "canary-of-the-token ", "Canary-of-the-token"] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{token:?}"), "***");
    }

    #[test]
    fn unusable_tokens_are_refused_without_being_shown() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        for (text, part) in [
            ("canary", "is shorter than 16 characters"),
            ("canary with spaces in it", "has a space"),
            ("${CANARY_OF_THE_TOKEN}", "is a placeholder"),
            ("", "is empty"),
        ] {
            std::fs::write(&path, text).unwrap();

            let error = Token::read(&SecretSource::File(path.clone())).unwrap_err();

            let shown = error.to_string();
            assert!(shown.contains(part) && !shown.to_lowercase().contains("canary"), "{shown}");
            assert!(error.help().is_some());
        }
    }
}
