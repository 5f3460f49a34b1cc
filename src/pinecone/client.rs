//! Requests and answers.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Error, wire};
use crate::config::{ApiKey, ApiSettings, Endpoint};
use crate::http;
use crate::model::{IndexObservation, JobId, Observation, duration};

/// No answer of this API is longer; what is, is not read to its end.
const MAX_BODY: usize = 1024 * 1024;

/// Error answers are read for one line of text.
const MAX_ERROR_BODY: usize = 16 * 1024;

/// The rows asked for in one page, the most there are. The documented default differs between versions. No more are taken.
const PAGE_SIZE: usize = 100;

/// The control plane of one project.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    headers: HeaderMap,
    key: ApiKey,
    timeout: Duration,
}

/// What came of one request.
#[derive(Debug)]
pub struct Reply<T> {
    /// The answer, or why there is none that can be used.
    pub result: Result<T, Error>,
    /// The time at the server when it answered, by its `Date` header, whatever the status; none where it said none.
    pub server_time: Option<Timestamp>,
}

impl<T> Reply<T> {
    /// Makes something else of a good answer, or finds that it cannot be used.
    fn and_then<U>(self, read: impl FnOnce(T) -> Result<U, Error>) -> Reply<U> {
        Reply { result: self.result.and_then(read), server_time: self.server_time }
    }
}

/// One page of the list of jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The jobs that could be read; one may be there twice, in one page or in several.
    pub jobs: Vec<Observation>,
    /// How many rows could not be read.
    pub unreadable: usize,
    /// How many rows there were beyond those that were asked for; they are left out.
    pub surplus: usize,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// A key whose memory a header uses in place of a copy of its own, so that it is overwritten when the last one is gone.
struct Lent(ApiKey);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

impl Client {
    /// A client that speaks to the endpoint of `settings` with this key.
    ///
    /// # Panics
    /// Where the version of `settings` cannot be a header, which the configuration excludes.
    pub fn new(http: reqwest::Client, settings: &ApiSettings, key: ApiKey) -> Self {
        let lent = Bytes::from_owner(Lent(key.clone()));
        let mut secret = HeaderValue::from_maybe_shared(lent).expect("an API key is visible ASCII");
        secret.set_sensitive(true);
        let version = HeaderValue::from_str(&settings.version).expect("a version is visible ASCII");
        let headers = HeaderMap::from_iter([
            (HeaderName::from_static("api-key"), secret),
            (HeaderName::from_static("x-pinecone-api-version"), version),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        Self { http, endpoint: settings.endpoint.clone(), headers, key, timeout: settings.request_timeout }
    }

    /// Whom it asks.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks for one job. An answer about another job is no answer.
    pub async fn describe(&self, id: &JobId) -> Reply<Observation> {
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

    /// Asks for one index. An answer about another index is no answer.
    pub async fn describe_index(&self, name: &str) -> Reply<IndexObservation> {
        // These would name another resource, however they are encoded.
        if matches!(name, "" | "." | "..") {
            let result = Err(Error::Unreadable(format!("no index can be called {name:?}")));
            return Reply { result, server_time: None };
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

    /// Asks for a page of the list of jobs: the first, or the one this token of an earlier page leads to.
    pub async fn list_page(&self, token: Option<&str>) -> Reply<Page> {
        let mut url = self.endpoint.join(&["restore-jobs"]);
        // A limit beside a token makes the API skip or repeat rows.
        match token {
            None => url.query_pairs_mut().append_pair("limit", &PAGE_SIZE.to_string()),
            Some(token) => url.query_pairs_mut().append_pair("paginationToken", token),
        };
        self.get(url).await.and_then(|value| wire::page(&value, PAGE_SIZE).map_err(Error::Unreadable))
    }

    async fn get(&self, url: Url) -> Reply<Value> {
        let request = self.http.get(url).headers(self.headers.clone()).timeout(self.timeout);
        match request.send().await {
            Ok(response) => {
                let server_time = http::date(response.headers());
                Reply { result: self.read(response).await, server_time }
            }
            Err(error) => {
                let result = Err(Error::Transport(self.describe_transport(&error)));
                Reply { result, server_time: None }
            }
        }
    }

    async fn read(&self, response: Response) -> Result<Value, Error> {
        if response.status() != StatusCode::OK {
            return Err(self.refusal(response).await);
        }
        let body = http::read_body(response, MAX_BODY).await?;
        let mut value = serde_json::from_slice(&body).map_err(|error| {
            let shape =
                if body.is_empty() { "it is empty".to_owned() } else { format!("it is no JSON ({error})") };
            Error::Unreadable(shape)
        })?;
        wire::redact(&mut value, &self.key);
        Ok(value)
    }

    fn describe_transport(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            format!("no answer within {}", duration::human(self.timeout))
        } else {
            http::describe(error)
        }
    }

    async fn refusal(&self, response: Response) -> Error {
        let status = response.status();
        let retry_after = http::retry_after(response.headers());
        let (message, is_of_api) = if status.is_redirection() {
            (Some("a redirect, which is not followed".to_owned()), false)
        } else {
            let body = http::read_body(response, MAX_ERROR_BODY).await.unwrap_or_default();
            let body = String::from_utf8_lossy(&body);
            (wire::error_message(&body, &self.key), wire::is_of_api(&body))
        };
        Error::Status { status, message, is_of_api, retry_after }
    }
}
