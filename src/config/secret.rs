//! Secrets: where they come from, and how they are kept out of output.
//!
//! Invariant: each copy of a secret that is made here is overwritten when it is dropped.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::zeroize::{Zeroize as _, Zeroizing};
use secrecy::{ExposeSecret, SecretString};

use super::{Redactor, ShownPath};
use crate::model::Placeholder;

/// Where a secret is read from; never the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file; a byte order mark at its start and white space at its end are dropped.
    File(PathBuf),
    /// A systemd credential: a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// No secret at all, but a text in place of one: simulated control planes accept any key.
    Public(&'static str),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", ShownPath(path)),
            Self::Credential(name) => write!(f, "credential {name}"),
            Self::Public(_) => write!(f, "this program"),
        }
    }
}

/// Why a secret could not be read. No variant holds any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    EnvMissing(String),
    /// The environment variable is no valid UTF-8.
    #[error("the environment variable {0} is not valid UTF-8")]
    EnvNotText(String),
    /// No credentials were passed to this process.
    #[error(
        "the credential {0} cannot be read: CREDENTIALS_DIRECTORY is not set; credentials need systemd's LoadCredential="
    )]
    NoCredentials(String),
    /// The file cannot be read.
    #[error("cannot read {}: {error}", ShownPath(path))]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// The file has nothing in it.
    #[error("{} is empty; it should hold one secret", ShownPath(.0))]
    Empty(PathBuf),
    /// The text cannot be an API key.
    #[error("the API key from {origin} {fault}")]
    BadKey {
        /// Where it came from.
        origin: SecretSource,
        /// What is wrong with it, without showing it.
        fault: &'static str,
    },
    /// The text cannot be a routing key.
    #[error("the integration key from {0} is not 32 ASCII letters and digits")]
    BadRoutingKey(SecretSource),
}

impl SecretError {
    /// What to do about it, if the error does not say so itself.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::EnvMissing(_) => Some("set it, here and where the daemon runs"),
            Self::Unreadable { path, error }
                if error.kind() == io::ErrorKind::NotFound && is_of_systemd(path) =>
            {
                Some("name it by LoadCredential= in the unit")
            }
            Self::Unreadable { error, .. } if error.kind() == io::ErrorKind::NotFound => {
                Some("write the secret into this file, which only its user may read (mode 0600)")
            }
            Self::Unreadable { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("run the command as a user that may read it, such as with sudo")
            }
            // The units set an empty key for the case that there is no file.
            Self::Empty(path) if is_of_systemd(path) => Some(
                "write the secret into the file that LoadCredential= of the unit names, such as \
                 /etc/restore-watch/pinecone-api-key",
            ),
            Self::Empty(_) => Some("write the secret into it, alone"),
            Self::EnvNotText(_)
            | Self::NoCredentials(_)
            | Self::Unreadable { .. }
            | Self::BadKey { .. }
            | Self::BadRoutingKey(_) => None,
        }
    }
}

/// The length of a routing key in characters: "Length of `routing_key` is incorrect (should be 32
/// characters)", says `PagerDuty` of another one.
const ROUTING_KEY: usize = 32;

/// Files that hold secrets are small; more than this is not read.
const MAX_FILE: usize = 64 * 1024;

impl SecretSource {
    pub fn read(&self) -> Result<SecretString, SecretError> {
        match self {
            Self::Env(name) => match std::env::var(name) {
                Ok(text) if text.is_empty() => Err(SecretError::EnvMissing(name.clone())),
                Ok(text) => Ok(text.into()),
                Err(std::env::VarError::NotPresent) => Err(SecretError::EnvMissing(name.clone())),
                Err(std::env::VarError::NotUnicode(text)) => {
                    text.into_encoded_bytes().zeroize();
                    Err(SecretError::EnvNotText(name.clone()))
                }
            },
            Self::File(path) => read_file(path),
            Self::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
                Some(directory) => read_file(&Path::new(&directory).join(name)),
                None => Err(SecretError::NoCredentials(name.clone())),
            },
            Self::Public(text) => Ok((*text).into()),
        }
    }

    /// Reads the secret as an API key and checks it.
    pub fn read_api_key(&self) -> Result<ApiKey, SecretError> {
        ApiKey::new(self.read()?).map_err(|fault| SecretError::BadKey { origin: self.clone(), fault })
    }

    /// Reads the secret as a key that `PagerDuty` routes events by, and checks its form.
    pub fn read_routing_key(&self) -> Result<SecretString, SecretError> {
        let key = self.read()?;
        let text = key.expose_secret();
        let is_good = text.len() == ROUTING_KEY && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if is_good { Ok(key) } else { Err(SecretError::BadRoutingKey(self.clone())) }
    }
}

/// Whether systemd made this file, of another that a unit names.
fn is_of_systemd(path: &Path) -> bool {
    path.starts_with("/run") && path.iter().any(|part| part == "credentials")
}

fn read_file(path: &Path) -> Result<SecretString, SecretError> {
    let unreadable = |error| SecretError::Unreadable { path: path.to_owned(), error };
    // Of a fixed size, since a text that grows leaves copies behind.
    let mut buffer = Zeroizing::new(vec![0; MAX_FILE]);
    let length = std::fs::File::open(path).and_then(|file| fill(&mut buffer, file)).map_err(unreadable)?;

    let invalid = |fault| unreadable(io::Error::new(io::ErrorKind::InvalidData, fault));
    let text = match std::str::from_utf8(&buffer[..length]) {
        Ok(text) => text,
        Err(_) if buffer.starts_with(b"\xff\xfe") || buffer.starts_with(b"\xfe\xff") => {
            return Err(invalid("it is UTF-16; save it as UTF-8 text"));
        }
        Err(_) => return Err(invalid("it is not valid UTF-8")),
    };

    // Editors on Windows put a byte order mark there, which is no part of the secret.
    match text.strip_prefix('\u{feff}').unwrap_or(text).trim_end() {
        "" => Err(SecretError::Empty(path.to_owned())),
        text => Ok(text.into()),
    }
}

/// Reads into `buffer` until it is full or there is no more. Returns how much there was.
fn fill(buffer: &mut [u8], mut file: impl io::Read) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// An API key that can stand in an HTTP header: 1 to 4096 visible ASCII characters. Its `Debug`
/// form is `***`.
#[derive(Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// Checks a key. The error says what is wrong without showing the key.
    pub fn new(secret: SecretString) -> Result<Self, &'static str> {
        let text = secret.expose_secret();
        match text {
            _ if text.is_empty() => Err("is empty"),
            _ if text.len() > 4096 => Err("is longer than 4096 bytes"),
            _ if let Some(fault) = packaging(text.trim()) => Err(fault),
            _ if text.contains(['\n', '\r']) => Err("has a line break in it; was it copied whole and alone?"),
            _ if !text.is_ascii() => Err("has characters that are not ASCII; was it copied right?"),
            _ if !text.bytes().all(|b| b.is_ascii_graphic()) => {
                Err("has a space or a control character in it; write the key alone")
            }
            _ => Ok(Self(secret)),
        }
    }

    /// Masks the whole key in the data of an answer. Parts of it are left in: they may be words of
    /// an id or a name, which later requests need.
    pub fn redactor_of_data(&self) -> Redactor {
        Redactor::default().with(self.expose(), 8, usize::MAX)
    }

    /// Masks the key and parts of it in texts: a server that repeats the request must not bring it
    /// into a log. A key shorter than eight characters is left in: it is no secret, but part of
    /// ordinary words.
    pub fn redactor(&self) -> Redactor {
        Redactor::default().with(self.expose(), 8, 8)
    }

    /// The key itself, to be put into a request and nowhere else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What was copied together with a key, or how it was encoded. Keys of Pinecone begin with `pcsk_`,
/// older ones are UUIDs, and other servers have others: a form that is not known is accepted.
fn packaging(text: &str) -> Option<&'static str> {
    let begins = |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let is_named = text.split_once(['=', ':']).is_some_and(|(name, value)| {
        let name = name.trim_end().to_ascii_lowercase();
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || " _-\"'{".contains(c));
        // Behind the padding of base64 is nothing.
        is_name && (name.contains("key") || name.contains("pinecone")) && !value.trim_matches('=').is_empty()
    });

    match text {
        _ if is_named => Some("stands behind a name, as in `NAME=…`; write the key alone"),
        _ if begins("bearer ") => Some("begins with `Bearer`; write the key alone"),
        _ if text.starts_with(['"', '\'', '`']) || text.ends_with(['"', '\'', '`']) => {
            Some("is in quotes; write the key alone, without them")
        }
        // What every text that begins with `pcsk_` becomes.
        _ if text.starts_with("cGNza18") || text.starts_with("cGNza19") => {
            Some("is in base64; write it as `base64 -d` decodes it")
        }
        _ if Placeholder::whole(text).is_some() => {
            Some("is a placeholder that was not replaced; write the key itself")
        }
        _ if text.starts_with("pcsk_") || !text.contains("pcsk_") => None,
        _ => Some("has something else before `pcsk_`; write the key alone"),
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_keys_are_32_letters_and_digits() {
        let is_good = |text: &'static str| SecretSource::Public(text).read_routing_key().is_ok();

        assert!(is_good("0123456789abcdef0123456789ABCDEF"));
        assert!(!is_good(" short") && !is_good("0123456789abcdef0123456789abcde-"));
        assert!(!is_good("0123456789abcdef0123456789abcdef0"));
        let error = SecretSource::Public(" canary").read_routing_key().unwrap_err().to_string();
        assert!(!error.contains("canary"), "{error}");
    }

    #[test]
    fn impossible_keys_are_refused_without_being_shown() {
        for bad in ["", "se cret", "secret\n", "secret\r\nX: y", "sécret", "secret\u{7f}"] {
            let fault = ApiKey::new(bad.into()).unwrap_err();
            assert!(!fault.contains("ret"), "{fault}");
        }
        let key = ApiKey::new("pcsk_canary".into()).unwrap();
        assert_eq!(format!("{key:?}"), "***");
        assert_eq!(key.redactor().redact("bad key pcsk_canary!"), "bad key ***!");
        assert_eq!(ApiKey::new("x".into()).unwrap().redactor().redact("index"), "index");
        let key = ApiKey::new("restore-local".into()).unwrap();
        for (data, kept) in
            [("restore-42", "restore-42"), ("restore-local", "***"), ("a restore-local b", "a *** b")]
        {
            assert_eq!(key.redactor_of_data().redact(data), kept);
        }
    }

    #[test]
    fn key_with_packaging_is_refused_with_advice() {
        for (text, fault) in [
            ("\"pcsk_canary\"", "is in quotes"),
            ("'pcsk_canary'", "is in quotes"),
            ("\"670e8400-e29b-41d4-a716-446655440001\"", "is in quotes"),
            ("PINECONE_API_KEY=pcsk_canary", "stands behind a name"),
            ("export PINECONE_API_KEY=\"pcsk_canary\"", "stands behind a name"),
            ("api_key = '670e8400-e29b-41d4-a716-446655440001'", "stands behind a name"),
            ("Api-Key: pcsk_canary", "stands behind a name"),
            ("{\"api_key\": \"pcsk_canary\"}", "stands behind a name"),
            ("Bearer pcsk_canary", "begins with `Bearer`"),
            ("bearer canary", "begins with `Bearer`"),
            ("cGNza19jYW5hcnk=", "is in base64"),
            ("${PINECONE_API_KEY}", "is a placeholder"),
            ("$PINECONE_API_KEY", "is a placeholder"),
            ("<your-key>", "is a placeholder"),
            ("key:pcsk_canary", "stands behind a name"),
            ("default/pcsk_canary", "has something else before `pcsk_`"),
        ] {
            let found = ApiKey::new(text.into()).unwrap_err();
            assert!(found.starts_with(fault) && found.contains("; write"), "{text}: {found}");
            assert!(!found.contains("canary"), "{found}");
        }
        for key in [
            "pcsk_2a_B3",
            "670e8400-e29b-41d4-a716-446655440001",
            "pclocal",
            "a=b",
            "a:b",
            "c2VjcmV0S2V5==",
            "keyKEY==",
            "$5",
            "x$KEY",
        ] {
            assert!(ApiKey::new(key.into()).is_ok(), "{key}");
        }
    }

    #[test]
    fn secret_file_is_read_without_its_last_line_break() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, "pcsk_1\n").unwrap();
        assert_eq!(SecretSource::File(path.clone()).read_api_key().unwrap().expose(), "pcsk_1");
        std::fs::write(&path, "\u{feff}pcsk_1\r\n").unwrap();
        assert_eq!(SecretSource::File(path.clone()).read_api_key().unwrap().expose(), "pcsk_1");
        std::fs::write(&path, b"\xff\xfep\0c\0").unwrap();
        let wide = SecretSource::File(path.clone()).read().unwrap_err().to_string();
        assert!(wide.ends_with(": it is UTF-16; save it as UTF-8 text"), "{wide}");
        std::fs::write(&path, b"canary\xff").unwrap();
        let bad = SecretSource::File(path.clone()).read().unwrap_err().to_string();
        assert!(bad.ends_with(": it is not valid UTF-8") && !bad.contains("canary"), "{bad}");
        std::fs::write(&path, "x".repeat(100_000)).unwrap();
        assert_eq!(SecretSource::File(path.clone()).read().unwrap().expose_secret().len(), MAX_FILE);
        std::fs::write(&path, "\n").unwrap();
        assert!(matches!(SecretSource::File(path).read(), Err(SecretError::Empty(_))));
        let missing = SecretSource::File(directory.path().join("none")).read().unwrap_err();
        assert!(missing.to_string().starts_with("cannot read "), "{missing}");
        assert!(SecretSource::File(directory.path().to_owned()).read().is_err(), "a directory");
    }
}
