//! The root certificates that servers are verified against: those of the system, and those that a
//! user names in a file.
//!
//! Invariant: of the system's certificates, those that cannot be used are left out; a file that a
//! user names is used as a whole or not at all.

use std::env;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use openssl_probe::{ENV_CERT_DIR, ENV_CERT_FILE};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use sha2::{Digest as _, Sha256};

use super::error::ClientError;

/// Identifies the root certificates in a PEM file, whatever their order and the text between them.
pub fn identify(path: &Path) -> Result<[u8; 32], ClientError> {
    let mut found = certificates(path)?;
    found.sort_unstable_by(|a, b| a.as_ref().cmp(b.as_ref()));
    found.dedup();

    // Each says how long it is.
    let hash = found.iter().fold(Sha256::new(), Sha256::chain_update);
    Ok(hash.finalize().into())
}

/// The root certificates of the system, if they are in one bundle. The platform's verifier of
/// `reqwest` reads the bundle as well, and then every file of the directory that the bundle was made
/// of, which takes longer than all the rest of one request. None if the environment names others.
pub(super) fn bundled() -> Option<Vec<CertificateDer<'static>>> {
    let is_named = |variable| env::var_os(variable).is_some();
    // Other systems keep them in places of their own.
    if !cfg!(target_os = "linux") || is_named(ENV_CERT_FILE) || is_named(ENV_CERT_DIR) {
        return None;
    }
    usable(&openssl_probe::probe().cert_file?)
}

/// The certificates of a bundle that can be used; none if there is no such certificate.
fn usable(bundle: &Path) -> Option<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(bundle).ok()?;
    let mut roots = RootCertStore::empty();
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .flatten()
        .filter(|certificate| roots.add(certificate.clone()).is_ok())
        .collect();

    (!found.is_empty()).then_some(found)
}

/// The root certificates in a PEM file, at least one. Windows writes a byte-order mark before them.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let unreadable = |error| ClientError::Unreadable { path: path.to_owned(), error };
    let text = contents(path).map_err(unreadable)?;
    let pem = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    let mut found = Vec::new();
    let mut roots = RootCertStore::empty();
    for (number, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
        let bad =
            |fault: String| ClientError::BadCertificate { path: path.to_owned(), number: number + 1, fault };
        let certificate = certificate.map_err(|error| bad(of_pem(&error).to_owned()))?;
        roots.add(certificate.clone()).map_err(|_| bad("it is not a certificate".to_owned()))?;
        found.push(certificate);
    }

    if found.is_empty() { Err(ClientError::NoCertificates(path.to_owned())) } else { Ok(found) }
}

/// What is in a file that a user names: a device or a named pipe could go on forever.
pub(super) fn contents(path: &Path) -> io::Result<Vec<u8>> {
    const LONGEST: u64 = 1024 * 1024;

    let invalid = |fault| io::Error::new(io::ErrorKind::InvalidData, fault);
    // Before it is opened, which waits for the other end of a pipe. A directory has an error of its own.
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_dir() {
        return Err(invalid("it is not a regular file"));
    }

    let mut contents = Vec::new();
    File::open(path)?.take(LONGEST + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > LONGEST { Err(invalid("it is larger than 1 MiB")) } else { Ok(contents) }
}

/// The fault of a PEM file, without its contents.
pub(super) fn of_pem(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "its line with END is missing",
        pem::Error::IllegalSectionStart { .. } => "its line with BEGIN is malformed",
        pem::Error::Base64Decode(_) => "its base64 is malformed",
        _ => "it is not valid PEM",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = include_str!("failure/pem/ca.pem");

    /// How many certificates of a bundle with this text are used.
    fn used(text: &str) -> Option<usize> {
        let directory = tempfile::tempdir().unwrap();
        let bundle = directory.path().join("bundle.pem");
        std::fs::write(&bundle, text).unwrap();
        usable(&bundle).map(|found| found.len())
    }

    #[test]
    fn unusable_certificates_of_a_bundle_are_left_out() {
        let no_certificate = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";
        let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\nbm9u\n";

        assert_eq!(used(GOOD), Some(1));
        assert_eq!(used(&format!("# a name\n{no_certificate}{GOOD}{no_base64}{GOOD}{cut}")), Some(2));
    }

    #[test]
    fn endless_and_large_files_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let large = directory.path().join("large.pem");
        std::fs::write(&large, vec![b' '; 1024 * 1024 + 1]).unwrap();

        let fault = |path: &Path| {
            certificates(path).unwrap_err().to_string() + &contents(path).unwrap_err().to_string()
        };
        assert!(fault(&large).contains("it is larger than 1 MiB"));
        assert!(fault(Path::new("/dev/zero")).contains("it is not a regular file"));
    }

    #[test]
    fn bundle_without_a_usable_certificate_is_none() {
        assert_eq!(used(""), None);
        assert_eq!(used("-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n"), None);
        assert!(usable(Path::new("/nonexistent/bundle.pem")).is_none());
        assert!(usable(Path::new("/")).is_none());
    }
}
