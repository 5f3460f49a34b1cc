//! The root certificates that a user names in a file.

use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};

use super::error::ClientError;

/// The root certificates in a PEM file, at least one. Windows writes a byte-order mark before them.
pub(super) fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let unreadable = |error| ClientError::Unreadable { path: path.to_owned(), error };
    let text = std::fs::read(path).map_err(unreadable)?;
    let pem = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut found = Vec::new();
    let mut roots = RootCertStore::empty();
    for (number, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let bad =
            |fault: String| ClientError::BadCertificate { path: path.to_owned(), number: number + 1, fault };
        let certificate = certificate.map_err(|error| bad(of_pem(&error).to_owned()))?;
        roots.add(certificate.clone()).map_err(|_| bad("it is no certificate".to_owned()))?;
        found.push(
            reqwest::Certificate::from_der(&certificate)
                .map_err(|_| bad("it is no certificate".to_owned()))?,
        );
    }

    if found.is_empty() { Err(ClientError::NoCertificates(path.to_owned())) } else { Ok(found) }
}

/// The fault of a PEM file, without its contents.
fn of_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its line with END is missing",
        pem::Error::IllegalSectionStart { .. } => "its line with BEGIN is malformed",
        pem::Error::Base64Decode(_) => "its base64 is malformed",
        _ => "it is not valid PEM",
    }
}
