//! Requests and answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use serde_json::Value;
use url::Url;

use super::page::Page;
use super::{Error, advice, error_body, wire};
use crate::adapters::http::{self, Answer, BodyError, Fault, Peer, SendError, Terms};
use crate::adapters::metrics::Code;
use crate::config::{ApiKey, ApiSettings, Endpoint, EndpointSource, Redactor};
use crate::engine::FailureClass;
use crate::model::{IndexObservation, JobId, Observation, one_line};

/// No answer of this API is longer; what is, is not read to its end.
const MAX_BODY: usize = 1024 * 1024;

/// Error answers are read for one line of text only.
const MAX_ERROR_BODY: usize = 16 * 1024;

/// The longest beginning of an answer that is shown, if it is not JSON.
const MAX_EXCERPT: usize = 40;

/// Some servers write it before their JSON; RFC 8259, section 8.1, allows to ignore it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Rows requested per page, the maximum. The documented default differs between versions.
const PAGE_SIZE: usize = 100;

/// Rows used of one page. The server chooses the size of a page with a token, so this is well above
/// the requested number; further rows are left out.
const MAX_ROWS: usize = 1000;

/// The header that names the version of the API.
const VERSION: &str = "x-pinecone-api-version";

/// The control plane of one project.
#[derive(Debug, Clone)]
pub struct Client {
    http: http::Client,
    endpoint: Endpoint,
    headers: HeaderMap,
    /// `secrets` masks texts that are shown, `key_alone` data that is used.
    secrets: Arc<Redactor>,
    key_alone: Arc<Redactor>,
    timeout: Duration,
    /// Whether rows that cannot be read were reported.
    reported: Arc<AtomicBool>,
}

/// The result of one request.
#[derive(Debug)]
pub struct ApiReply<T> {
    /// The answer, or why there is no usable one.
    pub result: Result<T, Error>,
    /// The time of the answer by the server's clock (`Date`), whatever the status.
    pub server_time: Option<Timestamp>,
    /// What came of the request, for the metrics; none if none was made.
    pub code: Option<Code>,
}

impl<T> ApiReply<T> {
    /// Converts a good answer.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> ApiReply<U> {
        self.and_then(|value| Ok(convert(value)))
    }

    /// Converts a good answer, or finds it unusable.
    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, Error>) -> ApiReply<U> {
        let Self { result, server_time, code } = self;
        ApiReply { result: result.and_then(read), server_time, code }
    }
}

/// A key whose memory a header borrows instead of copying it, so that it is overwritten with the
/// last header.
struct Lent(ApiKey);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl Client {
    /// A client of the endpoint of `settings`, with this key.
    ///
    /// # Panics
    /// Where the version of `settings` cannot be a header, which the configuration excludes.
    pub fn new(http: http::Client, settings: &ApiSettings, key: ApiKey) -> Self {
        let secrets = Arc::new(http::with_proxy_credentials(key.redactor()));
        let key_alone = Arc::new(key.redactor_of_data());
        let lent = Bytes::from_owner(Lent(key));
        let mut secret = HeaderValue::from_maybe_shared(lent).expect("an API key is visible ASCII");
        secret.set_sensitive(true);
        let version = HeaderValue::from_str(&settings.version).expect("a version is visible ASCII");
        let headers = HeaderMap::from_iter([
            (HeaderName::from_static("api-key"), secret),
            (HeaderName::from_static(VERSION), version),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);

        Self {
            http,
            endpoint: settings.endpoint.clone(),
            headers,
            secrets,
            key_alone,
            timeout: settings.request_timeout,
            reported: Arc::default(),
        }
    }

    /// What a person can do about an error of this client, if there is anything to say.
    pub fn advice(&self, error: &Error) -> Option<String> {
        advice::on(error, &self.endpoint)
    }

    /// Scheme, host and port of the API.
    pub fn address(&self) -> String {
        http::address(&self.endpoint.join(&[]))
    }

    /// The URL of a resource.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        self.endpoint.join(segments)
    }

    /// The same for people: a path of the endpoint itself may be secret.
    pub(super) fn shown_url(&self, segments: &[&str]) -> String {
        let path = self.url(segments).path().to_owned();
        let own = self.endpoint.join(&[]).path().trim_end_matches('/').len();
        let hidden = if self.endpoint.has_path() { "/…" } else { "" };
        self.address() + hidden + path.get(own..).unwrap_or_default()
    }

    /// The version of the API that is asked for.
    pub(super) fn version(&self) -> &str {
        self.headers.get(VERSION).and_then(|version| version.to_str().ok()).unwrap_or_default()
    }

    /// Whether the address is in doubt by this error of the first request.
    pub fn doubts_address(&self, error: &Error) -> bool {
        // What is at a path may have the form of the API.
        let is_astray = self.endpoint.has_path() && error.class() == FailureClass::NotFound;
        is_astray || error.doubts_address()
    }

    /// Requests one job. An answer about another job is an error.
    pub async fn describe(&self, id: &JobId) -> ApiReply<Observation> {
        let reply = self.get(self.endpoint.join(&["restore-jobs", id.as_str()])).await;
        reply.and_then(|value| {
            let observation = wire::job(&value).map_err(Error::Unreadable)?;
            if observation.id == *id {
                Ok(observation)
            } else {
                Err(Error::Unreadable("it is about another job".to_owned()))
            }
        })
    }

    /// Requests one index. An answer about another index is an error.
    pub async fn describe_index(&self, name: &str) -> ApiReply<IndexObservation> {
        // These would name another resource, however they are encoded.
        if matches!(name, "" | "." | "..") {
            let result = Err(Error::Unreadable(format!("no index can be called {name:?}")));
            return ApiReply { result, server_time: None, code: None };
        }

        let reply = self.get(self.endpoint.join(&["indexes", name])).await;

        reply.and_then(|value| {
            let observation = wire::index(&value).map_err(Error::Unreadable)?;
            if observation.name == name {
                Ok(observation)
            } else {
                Err(Error::Unreadable("it is about another index".to_owned()))
            }
        })
    }

    /// Requests a page of the list of jobs: the first one, or that of a token of an earlier page.
    pub async fn list_page(&self, token: Option<&str>) -> ApiReply<Page> {
        let mut url = self.endpoint.join(&["restore-jobs"]);
        // A limit beside a token makes the API skip or repeat rows.
        match token {
            None => url.query_pairs_mut().append_pair("limit", &PAGE_SIZE.to_string()),
            Some(token) => url.query_pairs_mut().append_pair("paginationToken", token),
        };
        self.get(url).await.and_then(|value| wire::page(&value, MAX_ROWS).map_err(Error::Unreadable))
    }

    /// Whether this is the first call on this client and its clones: unreadable rows come again
    /// with each scan, and are reported once.
    pub fn reports_unreadable(&self) -> bool {
        !self.reported.swap(true, Ordering::Relaxed)
    }

    /// A request with the key and the version.
    pub(super) fn request(&self, method: Method, url: &Url) -> Request {
        // No builder of requests, which would search the URL for a user and a password: an endpoint
        // has none.
        let mut request = Request::new(method, url.clone());
        *request.headers_mut() = self.headers.clone();
        request
    }

    /// Sends a request once.
    pub(super) async fn send(&self, request: Request) -> Result<Answer, SendError> {
        let terms = Terms {
            timeout: self.timeout,
            max_body: |status| if status == StatusCode::OK { MAX_BODY } else { MAX_ERROR_BODY },
            // The engine decides on repetitions, because it knows the rate limit; and a request
            // that starts a restore must not be repeated.
            repeat_if_cut: false,
        };
        self.http.send(request, terms).await
    }

    pub(super) async fn get(&self, url: Url) -> ApiReply<Value> {
        match self.send(self.request(Method::GET, &url)).await {
            Ok(answer) => {
                let server_time = http::date(&answer.headers);
                let status = Code::Status(answer.status.as_u16());
                let code = Some(if answer.body.is_ok() { status } else { Code::Transport });
                ApiReply { result: self.read(answer, &url), server_time, code }
            }
            Err(error) => {
                let result = Err(self.transport(&error, &url).await);
                ApiReply { result, server_time: None, code: Some(Code::Transport) }
            }
        }
    }

    fn read(&self, answer: Answer, url: &Url) -> Result<Value, Error> {
        if answer.status != StatusCode::OK {
            return Err(self.refusal(answer, url));
        }
        self.json(answer.body, url)
    }

    /// The JSON of a good answer, without the key.
    pub(super) fn json(&self, body: Result<Vec<u8>, BodyError>, url: &Url) -> Result<Value, Error> {
        let body = body?;
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body);
        let mut value = serde_json::from_slice(body).map_err(|error| self.no_json(body, &error, url))?;

        wire::redact(&mut value, &self.key_alone);

        Ok(value)
    }

    /// What is wrong with a body that is not JSON.
    fn no_json(&self, body: &[u8], error: &serde_json::Error, url: &Url) -> Error {
        let address = http::address(url);
        match body.trim_ascii_start().first() {
            None => Error::Unreadable("it is empty".to_owned()),
            Some(b'<') => Error::NotJson { address, what: "HTML".to_owned() },
            Some(b'{' | b'[') => Error::Unreadable(format!("its JSON is broken ({error})")),
            Some(_) => {
                let text = self.secrets.redact(&String::from_utf8_lossy(body));
                Error::NotJson { address, what: format!("`{}`", one_line(&text, MAX_EXCERPT)) }
            }
        }
    }

    /// Why there was no answer.
    pub(super) async fn transport(&self, error: &SendError, url: &Url) -> Error {
        self.of_fault(http::fault(error, url, Peer::Api).await)
    }

    /// Pinecone's own address speaks TLS, so that what does not is something before it.
    fn of_fault(&self, fault: Fault) -> Error {
        match Error::from(fault) {
            Error::WrongProtocol(text) if self.endpoint.source() == EndpointSource::Default => {
                Error::Intercepted(text)
            }
            error => error,
        }
    }

    /// What an answer with a bad status says.
    pub(super) fn refusal(&self, answer: Answer, url: &Url) -> Error {
        let status = answer.status;
        let retry_after = http::retry_after(&answer.headers);
        let (message, is_of_api) = if status.is_redirection() {
            let to = http::redirect_target(&answer, url).map(|target| match http::address(&target) {
                target if target == http::address(url) => " to another path".to_owned(),
                target => format!(" to {}", self.secrets.redact(&target)),
            });
            (Some(format!("a redirect{}, which is not followed", to.unwrap_or_default())), false)
        } else {
            let body = answer.body.unwrap_or_default();
            let body = String::from_utf8_lossy(&body);
            if status == StatusCode::BAD_REQUEST
                && let Some(fault) = http::fault_of_answer(&body, url)
            {
                return self.of_fault(fault);
            }
            (error_body::message(&body, &self.secrets), error_body::is_of_api(&body))
        };

        Error::Status { status, message, is_of_api, retry_after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::http::{ClientOptions, FaultKind};
    use crate::config::SecretSource;

    fn client(endpoint: &str) -> Client {
        let endpoint = Endpoint::parse(endpoint, false).unwrap();
        let http = http::client(&ClientOptions::new(&endpoint.join(&[]), None)).unwrap();
        let key = SecretSource::Public("a-key").read_api_key().unwrap();
        Client::new(http, &ApiSettings { endpoint, ..ApiSettings::default() }, key)
    }

    #[test]
    fn what_does_not_speak_tls_is_not_pinecone() {
        let class = |endpoint, kind| client(endpoint).of_fault(Fault { text: String::new(), kind }).class();

        for (endpoint, kind, expected) in [
            (Endpoint::DEFAULT, FaultKind::WrongProtocol, FailureClass::Misconfigured),
            ("https://api.example:8080", FaultKind::WrongProtocol, FailureClass::WrongProtocol),
            ("https://api.example:8080", FaultKind::Intercepted, FailureClass::Misconfigured),
            (Endpoint::DEFAULT, FaultKind::Passing, FailureClass::Transient),
        ] {
            assert_eq!(class(endpoint, kind), expected, "{endpoint} {kind:?}");
        }
    }
}
