//! Diagnoses a request without an answer: what a person can do about it, and whether waiting helps.
//!
//! Invariant: no text made here holds a URL's path or query, a user name or a password, a line
//! break or a control character, whatever a certificate, a proxy or a library says.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::error::{MAX_TEXT, SendError, address, cause, causes};
use super::fault::{Fault, Peer};
use super::look_up::LookUps;
use super::proxy::{Hop, Route};
use super::tls;
use crate::model::{duration, one_line};

/// How long a proxy may take to repeat its refusal.
const PROXY_TIMEOUT: Duration = Duration::from_secs(2);

/// The first line of its answer is not longer.
const MAX_STATUS_LINE: usize = 64;

/// Diagnoses a failed request of a client that takes its proxy from the environment.
pub async fn fault(error: &SendError, url: &Url, peer: Peer) -> Fault {
    diagnose(error, url, Route::Environment.hop(url), peer).await
}

/// Diagnoses a failed request, which went through this proxy, if any. A proxy that refused is asked
/// once more, for two seconds at most, because the client drops its status.
pub(super) async fn diagnose(error: &SendError, url: &Url, proxy: Option<Hop>, peer: Peer) -> Fault {
    let server = server(url, proxy.as_ref());
    match error {
        SendError::Failed(error) if proxy.is_some() => {
            of_exchange(error, url, proxy, peer).await.behind_proxy()
        }
        SendError::Failed(error) => of_exchange(error, url, None, peer).await,
        SendError::Timeout(limit) => {
            Fault::passing(format!("no answer from {server} within {}", duration::human(*limit)))
        }
        SendError::ConnectTimeout(limit) => {
            Fault::passing(format!("cannot connect to {server} within {}", duration::human(*limit)))
        }
        SendError::ConnectionLost => Fault::passing(format!("the connection to {server} was lost")),
        SendError::Client(cause) => {
            let help = cause.help().map(|help| format!(": {help}")).unwrap_or_default();
            Fault::passing(format!("cannot connect to {server}: {cause}{help}"))
        }
        SendError::Dropped => Fault::passing(error.to_string()),
    }
}

/// The meaning of a 400 to plain HTTP that says that the port is for TLS, as those of nginx, Apache
/// and Go do.
pub fn fault_of_answer(answer: &str, url: &Url) -> Option<Fault> {
    if url.scheme() != "http" || !wants_tls(answer) {
        return None;
    }
    let proxy = Route::Environment.hop(url);
    let fault = not_plain(&server(url, proxy.as_ref()));
    Some(if proxy.is_some() { fault.behind_proxy() } else { fault })
}

async fn of_exchange(error: &reqwest::Error, url: &Url, proxy: Option<Hop>, peer: Peer) -> Fault {
    let server = server(url, proxy.as_ref());
    let of_tunnel = causes(error).map(ToString::to_string).find(|text| text.starts_with(TUNNEL));

    if let Some(fault) = causes(error).find_map(|cause| cause.downcast_ref()) {
        let refuses = of_tunnel.is_some();
        return match &proxy {
            Some(proxy) if refuses => tls::fault(fault, &format!("the proxy {}", shown(proxy)), peer),
            _ => tls::fault(fault, &server, peer),
        };
    }

    if let Some(proxy) = &proxy {
        match of_tunnel.as_deref() {
            Some(UNAUTHORIZED) => return refusal(proxy, url, Some(407)),
            Some(UNSUCCESSFUL) => {
                let status = tokio::time::timeout(PROXY_TIMEOUT, ask_again(proxy, url)).await;
                return refusal(proxy, url, status.ok().flatten());
            }
            _ => {}
        }
    }

    if let Some(fault) = causes(error).find_map(|cause| of_http(cause.downcast_ref()?, url, &server)) {
        return fault;
    }

    Fault::passing(match cause(error) {
        cause if error.is_connect() => format!("cannot connect to {server}: {cause}"),
        cause => format!("the request to {server} failed: {cause}"),
    })
}

fn wants_tls(answer: &str) -> bool {
    let answer = answer.to_ascii_lowercase();
    ["plain http request was sent to https port", "http request to an https server", "speaking plain http"]
        .into_iter()
        .any(|words| answer.contains(words))
}

/// What the errors of `hyper_util` about tunnels begin with; their type has no public name.
const TUNNEL: &str = "tunnel error: ";
const UNAUTHORIZED: &str = "tunnel error: proxy authorization required";
const UNSUCCESSFUL: &str = "tunnel error: unsuccessful";

fn shown(hop: &Hop) -> String {
    one_line(hop.proxy.uri().to_string().trim_end_matches('/'), MAX_TEXT)
}

/// The server of a request, and the proxy if it went through one.
fn server(url: &Url, proxy: Option<&Hop>) -> String {
    let through = proxy.map(|proxy| format!(" through the proxy {}", shown(proxy)));
    address(url) + &through.unwrap_or_default()
}

/// The meaning of a proxy's refusal to connect to `url`, by the status of its answer.
fn refusal(hop: &Hop, url: &Url, status: Option<u16>) -> Fault {
    let (proxy_name, host) = (shown(hop), url.host_str().unwrap_or_default());
    let refuses = format!("the proxy {proxy_name} does not connect to {host}");

    match status {
        Some(407) if hop.proxy.basic_auth().is_some() => {
            let place = if hop.is_configured { "the configuration" } else { "the environment" };
            Fault::lasting(format!(
                "the proxy {proxy_name} refuses the user name and password that {place} has for it (HTTP 407)"
            ))
        }
        Some(407) => Fault::lasting(format!(
            "the proxy {proxy_name} wants a user name and a password (HTTP 407): write http://USER:PASSWORD@HOST:PORT"
        )),
        Some(status @ (408 | 425 | 429 | 500 | 502..=599)) => {
            Fault::passing(format!("{refuses} (HTTP {status})"))
        }
        Some(status @ (300..=499 | 501)) => {
            let other =
                if hop.is_configured { "set `proxy` to \"none\"" } else { "name the host in NO_PROXY" };
            Fault::lasting(format!("{refuses} (HTTP {status}): allow it there, or {other}"))
        }
        Some(_) => Fault::passing(format!("{refuses}, and did when it was asked again")),
        None => Fault::passing(format!("{refuses}, and does not answer like a proxy")),
    }
}

/// Asks a proxy for a tunnel once more, and returns the status of its answer. A proxy that is
/// itself reached by TLS is not asked.
async fn ask_again(hop: &Hop, url: &Url) -> Option<u16> {
    let proxy = &hop.proxy;
    let address = proxy.uri();
    if address.scheme_str() != Some("http") {
        return None;
    }
    let mut addresses = LookUps::of_process().find(address.host()?.trim_matches(['[', ']'])).await.ok()?;
    for found in &mut addresses {
        found.set_port(address.port_u16().unwrap_or(80));
    }
    let mut connection = TcpStream::connect(addresses.as_slice()).await.ok()?;
    let target = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(credentials) = proxy.basic_auth() {
        request.extend([b"Proxy-Authorization: ", credentials.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    connection.write_all(&request).await.ok()?;
    let mut line = [0; MAX_STATUS_LINE];
    let mut length = 0;
    while length < line.len() && !line[..length].contains(&b'\n') {
        match connection.read(&mut line[length..]).await.ok()? {
            0 => break,
            read => length += read,
        }
    }

    let line = std::str::from_utf8(line.get(..length)?.split(|byte| *byte == b'\n').next()?).ok()?;

    line.strip_prefix("HTTP/1.")?.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The meaning of an error of the HTTP library, if its own text does not help.
fn of_http(error: &hyper::Error, url: &Url, server: &str) -> Option<Fault> {
    let is_plain = url.scheme() == "http";
    match () {
        () if error.is_parse_too_large() => Some(Fault::passing(format!(
            "the head of the answer of {server} is too large: it has more than 100 header fields, or very long ones"
        ))),
        // By its text, for it has no question of its own (`hyper::error::Parse::Version`). An
        // answer that begins with anything but `HTTP/1.` is one: also the alert of a TLS server.
        () if is_plain && error.to_string() == NO_VERSION => Some(not_plain(server)),
        () if error.is_parse() => {
            let fault = one_line(&error.to_string(), MAX_TEXT);
            Some(Fault::passing(format!("the answer of {server} is not valid HTTP ({fault})")))
        }
        () if error.is_incomplete_message() => {
            Some(Fault::passing(format!("{server} closed the connection without an answer")))
        }
        () => None,
    }
}

/// The text of `hyper` about an answer that does not begin like one of HTTP.
const NO_VERSION: &str = "invalid HTTP version parsed";

fn not_plain(server: &str) -> Fault {
    Fault::wrong_protocol(format!("cannot connect to {server}: it does not speak plain HTTP"))
}

#[cfg(test)]
mod tests;
