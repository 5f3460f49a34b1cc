//! What the adapters that speak HTTP share: building a client, reading an answer, saying what went
//! wrong; and serving clients.
//!
//! Invariant: no redirect is ever followed (a header such as `Api-Key` would travel with it), no
//! body is read beyond its bound, and no text made here holds a URL's path or query, which may be
//! secret.

mod body;
mod certificates;
mod client;
mod error;
mod failure;
mod fault;
mod head;
mod identity;
mod look_up;
mod options;
mod places;
mod prompt_stream;
mod proxy;
mod recipe;
mod resolver;
mod serving;
mod socket;
mod stream;
mod thread;
mod tls;

pub use body::BodyError;
pub use client::{Answer, Client, Terms, client, request};
pub use error::{ClientError, SendError, address, describe};
pub use failure::{fault, fault_of_answer};
pub use fault::{Fault, FaultKind, Peer};
pub use head::{date, redirect_target, retry_after};
pub use identity::Identity;
pub use options::ClientOptions;
pub use proxy::{Proxy, ProxyError, proxy_of, with_proxy_credentials};
pub use recipe::local;
pub use serving::{ARRIVAL_TIMEOUT, Connections, Listener, Refusal, Terms as ServingTerms, most_connections};
pub use socket::{SocketError, SocketFile};
pub use stream::{Tls, connect};
#[cfg(feature = "postgres")]
pub use stream::{describe_io, fault_of_handshake};
pub use thread::use_threads;
