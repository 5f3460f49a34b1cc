//! The certificate by which a client identifies itself to servers that ask for one.
//!
//! Invariant: an identity can be used: its key is the one of its certificate. The text of the key is
//! overwritten when the last copy is dropped; what the TLS library makes of it is not.

use std::fmt;
use std::io;
use std::path::Path;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys};
use secrecy::{ExposeSecret as _, SecretString};

use super::certificates::{contents, of_pem};
use super::error::ClientError;

/// What the begin line of an encrypted key has in it, in its newer and its older form.
const ENCRYPTED: [&str; 2] = ["BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED"];

/// A certificate and its key. Its `Debug` form is `***`.
#[derive(Clone)]
pub struct Identity {
    /// Both, in PEM.
    pem: SecretString,
}

impl Identity {
    /// An identity with the key in `key`, which was read from `origin`. The certificate, and those
    /// that it depends on, are in `file`; without one, they stand beside the key.
    pub fn new(key: &SecretString, origin: &str, file: Option<&Path>) -> Result<Self, ClientError> {
        let certificates = match file {
            None => String::new(),
            Some(path) => contents(path)
                .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
                .map_err(|error| ClientError::Unreadable { path: path.to_owned(), error })?,
        };
        let place = file.map_or_else(|| origin.to_owned(), |path| format!("file {}", path.display()));
        let bad = |place: &str, fault: &str| ClientError::BadIdentity {
            place: place.to_owned(),
            fault: fault.to_owned(),
        };

        let in_certificates = if file.is_some() { certificates.as_str() } else { key.expose_secret() };
        let chain = chain(in_certificates).map_err(|fault| bad(&place, fault))?;
        let private = private_key(key.expose_secret()).map_err(|fault| bad(origin, fault))?;
        CertifiedKey::from_der(chain, private, &ring::default_provider()).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                bad(origin, "its key is not that of the certificate")
            }
            Error::InvalidCertificate(_) => bad(&place, "its first certificate is malformed"),
            _ => bad(origin, "its key is malformed, or of a kind that cannot be used"),
        })?;

        // Of its whole size at once, since a text that grows leaves copies behind.
        let parts = [certificates.as_str(), "\n", key.expose_secret(), "\n"];
        let mut pem = String::with_capacity(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            pem.push_str(part);
        }
        Ok(Self { pem: pem.into() })
    }

    /// Both the certificate and the key, to identify this identity and to be shown nowhere.
    pub fn expose(&self) -> &str {
        self.pem.expose_secret()
    }

    /// For a client of `reqwest`.
    pub(super) fn of_client(&self) -> Result<reqwest::Identity, ClientError> {
        reqwest::Identity::from_pem(self.expose().as_bytes()).map_err(|error| ClientError::of_build(&error))
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Identity {}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The certificates in a text, at least one.
fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Err(error) => Err(of_pem(&error)),
        Ok(found) if found.is_empty() => Err("it holds no PEM certificate (-----BEGIN CERTIFICATE-----)"),
        Ok(found) => Ok(found),
    }
}

/// The key in a text.
fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, &'static str> {
    if ENCRYPTED.iter().any(|mark| pem.contains(mark)) {
        return Err("its key is encrypted; write it without a passphrase: openssl pkey -in FILE -out FILE");
    }
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "it holds no PEM private key (-----BEGIN PRIVATE KEY-----)")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const KEY: &str = include_str!("failure/pem/key.pem");
    const CLIENT: &str = include_str!("failure/pem/client.pem");
    const OTHER: &str = include_str!("failure/pem/other-key.pem");
    const ENCRYPTED_KEY: &str =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nbm9uZQ==\n-----END ENCRYPTED PRIVATE KEY-----\n";

    fn pem(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/http/failure/pem").join(name)
    }

    fn fault(key: &str, file: Option<&Path>) -> String {
        Identity::new(&key.into(), "file KEY", file).unwrap_err().to_string()
    }

    #[test]
    fn one_file_or_two_make_an_identity() {
        let together = format!("{CLIENT}{KEY}");

        let identities = [
            Identity::new(&KEY.into(), "file KEY", Some(&pem("client.pem"))),
            Identity::new(&together.as_str().into(), "file BOTH", None),
            Identity::new(&format!("{KEY}{CLIENT}").into(), "file BOTH", None),
        ];

        for identity in identities {
            let identity = identity.unwrap();
            assert!(identity.of_client().is_ok());
            assert_eq!(format!("{identity:?}"), "***");
        }
    }

    #[test]
    fn error_names_the_file_and_what_is_wrong_with_it() {
        let certificate = pem("client.pem");
        for (key, words) in [
            (OTHER, "file KEY cannot be used: its key is not that of the certificate"),
            (ENCRYPTED_KEY, "file KEY cannot be used: its key is encrypted; write it without"),
            (CLIENT, "file KEY cannot be used: it holds no PEM private key"),
            ("", "file KEY cannot be used: it holds no PEM private key"),
        ] {
            let fault = fault(key, Some(&certificate));
            assert!(fault.contains(words), "{fault}");
        }

        assert!(fault(KEY, None).contains("file KEY cannot be used: it holds no PEM certificate"));
        let swapped = fault(KEY, Some(&pem("key.pem")));
        assert!(swapped.contains("key.pem cannot be used: it holds no PEM certificate"), "{swapped}");
        let missing = fault(KEY, Some(&pem("none.pem")));
        assert!(missing.starts_with("cannot read the certificates in "), "{missing}");
    }
}
