//! The headers of a webhook's requests that the configuration names.
//!
//! Invariant: a value that was read from elsewhere is in no text of this module. Headers borrow its
//! memory, which is overwritten with the last of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::fingerprint::Canonical;
use crate::config::{
    Authorization, Header, HeaderSettings, HeaderText, Redactor, SecretError, SecretSource, WebhookUrl,
    header_fault,
};

/// Shorter parts of a secret occur in ordinary words, and are not masked.
const SHORTEST_MASKED: usize = 6;

/// Any so many characters in a row of a longer secret are masked, too.
const MASKED_RUN: usize = 12;

/// Why headers cannot be made. No variant holds any part of a secret.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// A value cannot be read.
    #[error("{what}: {error}")]
    Unreadable { what: String, error: SecretError },
    /// A value cannot be that of a header.
    #[error("{what} from {origin} {fault}")]
    Bad { what: String, origin: SecretSource, fault: &'static str },
    /// A URL that was read from elsewhere has a user name or a password, and the configuration has
    /// an authorization.
    #[error("the URL has a user name or a password beside another authorization; keep one of them")]
    TwoAuthorizations,
}

/// The headers of each request, beside those of the format.
#[derive(Debug, Default)]
pub(super) struct Headers {
    map: HeaderMap,
    /// What was read, in every form in which a receiver may repeat it.
    secrets: Vec<SecretString>,
}

impl Headers {
    /// Reads the headers of requests to `url`.
    pub(super) fn read(settings: &HeaderSettings, url: &WebhookUrl) -> Result<Self, HeaderError> {
        let mut headers = Self::default();
        for Header { name, value } in &settings.named {
            let what = format!("the header {name}");
            match value {
                HeaderText::Given(text) => headers.add(name, HeaderValue::try_from(text).ok()),
                HeaderText::From(source) => {
                    let value = read(source, &what)?;
                    if let Some(fault) = header_fault(value.expose_secret()) {
                        return Err(HeaderError::Bad { what, origin: source.clone(), fault });
                    }
                    headers.add(name, lend(&value));
                    headers.hide_later(value);
                }
            }
        }
        if let Some(authorization) = &settings.authorization {
            headers.authorize(authorization)?;
        }

        if url.has_credentials() && headers.map.contains_key(AUTHORIZATION) {
            return Err(HeaderError::TwoAuthorizations);
        }
        Ok(headers)
    }

    /// To be sent.
    pub(super) fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// Puts each as requests carry it, wherever its value was written.
    pub(super) fn put_read(&self, canonical: &mut Canonical) {
        let mut sent: Vec<_> = self.map.iter().collect();
        sent.sort_unstable_by_key(|(name, _)| name.as_str());
        for (name, value) in sent {
            canonical.put("header", [name.as_str().as_bytes(), value.as_bytes()]);
        }
    }

    /// What was read for them.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(ExposeSecret::expose_secret)
    }

    /// Extends `redactor` to these secrets.
    pub(super) fn hide(&self, redactor: Redactor) -> Redactor {
        self.secrets().fold(redactor, |redactor, secret| redactor.with(secret, SHORTEST_MASKED, MASKED_RUN))
    }

    /// Adds a header, whose name and value were checked.
    fn add(&mut self, name: &str, value: Option<HeaderValue>) {
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
            self.map.insert(name, value);
        }
    }

    /// Adds `Authorization`.
    fn authorize(&mut self, authorization: &Authorization) -> Result<(), HeaderError> {
        let (value, secret) = match authorization {
            Authorization::Bearer(source) => {
                let what = "the bearer token";
                let token = read(source, what)?;
                if let Some(fault) = bearer_fault(token.expose_secret()) {
                    return Err(HeaderError::Bad { what: what.to_owned(), origin: source.clone(), fault });
                }
                (joined(&["Bearer ", token.expose_secret()]), token)
            }
            Authorization::Basic { user, password } => {
                let password = read(password, "the password")?;
                let both = joined(&[user, ":", password.expose_secret()]);
                let encoded = Zeroizing::new(STANDARD.encode(both.expose_secret()));
                self.secrets.extend([both, SecretString::from(encoded.as_str())]);
                (joined(&["Basic ", &encoded]), password)
            }
        };
        self.add(AUTHORIZATION.as_str(), lend(&value));
        self.secrets.push(secret);
        Ok(())
    }

    /// Keeps a value, and the credentials in it behind the name of a scheme.
    fn hide_later(&mut self, value: SecretString) {
        if let Some((_, credentials)) = value.expose_secret().split_once(' ') {
            let decoded = STANDARD.decode(credentials).map(Zeroizing::new).ok();
            let decoded = decoded.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            self.secrets.extend([Some(credentials), decoded].into_iter().flatten().map(SecretString::from));
        }
        self.secrets.push(value);
    }
}

fn read(source: &SecretSource, what: &str) -> Result<SecretString, HeaderError> {
    source.read().map_err(|error| HeaderError::Unreadable { what: what.to_owned(), error })
}

/// What keeps a text from being a token (RFC 6750, section 2.1).
fn bearer_fault(token: &str) -> Option<&'static str> {
    let is_whole_header = token.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer "))
        || token.contains("Authorization:");
    match token {
        _ if is_whole_header => Some("begins with `Bearer`; write the token alone"),
        _ if token.starts_with(['"', '\'']) => Some("is in quotes; write the token alone, without them"),
        _ => header_fault(token)
            .or_else(|| token.contains([' ', '\t']).then_some("has a blank in it; write the token alone")),
    }
}

/// These parts, in memory that is overwritten when it is dropped.
fn joined(parts: &[&str]) -> SecretString {
    // Of its whole size at once, since a text that grows leaves copies behind.
    let mut text = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        text.push_str(part);
    }
    text.into()
}

/// A secret whose memory a header borrows instead of copying it.
struct Lent(SecretString);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

/// A value that was checked, marked as sensitive.
fn lend(secret: &SecretString) -> Option<HeaderValue> {
    let lent = Bytes::from_owner(Lent(secret.clone()));
    let mut value = HeaderValue::from_maybe_shared(lent).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const URL: &str = "https://hooks.example/x";
    const CANARY: &str = "canary-of-a-token-2Hs9";

    /// Files of secrets.
    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn with(&self, name: &str, text: &str) -> SecretSource {
            let path: PathBuf = self.0.path().join(name);
            std::fs::write(&path, text).unwrap();
            SecretSource::File(path)
        }
    }

    fn read_for(settings: &HeaderSettings, url: &str) -> Result<Headers, HeaderError> {
        Headers::read(settings, &WebhookUrl::parse(url, false).unwrap())
    }

    fn authorized(authorization: Authorization) -> HeaderSettings {
        HeaderSettings { named: Vec::new(), authorization: Some(authorization) }
    }

    fn named(name: &str, value: HeaderText) -> HeaderSettings {
        HeaderSettings { named: vec![Header { name: name.to_owned(), value }], authorization: None }
    }

    #[test]
    fn secrets_are_sent_and_never_shown() {
        let files = Files::new();
        let token = files.with("token", &format!("{CANARY}\n"));
        let whole = files.with("whole", &format!("Bearer {CANARY}"));
        let password = || files.with("password", CANARY);
        let basic = format!("Basic {}", STANDARD.encode(format!("ops:{CANARY}")));

        for (settings, header, sent) in [
            (authorized(Authorization::Bearer(token.clone())), "authorization", format!("Bearer {CANARY}")),
            (
                authorized(Authorization::Basic { user: "ops".to_owned(), password: password() }),
                "authorization",
                basic,
            ),
            (named("Authorization", HeaderText::From(whole)), "authorization", format!("Bearer {CANARY}")),
            (named("X-Api-Key", HeaderText::From(token)), "x-api-key", CANARY.to_owned()),
        ] {
            let headers = read_for(&settings, URL).unwrap();
            let value = &headers.map()[header];

            assert_eq!(value.to_str().unwrap(), sent);
            assert!(value.is_sensitive());
            assert!(!format!("{headers:?} {settings:?}").contains("canary"), "{headers:?}");
            let redactor = headers.hide(Redactor::default());
            for echo in [sent.clone(), CANARY.to_owned(), STANDARD.encode(CANARY), CANARY[4..20].to_owned()] {
                let shown = redactor.redact(&format!("refused: {echo}"));
                assert!(!shown.contains(&echo[echo.len() - 12..]), "{echo}: {shown}");
            }
        }
    }

    #[test]
    fn value_in_the_file_is_sent_and_is_no_secret() {
        let headers = read_for(&named("X-Team", HeaderText::Given("search".to_owned())), URL).unwrap();

        assert_eq!(headers.map()["x-team"], "search");
        assert_eq!(headers.secrets().count(), 0);
    }

    #[test]
    fn value_that_cannot_be_sent_is_refused_and_not_shown() {
        let files = Files::new();
        for (text, fault) in [
            ("canary\nX-Other: canary", "has a line break in it; write one line"),
            ("canary\u{7}canary", "has a control character in it"),
            ("canäry", "has characters that are not ASCII; write them as"),
            (" canary", "begins or ends with a blank"),
            (&"canary".repeat(2000), "is longer than 8 KiB"),
        ] {
            let source = files.with("value", text);
            for settings in [
                named("X-Api-Key", HeaderText::From(source.clone())),
                authorized(Authorization::Bearer(source)),
            ] {
                let error = read_for(&settings, URL).unwrap_err().to_string();
                assert!(error.contains(fault) && !error.contains("canary"), "{error}");
            }
        }
        for (text, fault) in [
            ("Bearer canary", "begins with `Bearer`; write the token alone"),
            ("\"canary\"", "is in quotes"),
            ("canary canary", "has a blank in it"),
        ] {
            let settings = authorized(Authorization::Bearer(files.with("value", text)));
            let error = read_for(&settings, URL).unwrap_err().to_string();
            assert!(error.contains(fault) && !error.contains("canary"), "{error}");
        }
        let empty = read_for(&named("X", HeaderText::From(files.with("value", "\n"))), URL).unwrap_err();
        assert!(matches!(empty, HeaderError::Unreadable { error: SecretError::Empty(_), .. }), "{empty}");
    }

    #[test]
    fn url_with_credentials_is_an_authorization() {
        let files = Files::new();
        let bearer = authorized(Authorization::Bearer(files.with("token", CANARY)));
        let other = named("X-Team", HeaderText::Given("search".to_owned()));

        let url = "https://user:canary@hooks.example/x";

        assert!(matches!(read_for(&bearer, url), Err(HeaderError::TwoAuthorizations)));
        assert!(read_for(&other, url).is_ok());
    }
}
