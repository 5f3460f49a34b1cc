//! Signatures of webhooks, by which a receiver authenticates the sender: Standard Webhooks 1.0.
//!
//! Invariant: a secret is held in memory that is overwritten when it is dropped, and no text of
//! this module shows any of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::header::HeaderValue;
use secrecy::zeroize::{ZeroizeOnDrop, Zeroizing};
use secrecy::{ExposeSecret as _, ExposeSecretMut as _, SecretBox, SecretSlice};
use sha2::Sha256;

use super::fingerprint::Canonical;
use crate::config::{Redactor, SecretError, SecretSource};

// The state of a hash is overwritten when it is dropped; this does not compile without the features
// that do so.
const _: () = {
    const fn is_overwritten<T: ZeroizeOnDrop>() {}
    is_overwritten::<Sha256>();
};

/// The start of a secret's text, by which people and scanners recognize it.
const PREFIX: &str = "whsec_";

/// Of a secret (Standard Webhooks 1.0).
const MIN_BYTES: usize = 24;

/// See [`MIN_BYTES`].
const MAX_BYTES: usize = 64;

/// Of the base64 of a secret.
const MAX_CHARS: usize = MAX_BYTES.div_ceil(3) * 4;

/// Why requests cannot be signed. No variant holds any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// A secret cannot be read.
    #[error(transparent)]
    Unreadable(#[from] SecretError),
    /// A text is no secret.
    #[error("the signing secret from {origin} {fault}")]
    Bad {
        /// Where the text was read from.
        origin: SecretSource,
        fault: BadSecret,
    },
}

/// Why a text cannot be a signing secret; continues a sentence that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// No base64 follows the prefix.
    #[error("is not `{PREFIX}` followed by base64; was it copied whole and alone?")]
    Malformed,
    /// It can be guessed.
    #[error("has {0} bytes once decoded; {MIN_BYTES} to {MAX_BYTES} are needed")]
    TooShort(usize),
    /// It is longer than the standard allows.
    #[error("has more than {MAX_BYTES} bytes once decoded; {MIN_BYTES} to {MAX_BYTES} are needed")]
    TooLong,
}

/// Reads a signing secret to learn whether it can be used.
pub fn check_signing_secret(source: &SecretSource) -> Result<(), SignatureError> {
    SigningSecret::read(source).map(drop)
}

/// The secrets of one webhook: none if it is not signed, several while one is rotated.
#[derive(Debug, Clone, Default)]
pub(super) struct SigningSecrets(Vec<SigningSecret>);

impl SigningSecrets {
    pub(super) fn read(sources: &[SecretSource]) -> Result<Self, SignatureError> {
        sources.iter().map(SigningSecret::read).collect::<Result<_, _>>().map(Self)
    }

    /// Extends `redactor` to these secrets.
    pub(super) fn hide(&self, redactor: Redactor) -> Redactor {
        self.0.iter().fold(redactor, |redactor, SigningSecret(secret)| {
            let text = Zeroizing::new(STANDARD.encode(secret.expose_secret()));
            redactor.with(&text, MIN_BYTES, MIN_BYTES / 2)
        })
    }

    /// Puts each.
    pub(super) fn put_read(&self, canonical: &mut Canonical) {
        canonical.put("signing_secret", self.0.iter().map(|SigningSecret(secret)| secret.expose_secret()));
    }

    /// The value of the header `webhook-signature` for a message with this id, sent at `timestamp`
    /// (Unix, in seconds): one signature per secret, so that a receiver needs to know only one of
    /// them. None without secrets. The value allows replays for a while, so it is marked as
    /// sensitive.
    ///
    /// # Panics Never: base64 can stand in a header.
    pub(super) fn header(&self, id: &str, timestamp: i64, body: &[u8]) -> Option<HeaderValue> {
        let signatures: Vec<_> = self.0.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
        (!signatures.is_empty()).then(|| {
            let mut value = HeaderValue::try_from(signatures.join(" ")).expect("base64 is visible ASCII");
            value.set_sensitive(true);
            value
        })
    }
}

/// A secret that sender and receiver share. Its `Debug` form is `***`.
#[derive(Clone)]
pub(super) struct SigningSecret(SecretSlice<u8>);

impl SigningSecret {
    fn read(source: &SecretSource) -> Result<Self, SignatureError> {
        Self::parse(source.read()?.expose_secret())
            .map_err(|fault| SignatureError::Bad { origin: source.clone(), fault })
    }

    /// Reads `whsec_` and base64 of 24 to 64 bytes. The prefix is optional, as in the official
    /// libraries.
    pub(super) fn parse(text: &str) -> Result<Self, BadSecret> {
        let text = text.trim();
        let text = text.strip_prefix(PREFIX).unwrap_or(text);
        if text.len() > MAX_CHARS {
            return Err(BadSecret::TooLong);
        }

        // Of a fixed size, because a vector that grows leaves copies behind.
        let mut buffer = SecretBox::new(Box::new([0; MAX_CHARS / 4 * 3]));
        let length =
            STANDARD.decode_slice(text, buffer.expose_secret_mut()).map_err(|_| BadSecret::Malformed)?;

        match length {
            0..MIN_BYTES => Err(BadSecret::TooShort(length)),
            MIN_BYTES..=MAX_BYTES => Ok(Self(SecretBox::new(Box::from(&buffer.expose_secret()[..length])))),
            _ => Err(BadSecret::TooLong),
        }
    }

    /// One signature of version 1 (Standard Webhooks, "Signature scheme").
    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.expose_secret()).expect("any length will do");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use standardwebhooks::Webhook;

    use super::*;
    use crate::platform::clock::Clock;

    const OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const NEW: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;

    #[test]
    fn signs_like_the_published_example() {
        let known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        for text in [OLD, &OLD["whsec_".len()..], &format!("{OLD}\n")] {
            let header = secrets(&[text]).header(ID, 1_614_265_330, BODY).unwrap();

            assert_eq!(header, known);
            assert_eq!(format!("{header:?}"), "Sensitive");
        }
        assert_eq!(secrets(&[]).header(ID, 1_614_265_330, BODY), None);
    }

    #[test]
    fn the_official_library_verifies_during_rotation() {
        let now = Clock::system().now().wall.as_second();
        let verifies = |signed: &[&str], known: &str, id: &str, body: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("webhook-id", id.parse().unwrap());
            headers.insert("webhook-timestamp", now.to_string().parse().unwrap());
            let signature = secrets(signed).header(ID, now, BODY).unwrap();
            headers.insert("webhook-signature", signature);
            Webhook::new(known).unwrap().verify(body, &headers).is_ok()
        };

        assert!(verifies(&[OLD], OLD, ID, BODY));
        assert!(verifies(&[OLD, NEW], OLD, ID, BODY));
        assert!(verifies(&[OLD, NEW], NEW, ID, BODY));
        assert!(!verifies(&[OLD], NEW, ID, BODY), "another secret");
        assert!(!verifies(&[OLD, NEW], OLD, ID, br#"{"test": 2432232315}"#), "another body");
        assert!(!verifies(&[OLD, NEW], OLD, "msg_another", BODY), "another id");
    }

    #[test]
    fn lengths_have_bounds() {
        for length in 0..100 {
            let text = format!("whsec_{}", STANDARD.encode(vec![7; length]));
            let fault = SigningSecret::parse(&text).err();
            let expected = match length {
                0..24 => Some(BadSecret::TooShort(length)),
                24..=64 => None,
                _ => Some(BadSecret::TooLong),
            };
            assert_eq!(fault, expected, "{length} bytes");
            if fault.is_none() {
                let signed = Webhook::new(&text).unwrap().sign(ID, 5, BODY).unwrap();
                assert_eq!(secrets(&[&text]).header(ID, 5, BODY).unwrap(), signed, "{length} bytes");
            }
        }
    }

    #[test]
    fn a_text_that_is_no_secret_is_refused_and_not_shown() {
        for bad in [
            "whsec_canary+canary+canary+canary+canar",
            "whsec_canary-canary_canary-canary_cana",
            "whsec_canary canary canary canary canary",
            "whsec_whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw=",
            "whsec_é",
            "whsec_canary\0canary",
        ] {
            let fault = SigningSecret::parse(bad).unwrap_err();

            assert_eq!(fault, BadSecret::Malformed, "{bad}");
        }
        assert_eq!(SigningSecret::parse("").unwrap_err(), BadSecret::TooShort(0));
        assert_eq!(format!("{:?}", secrets(&[OLD, NEW])), "SigningSecrets([***, ***])");
    }

    #[test]
    fn errors_name_the_source_of_a_bad_secret() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            SecretSource::File(path)
        };
        let (good, short) = (file("good", &format!("{OLD}\n")), file("short", "whsec_Y2FuYXJ5"));

        let read = SigningSecrets::read(&[good.clone(), good.clone()]).unwrap();
        assert_eq!(read.header(ID, 5, BODY), secrets(&[OLD, OLD]).header(ID, 5, BODY));

        let message = |sources: &[SecretSource]| {
            let error = SigningSecrets::read(sources).unwrap_err().to_string();
            error.replace(&directory.path().display().to_string(), "DIRECTORY")
        };
        insta::assert_snapshot!(message(&[good.clone(), short]), @"the signing secret from file DIRECTORY/short has 6 bytes once decoded; 24 to 64 are needed");
        insta::assert_snapshot!(message(&[file("bad", "canary!"), good]), @"the signing secret from file DIRECTORY/bad is not `whsec_` followed by base64; was it copied whole and alone?");
        let missing = SecretSource::File(directory.path().join("missing"));
        insta::assert_snapshot!(message(&[missing]), @"cannot read DIRECTORY/missing: No such file or directory (os error 2)");
    }

    fn secrets(texts: &[&str]) -> SigningSecrets {
        SigningSecrets(texts.iter().map(|text| SigningSecret::parse(text).unwrap()).collect())
    }
}
