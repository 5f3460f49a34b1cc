//! Resolvers of clients: one for all addresses, one that excludes private addresses.
//!
//! Invariant: the addresses that are checked are those that are connected to. A name is resolved
//! once for each connection, so that a name server cannot give a public address to the check and a
//! private one to the connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::look_up::LookUps;
use crate::config::is_private;

/// Resolves a name; tests replace it.
pub(super) type LookUp = dyn Fn(String) -> Found + Send + Sync;

/// The addresses of a name, once they are found.
pub(super) type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// A resolver that asks the system.
#[derive(Clone, Copy)]
pub(super) struct System;

impl Resolve for System {
    fn resolve(&self, name: Name) -> Resolving {
        let found = of_system(name.as_str().to_owned());
        Box::pin(async move { Ok(Box::new(found.await?.into_iter()) as Addrs) })
    }
}

fn of_system(name: String) -> Found {
    Box::pin(async move { LookUps::of_process().find(&name).await })
}

/// A resolver that excludes private addresses.
#[derive(Clone)]
pub(super) struct PublicOnly(Arc<LookUp>);

/// Why a name has no address that may be connected to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum NoAddress {
    /// All of its addresses are private; one of them is named.
    #[error("{name} leads to the private address {address}, and block_private is set")]
    Private { name: String, address: IpAddr },
    #[error("{0} has no address")]
    None(String),
}

impl PublicOnly {
    /// A resolver that asks the system.
    pub(super) fn system() -> Self {
        Self::new(of_system)
    }

    /// A resolver that asks `look_up`.
    pub(super) fn new(look_up: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let found = (self.0)(name.clone());
        Box::pin(async move {
            let addresses = public(name, found.await?)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The addresses of `name` that are not private, in the order they came in.
fn public(name: String, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, NoAddress> {
    let (private, public): (Vec<_>, Vec<_>) = found.into_iter().partition(|address| is_private(address.ip()));
    match private.first() {
        _ if !public.is_empty() => Ok(public),
        Some(address) => Err(NoAddress::Private { name, address: address.ip() }),
        None => Err(NoAddress::None(name)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::net::TcpListener;
    use url::Url;

    use super::*;
    use crate::adapters::http::client::{Client, Terms, client, request, resolving};
    use crate::adapters::http::error::{ClientError, SendError};
    use crate::adapters::http::options::ClientOptions;

    /// A listener on this machine that must stay alone.
    struct Unreached(TcpListener);

    impl Unreached {
        async fn new() -> Self {
            Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
        }

        fn port(&self) -> u16 {
            self.0.local_addr().unwrap().port()
        }

        /// Fails if a connection was made: every connection is in the queue at once.
        async fn assert(self) {
            let come = tokio::time::timeout(Duration::from_millis(50), self.0.accept()).await;
            assert!(come.is_err(), "a connection from {:?}", come.unwrap());
        }
    }

    fn public_only(url: &str) -> ClientOptions {
        ClientOptions::public_only(&Url::parse(url).unwrap(), None).unwrap()
    }

    async fn post(client: &Client, url: &str, timeout: Duration) -> SendError {
        let request = request(reqwest::Method::POST, url.parse().unwrap()).build().unwrap();
        client.send(request, Terms { timeout, max_body: |_| 0, repeat_if_cut: true }).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_reached() {
        let server = Unreached::new().await;
        for name in ["localhost", "LOCALHOST"] {
            let url = format!("http://{name}:{}/", server.port());
            let client = client(&public_only(&url)).unwrap();
            let message = post(&client, &url, Duration::from_secs(15)).await.to_string();
            assert!(message.starts_with("cannot connect: localhost"), "{message}");
            assert!(message.contains(" leads to the private address "), "{message}");
            assert!(message.ends_with(", and block_private is set"), "{message}");
        }
        server.assert().await;
    }

    #[test]
    fn an_address_in_the_url_is_refused_before_there_is_a_client() {
        for (host, address) in [
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]", "::1"),
            ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("017700000001", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("127.0.0.1.", "127.0.0.1"),
            ("169.254.169.254", "169.254.169.254"),
        ] {
            let url = Url::parse(&format!("http://{host}:8080/canary?canary")).unwrap();
            let error = ClientOptions::public_only(&url, None).unwrap_err();
            assert!(matches!(&error, ClientError::Private(found) if found.to_string() == address), "{host}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    /// The first answer is public, and leads nowhere: it lies in a part of IPv6 that is not given
    /// out. What follows it would lead to the server.
    #[tokio::test]
    async fn a_name_is_looked_up_once_for_each_connection() {
        let server = Unreached::new().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let resolver = PublicOnly::new(move |name| {
            assert_eq!(name, "hooks.example");
            let turn = count.fetch_add(1, Ordering::SeqCst);
            let address: IpAddr = if turn == 0 { "4000::1" } else { "127.0.0.1" }.parse().unwrap();
            Box::pin(async move { Ok(vec![(address, 0).into()]) })
        });

        let url = format!("http://hooks.example:{}/", server.port());
        let client = resolving(&public_only(&url), resolver).unwrap();
        let attempt = || async { post(&client, &url, Duration::from_millis(300)).await.to_string() };
        let message = attempt().await;

        assert!(!message.contains("block_private"), "{message}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);

        let message = attempt().await;
        assert_eq!(
            message,
            "cannot connect: hooks.example leads to the private address 127.0.0.1, and block_private is set"
        );
        assert_eq!(asked.load(Ordering::SeqCst), 2);

        server.assert().await;
    }

    #[test]
    fn private_addresses_are_filtered_out() {
        let socket = |address: &str| SocketAddr::new(address.parse().unwrap(), 0);
        let judged = |found: &[&str]| {
            let found = found.iter().map(|address| socket(address)).collect();
            public("hooks.example".to_owned(), found).map_err(|error| error.to_string())
        };
        assert_eq!(
            judged(&["10.0.0.1", "9.9.9.9", "::1", "2620:fe::9"]),
            Ok(vec![socket("9.9.9.9"), socket("2620:fe::9")])
        );
        let private = "hooks.example leads to the private address 10.0.0.1, and block_private is set";
        assert_eq!(judged(&["10.0.0.1", "::1"]), Err(private.to_owned()));
        assert_eq!(judged(&[]), Err("hooks.example has no address".to_owned()));
    }
}
