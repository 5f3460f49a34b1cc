//! `ca_file`, `client_cert` and `proxy`: how the requests of a webhook reach its receiver.
//!
//! Invariant: no certificate and no secret is read here.

use std::path::{Path, PathBuf};

use secrecy::ExposeSecret as _;
use toml::de::DeValue;

use super::Meaning;
use crate::config::keys::{Key, Kind, Table};
use crate::config::reader::{Finding, Section, Span, Value, source};
use crate::config::{ProxyAddress, SecretError, SecretSource, ShownPath, UrlSource};

const CERT_FORMS: &str = "write client_cert = { cert = \"PATH\", key = \"PATH\" }, or client_cert = \"PATH\" for one file with both";

const PROXY_FORMS: &str = "write proxy = \"http://proxy.example:3128\", { file = \"PATH\" } to have the address read from \
                           there, or \"none\"";

/// The word for no proxy at all.
const NONE: &str = "none";

pub(super) const CLIENT_CERT: Key = Key::new(
    "client_cert",
    Kind::OrTable(&CLIENT_CERT_KEYS),
    "The certificate that is shown to a receiver that wants one of its client (mTLS): a PEM file with the certificate, those \
     that it depends on and its key, or two files.",
)
.example("{ cert = \"client.pem\", key = \"client-key.pem\" }");

pub(super) const PROXY: Key = Key::new(
    "proxy",
    Kind::Url,
    "The proxy of the requests, in place of the one that the environment names: `\"http://proxy:3128\"`, or with `https`, \
     `socks4`, `socks4a`, `socks5` or `socks5h`. `\"none\"` is no proxy.",
)
.example("\"none\"");

pub(in crate::config) static CLIENT_CERT_KEYS: Table = Table {
    title: "`client_cert` of a webhook",
    place: None,
    about: "A certificate and its key.",
    keys: &[
        Key::new("cert", Kind::SecretPlace, "A PEM file with the certificate, and those that it depends on.")
            .required()
            .example("\"client.pem\""),
        Key::new(
            "key",
            Kind::OrTable(&crate::config::keys::SECRET),
            "A PEM file with the key, without a passphrase.",
        )
        .required()
        .example("\"client-key.pem\""),
    ],
};

/// How requests reach their receiver.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransportSettings {
    /// Root certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// What is shown to a server that wants to see a certificate.
    pub client_cert: Option<ClientCert>,
    /// Instead of the proxy that the environment names.
    pub proxy: Option<ProxySource>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCert {
    /// The PEM file of the certificate; none if the key is in the same one.
    pub file: Option<PathBuf>,
    /// Where the key is read from.
    pub key: SecretSource,
}

/// Where the address of a proxy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxySource {
    /// There is no proxy.
    None,
    /// In the configuration.
    Given(ProxyAddress),
    /// Elsewhere, because it has a password.
    From(SecretSource),
}

/// Why the address of a proxy cannot be used. No variant holds any part of it.
#[derive(Debug, thiserror::Error)]
pub enum ProxySourceError {
    #[error(transparent)]
    Unreadable(#[from] SecretError),
    #[error("the proxy from {origin} {fault}")]
    Bad { origin: SecretSource, fault: String },
}

impl ProxySource {
    /// The address, read now if it is not in the configuration; none if there is no proxy.
    pub fn read(&self) -> Result<Option<ProxyAddress>, ProxySourceError> {
        match self {
            Self::None => Ok(None),
            Self::Given(address) => Ok(Some(address.clone())),
            Self::From(source) => {
                let bad = |fault| ProxySourceError::Bad { origin: source.clone(), fault };
                ProxyAddress::parse(source.read()?.expose_secret()).map(Some).map_err(bad)
            }
        }
    }
}

impl TransportSettings {
    /// Reads the keys of a webhook whose address is `url` unless that was refused; `blocked` is the
    /// place that forbids private addresses.
    pub(super) fn read(
        section: &mut Section<'_>,
        url: Option<&UrlSource>,
        blocked: Option<&Span>,
        base: &Path,
    ) -> Self {
        let report = section.report;
        let is_plain = matches!(url, Some(UrlSource::Given(url)) if url.expose().scheme() == "http");
        if let Some(at) = section.span_of("url").filter(|_| is_plain) {
            for key in ["ca_file", "client_cert"] {
                let Some(span) = section.span_of(key) else { continue };
                let finding = Finding::new(&span, format!("`{key}` is for https"));
                report.push(
                    finding.see("the `url` is plain http, on line", &at).help("use https, or remove it"),
                );
            }
        }

        let ca_file = section.path("ca_file", base);
        let client_cert = section.take("client_cert").and_then(|value| client_cert(&value, base));
        let proxy_at = section.span_of("proxy");
        let proxy = section.take("proxy").and_then(|value| proxy(&value, base));
        if let (Some(at), Some(blocked), Some(ProxySource::Given(_) | ProxySource::From(_))) =
            (proxy_at, blocked, &proxy)
        {
            let finding = Finding::new(&at, "`proxy` is there beside `block_private`, which uses no proxy");
            report.push(
                finding
                    .see("`block_private` is set on line", blocked)
                    .help("keep one of them: a proxy looks names up itself, and may connect to any address"),
            );
        }
        Self { ca_file, client_cert, proxy }
    }

    /// Where secrets among them are read from, and what each is.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (&'static str, &SecretSource)> {
        let key = self.client_cert.as_ref().map(|cert| ("key of the client certificate", &cert.key));
        let proxy = match &self.proxy {
            Some(ProxySource::From(source)) => Some(("proxy", source)),
            _ => None,
        };
        key.into_iter().chain(proxy)
    }

    /// Adds a line about each.
    pub(super) fn add_to(&self, mut meaning: Meaning) -> Meaning {
        if let Some(file) = &self.ca_file {
            meaning = meaning.with("trusts", trusted(file));
        }
        if let Some(ClientCert { file, key }) = &self.client_cert {
            let shown = match file {
                None => format!("the client certificate in {key}"),
                Some(file) => {
                    format!("the client certificate in {}, with the key from {key}", ShownPath(file))
                }
            };
            meaning = meaning.with("shows", shown);
        }
        match &self.proxy {
            None => meaning,
            Some(ProxySource::None) => meaning.with("proxy", "none"),
            Some(ProxySource::Given(address)) => meaning.with("proxy", address.to_string()),
            Some(ProxySource::From(source)) => meaning.with("proxy", format!("from {source}")),
        }
    }
}

/// What `check` says of a `ca_file`.
pub fn trusted(file: &Path) -> String {
    format!("the certificates in {} too", ShownPath(file))
}

fn client_cert(value: &Value<'_>, base: &Path) -> Option<ClientCert> {
    match value.inner {
        DeValue::String(_) => {
            Some(ClientCert { file: None, key: SecretSource::File(pem_path(value, base)?) })
        }
        DeValue::Table(_) => {
            let mut section = Section::of(value, &CLIENT_CERT_KEYS, "a table", CERT_FORMS)?;
            let report = section.report;
            for key in ["cert", "key"].into_iter().filter(|key| section.lacks(key)) {
                let finding = Finding::new(&section.span, format!("`client_cert` without a `{key}`"));
                report.push(finding.help(CERT_FORMS));
            }
            let file = section.take("cert").and_then(|value| pem_path(&value, base));
            let key = section.take("key").and_then(|value| match value.inner {
                DeValue::String(_) => pem_path(&value, base).map(SecretSource::File),
                DeValue::Table(_) => source::read(&value, base),
                _ => value.string_or("a string or a table", CERT_FORMS).and(None),
            });
            section.finish();
            Some(ClientCert { file: Some(file?), key: key? })
        }
        _ => value.string_or("a string or a table", CERT_FORMS).and(None),
    }
}

/// The path of a PEM file, in place of which its content is sometimes written.
fn pem_path(value: &Value<'_>, base: &Path) -> Option<PathBuf> {
    if value.inner.as_str().is_some_and(|text| text.contains("-----BEGIN")) {
        value.refuse("is the content of a PEM file", "give the PATH of the file");
        return None;
    }
    value.path(base)
}

fn proxy(value: &Value<'_>, base: &Path) -> Option<ProxySource> {
    let text = match value.inner {
        DeValue::String(text) => text,
        DeValue::Table(_) => return source::read(value, base).map(ProxySource::From),
        _ => return value.string_or("a string or a table", PROXY_FORMS).and(None),
    };
    if text == NONE {
        return Some(ProxySource::None);
    }

    match ProxyAddress::parse(text) {
        Ok(address) if address.has_password() => {
            value.refuse(
                "must not hold the password itself",
                "write proxy = { file = \"PATH\" }, { env = \"NAME\" } or { credential = \"NAME\" } to have the whole address \
                 read from there",
            );
            None
        }
        Ok(address) => Some(ProxySource::Given(address)),
        Err(fault) => {
            let (fault, help) = fault.split_once("; ").unwrap_or((&fault, PROXY_FORMS));
            value.refuse(fault, help);
            None
        }
    }
}
