//! Tells a monitor that the watch works, such as Healthchecks or a push monitor of Uptime Kuma, which raises alarm where
//! it is not told.
//!
//! Invariant: the address, which may be a secret, goes into requests and into no text. When to tell is decided elsewhere.

use std::time::Duration;

use reqwest::Method;

use crate::config::{HeartbeatSettings, WebhookUrl};
use crate::http::{self, ClientError, Purpose, Terms};

/// How long one request may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Answers are read to here, so that the connection can be used again.
const MAX_ANSWER: usize = 64 * 1024;

/// A monitor to be told.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    http: http::Client,
    url: WebhookUrl,
    interval: Duration,
}

/// Why a monitor cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HeartbeatError {
    /// Its address cannot be had or used.
    #[error("heartbeat: {0}")]
    Url(String),
    /// The HTTP client could not be built.
    #[error("heartbeat: {0}")]
    Client(#[from] ClientError),
}

impl Heartbeat {
    /// For these settings. Reads the address where it is a secret; nothing is sent.
    pub fn new(settings: &HeartbeatSettings) -> Result<Self, HeartbeatError> {
        let url = settings.url.read(settings.allow_http).map_err(HeartbeatError::Url)?;
        let http = http::client(&Purpose::new(url.expose(), None).within(TIMEOUT))?;
        Ok(Self { http, url, interval: settings.interval })
    }

    /// How often the monitor is to be told.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Tells it, by a GET. Fails where it does not answer with 2xx within 10 s.
    pub async fn ping(&self) -> Result<(), String> {
        // A monitor that hears of one sign of life twice takes no harm.
        let terms = Terms { timeout: TIMEOUT, max_body: |_| MAX_ANSWER, repeat_if_cut: true };
        let request = http::request(Method::GET, self.url.expose().clone()).build();
        let request = request.map_err(|error| format!("{}: {}", self.url, http::describe(&error)))?;
        let answer =
            self.http.send(request, terms).await.map_err(|error| format!("{}: {error}", self.url))?;
        // What it says is of no use.
        let status = answer.status;
        if status.is_success() { Ok(()) } else { Err(format!("{}: HTTP {}", self.url, status.as_u16())) }
    }
}
