//! What each request must have before it reaches a handler, and what each answer has.
//!
//! Invariant: a request with a foreign `Host`, from a page of another site, with another method than
//! GET and HEAD, or without the token reaches no handler.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderName,
    HeaderValue, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, Version};
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::sync::watch;

use super::hosts::Hosts;
use super::refusal::Refusal;
use super::token::Token;

/// What every answer has, unless its handler says otherwise.
const HEADERS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'"),
    (RESOURCE_POLICY, "same-origin"),
];

/// Which pages may embed an answer.
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The image that pages of other sites, such as a wiki, may embed.
const EMBEDDABLE: &str = "/v1/durations.svg";

/// What probes may ask for without a token: one word about this process, and nothing of restores.
pub(super) const OPEN_PATHS: [&str; 2] = ["/livez", "/readyz"];

/// What requests to one listener must have.
#[derive(Debug)]
pub(super) struct Guard {
    pub(super) hosts: Hosts,
    /// The token in force, if one is needed.
    pub(super) token: watch::Receiver<Option<Token>>,
}

/// These paths behind a guard.
pub(super) fn guarded(router: Router, guard: Guard) -> Router {
    router.layer(middleware::from_fn_with_state(Arc::new(guard), pass))
}

async fn pass(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let is_embeddable = request.uri().path() == EMBEDDABLE;
    let mut response = match guard.refusal(&request) {
        Some(refusal) => answer(refusal, request.uri().path()),
        None => next.run(request).await,
    };
    if is_embeddable {
        response.headers_mut().insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The headers of a short text that is an answer to any request.
pub(super) fn headers_of_text() -> HeaderMap {
    let content_type = (CONTENT_TYPE, "text/plain; charset=utf-8");
    let all = HEADERS.into_iter().chain([content_type]);
    all.map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

/// The answer to a request that is refused.
fn answer(refusal: Refusal, path: &str) -> Response {
    let header = match refusal.status {
        StatusCode::METHOD_NOT_ALLOWED => Some((ALLOW, "GET, HEAD")),
        StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer")),
        _ => None,
    };
    let mut response = refusal.answer(path);
    response.headers_mut().extend(header.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

impl Guard {
    /// Why a request is refused, if it is.
    fn refusal(&self, request: &Request) -> Option<Refusal> {
        if let Some(refusal) = self.refusal_of_host(request) {
            return Some(refusal);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let error = "this listener is read-only: it answers GET and HEAD";
            return Some(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, error));
        }
        if is_of_foreign_page(request) {
            let refusal = Refusal::new(StatusCode::FORBIDDEN, "a page of another site sent the request");
            return Some(
                refusal.with_help(format!("pages of other sites may only embed {EMBEDDABLE} as an image")),
            );
        }

        let uri = request.uri();
        let is_open = OPEN_PATHS.contains(&uri.path()) && uri.query().is_none_or(str::is_empty);
        let has_token = is_open
            || self
                .token
                .borrow()
                .as_ref()
                .is_none_or(|token| bearer(request.headers()).is_some_and(|given| token.is(given)));
        (!has_token).then(|| {
            Refusal::new(StatusCode::UNAUTHORIZED, "the request lacks the token of this listener")
                .with_help("send the header Authorization: Bearer TOKEN, with the token that [http] names")
        })
    }

    fn refusal_of_host(&self, request: &Request) -> Option<Refusal> {
        let refusal = || Refusal::new(StatusCode::BAD_REQUEST, "the request needs one valid Host header");
        let host = match authority(request) {
            Some(Ok(authority)) => authority,
            // A browser sends one: this is an old client.
            None if request.version() <= Version::HTTP_10 => return None,
            Some(Err(Fault::Invalid)) | None if self.hosts.are_free() => return None,
            Some(Err(_)) | None => return Some(refusal()),
        };
        let host = host.host();
        (!self.hosts.accept(host)).then(|| {
            Refusal::new(StatusCode::FORBIDDEN, format!("the Host {host} is not known to this listener"))
                .with_help(format!("if it is a name of this machine, add it: [http] hosts = [\"{host}\"]"))
        })
    }
}

/// Why the authority that a request names cannot be used.
enum Fault {
    /// Several are named, or one with the name of a user.
    Ambiguous,
    Invalid,
}

/// The authority that a request names: that of its target, else that of its `Host` header
/// (RFC 9112, section 3.2).
fn authority(request: &Request) -> Option<Result<Authority, Fault>> {
    let mut headers = request.headers().get_all(HOST).iter();
    let header = headers.next();
    if headers.next().is_some() {
        return Some(Err(Fault::Ambiguous));
    }

    let named = match request.uri().authority() {
        Some(authority) => Ok(authority.clone()),
        None => header?.to_str().ok().and_then(|text| text.parse().ok()).ok_or(Fault::Invalid),
    };
    Some(named.and_then(
        |authority: Authority| {
            if authority.as_str().contains('@') { Err(Fault::Ambiguous) } else { Ok(authority) }
        },
    ))
}

/// Whether a page of another site had a browser send the request: a link to a page is followed, and
/// the one image may be embedded. Other clients send no such headers (Fetch Metadata, W3C).
fn is_of_foreign_page(request: &Request) -> bool {
    let is = |name: &str, value: &str| request.headers().get(name).is_some_and(|given| given == value);
    let is_image = request.uri().path() == EMBEDDABLE && is("sec-fetch-dest", "image");
    is("sec-fetch-site", "cross-site") && !is("sec-fetch-mode", "navigate") && !is_image
}

/// What follows `Bearer` in the request.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests;
