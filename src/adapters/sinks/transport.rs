//! How the requests of a webhook reach its receiver: certificates, and a proxy.
//!
//! Invariant: a proxy is never used beside `block_private`: it would look names up itself.

use secrecy::SecretString;

use super::error::SinkError;
use super::fingerprint::Canonical;
use crate::adapters::http::{self, ClientError, ClientOptions, Identity, Peer};
use crate::config::{
    ClientCert, ProxyAddress, ProxySource, ProxySourceError, Redactor, WebhookSettings, WebhookUrl,
};

/// What a client of a receiver is made of, with the secrets that were read for it.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) options: ClientOptions,
    pub(super) peer: Peer,
    /// Identifies the root certificates of its own.
    roots: Option<[u8; 32]>,
    identity: Option<Identity>,
    proxy: Option<ProxyAddress>,
}

impl Transport {
    /// Reads certificates and secrets of the sink called `name`, which posts to `url`.
    pub(super) fn read(name: &str, settings: &WebhookSettings, url: &WebhookUrl) -> Result<Self, SinkError> {
        let of_client = |error| SinkError::Client { name: name.to_owned(), error };
        let transport = &settings.transport;
        let ca_file = transport.ca_file.as_deref();
        if url.expose().scheme() == "http" {
            let key = transport.client_cert.as_ref().map(|_| "client_cert").or(ca_file.map(|_| "ca_file"));
            if let Some(key) = key {
                return Err(of_client(ClientError::Plain(key)));
            }
        }

        let options = if settings.block_private {
            ClientOptions::public_only(url.expose(), ca_file).map_err(of_client)?
        } else {
            ClientOptions::new(url.expose(), ca_file)
        };
        let roots = ca_file.map(http::identify_certificates).transpose().map_err(of_client)?;
        let identity = transport.client_cert.as_ref().map(|cert| identity(name, cert)).transpose()?;
        let (options, proxy) = match &transport.proxy {
            None => (options, None),
            Some(source) => {
                let proxy = read_proxy(name, source)?;
                (options.through(proxy.clone()), proxy)
            }
        };

        Ok(Self {
            options: options.identified_by(identity.clone()),
            peer: if identity.is_some() { Peer::CertifiedReceiver } else { Peer::Receiver },
            roots,
            identity,
            proxy,
        })
    }

    /// Puts certificates and secrets, wherever they were read.
    pub(super) fn put_read(&self, canonical: &mut Canonical) {
        canonical.put("ca_file", self.roots);
        // One file or two, with whatever between the blocks.
        let lines = self.identity.iter().flat_map(|identity| identity.expose().lines()).map(str::trim);
        canonical.put("client_cert", lines.filter(|line| !line.is_empty()));
        canonical.put("proxy", self.proxy.as_ref().map(ProxyAddress::expose));
    }

    /// What was read for it.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        let identity = self.identity.iter().map(Identity::expose);
        identity.chain(self.proxy.iter().map(ProxyAddress::expose))
    }

    /// Extends `redactor` to the passwords of proxies.
    pub(super) fn hide(&self, redactor: Redactor) -> Redactor {
        let redactor = http::with_proxy_credentials(redactor);
        self.proxy.iter().fold(redactor, |redactor, proxy| proxy.hide(redactor))
    }
}

fn identity(name: &str, cert: &ClientCert) -> Result<Identity, SinkError> {
    let key: SecretString = cert.key.read().map_err(|error| SinkError::Secret {
        name: name.to_owned(),
        what: "the key of the client certificate",
        error,
    })?;
    Identity::new(&key, &cert.key.to_string(), cert.file.as_deref())
        .map_err(|error| SinkError::Client { name: name.to_owned(), error })
}

fn read_proxy(name: &str, source: &ProxySource) -> Result<Option<ProxyAddress>, SinkError> {
    source.read().map_err(|error| match error {
        ProxySourceError::Unreadable(error) => {
            SinkError::Secret { name: name.to_owned(), what: "the proxy", error }
        }
        error @ ProxySourceError::Bad { .. } => SinkError::Proxy { name: name.to_owned(), error },
    })
}
