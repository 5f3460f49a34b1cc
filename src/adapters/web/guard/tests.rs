//! Requests to a guarded listener.

use axum::body::Body;
use axum::routing::get;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::*;
use crate::config::{ListenAddress, SecretSource};

const TOKEN: &str = "canary-of-the-guard";

/// A listener at 127.0.0.1:80.
struct Guarded {
    router: Router,
    token: watch::Sender<Option<Token>>,
}

impl Guarded {
    fn new(token: Option<&'static str>) -> Self {
        let token = token.map(|text| Token::read(&SecretSource::Public(text)).unwrap());
        let (sender, token) = watch::channel(token);
        let address = ListenAddress::parse("127.0.0.1:80", std::path::Path::new("/")).unwrap();
        let guard = Guard { hosts: Hosts::of(&address, &["monitor.example".to_owned()]), token };
        let own_policy = [(CONTENT_SECURITY_POLICY, "default-src 'self'")];
        let router = Router::new()
            .route("/", get(async || "all"))
            .route("/page", get(async move || (own_policy, "page")))
            .route("/livez", get(async || "ok"))
            .route("/v1/durations.svg", get(async || "a drawing"));
        Self { router: guarded(router, guard), token: sender }
    }

    /// The status of the answer, its headers and its text.
    async fn ask(&self, request: &str) -> (u16, HeaderMap, String) {
        let (head, headers) = request.split_once('\n').unwrap_or((request, ""));
        let (method, path) = head.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        for line in headers.lines() {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        let answer = TowerToHyperService::new(self.router.clone())
            .call(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let (head, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        (head.status.as_u16(), head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn status(&self, request: &str) -> u16 {
        self.ask(request).await.0
    }
}

#[tokio::test]
async fn foreign_hosts_are_refused_with_what_to_add() {
    let guarded = Guarded::new(None);
    for host in ["127.0.0.1", "127.0.0.1:80", "localhost:9115", "Monitor.Example", "monitor.example:443"] {
        assert_eq!(guarded.status(&format!("GET /\nhost: {host}")).await, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1", "[::1]:80"] {
        assert_eq!(guarded.status(&format!("GET /\nhost: {host}")).await, 403, "{host}");
    }
    for bad in [
        "GET /",
        "GET /\nhost: localhost\nhost: evil.example",
        "GET /\nhost: a@localhost",
        "GET /\nhost: a b",
        "GET http://localhost/\nhost: localhost\nhost: localhost",
        "GET http://evil.example@localhost/\nhost: localhost",
    ] {
        assert_eq!(guarded.status(bad).await, 400, "{bad}");
    }
    assert_eq!(guarded.status("GET http://evil.example/\nhost: localhost").await, 403);

    let (_, _, text) = guarded.ask("GET /\nhost: evil.example:80").await;
    assert_eq!(
        text,
        "error: the Host evil.example is not known to this listener\n  \
         help: if it is a name of this machine, add it: [http] hosts = [\"evil.example\"]\n"
    );
}

#[tokio::test]
async fn pages_of_other_sites_may_only_link_and_embed_the_drawing() {
    let guarded = Guarded::new(None);
    for (path, site, mode, dest, status) in [
        ("/", "cross-site", "no-cors", "empty", 403),
        ("/", "cross-site", "no-cors", "image", 403),
        ("/", "cross-site", "cors", "empty", 403),
        ("/livez", "cross-site", "no-cors", "empty", 403),
        ("/v1/durations.svg", "cross-site", "no-cors", "empty", 403),
        ("/v1/durations.svg", "cross-site", "no-cors", "image", 200),
        ("/", "cross-site", "navigate", "document", 200),
        ("/", "same-origin", "cors", "empty", 200),
        ("/", "none", "navigate", "document", 200),
    ] {
        let request = format!(
            "GET {path}\nhost: localhost\nsec-fetch-site: {site}\nsec-fetch-mode: {mode}\nsec-fetch-dest: {dest}"
        );
        let (given, headers, _) = guarded.ask(&request).await;
        assert_eq!(given, status, "{request}");
        let policy = if path == "/v1/durations.svg" { "cross-origin" } else { "same-origin" };
        assert_eq!(headers[RESOURCE_POLICY], policy);
    }
}

#[tokio::test]
async fn only_get_and_head_are_answered() {
    let guarded = Guarded::new(None);
    assert_eq!(guarded.status("HEAD /\nhost: localhost").await, 200);
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"] {
        for path in ["/", "/nothing", "/v1/status"] {
            let (status, headers, text) = guarded.ask(&format!("{method} {path}\nhost: localhost")).await;
            assert_eq!((status, &headers[ALLOW]), (405, &HeaderValue::from_static("GET, HEAD")));
            assert_eq!(text.starts_with("{\"error\":"), path.starts_with("/v1/"), "{text}");
        }
    }
}

#[tokio::test]
async fn token_is_needed_but_for_plain_probes() {
    let guarded = Guarded::new(Some(TOKEN));
    let with = |path: &str, token: &str| format!("GET {path}\nhost: localhost\nauthorization: {token}");
    for good in [format!("Bearer {TOKEN}"), format!("bearer  {TOKEN}")] {
        assert_eq!(guarded.status(&with("/", &good)).await, 200, "{good}");
    }
    for bad in
        ["Bearer", "Bearer ", "Bearer x", TOKEN, &format!("Basic {TOKEN}"), &format!("Bearer {TOKEN}x")]
    {
        let (status, headers, text) = guarded.ask(&with("/", bad)).await;
        assert_eq!((status, &headers[WWW_AUTHENTICATE]), (401, &HeaderValue::from_static("Bearer")), "{bad}");
        assert!(!text.contains(TOKEN), "{text}");
    }
    for (path, status) in [("/livez", 200), ("/livez?verbose", 401), ("/", 401), ("/nothing", 401)] {
        assert_eq!(guarded.status(&format!("GET {path}\nhost: localhost")).await, status, "{path}");
    }
    assert_eq!(guarded.status("GET /livez\nhost: evil.example").await, 403);
}

#[tokio::test]
async fn a_new_token_is_used_at_once() {
    let guarded = Guarded::new(Some(TOKEN));
    let request = format!("GET /\nhost: localhost\nauthorization: Bearer {TOKEN}");
    assert_eq!(guarded.status(&request).await, 200);

    guarded.token.send_replace(Some(Token::read(&SecretSource::Public("another-token-of-it")).unwrap()));

    assert_eq!(guarded.status(&request).await, 401);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_caution() {
    let guarded = Guarded::new(None);
    for (request, policy) in [
        ("GET /\nhost: localhost", "default-src 'none'"),
        ("GET /page\nhost: localhost", "default-src 'self'"),
        ("GET /nothing\nhost: localhost", "default-src 'none'"),
        ("POST /\nhost: localhost", "default-src 'none'"),
        ("GET /\nhost: evil.example", "default-src 'none'"),
    ] {
        let (_, headers, _) = guarded.ask(request).await;
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[REFERRER_POLICY], "no-referrer");
        assert_eq!(headers[CACHE_CONTROL], "no-store");
        assert_eq!(headers[CONTENT_SECURITY_POLICY], policy);
        assert!(!headers.contains_key("server") && !headers.contains_key("set-cookie"));
    }
}
