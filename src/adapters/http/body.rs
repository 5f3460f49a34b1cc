//! The body of an answer, read up to a limit.

use super::error::describe;

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than what is read of any body.
    #[error("the answer is larger than {0} KiB")]
    TooLarge(usize),
    /// The connection broke, or the time limit passed.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// It is compressed or otherwise encoded, although that was not asked for.
    #[error(
        "the answer is encoded ({0}) although `Accept-Encoding: identity` was sent; \
         set the proxy or gateway on the way not to compress"
    )]
    Encoded(String),
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                return Err(BodyError::TooLarge(limit / 1024));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(BodyError::Broken(describe(&error))),
        }
    }
}
