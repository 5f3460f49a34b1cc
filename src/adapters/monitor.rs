//! Pings of a dead-man monitor, such as Healthchecks or a push monitor of Uptime Kuma, which raises
//! an alarm if they stop.
//!
//! Invariant: the address, which may be a secret, goes into requests and into no text. The caller
//! decides when to ping.

use std::time::Duration;

use reqwest::Method;

use crate::adapters::http::{self, ClientError, ClientOptions, Peer, SendError, Terms};
use crate::config::{MonitorSettings, Redactor, UrlError, WebhookUrl};
use crate::model::one_line;

/// How long one request may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The part of an answer that is read: a refusal is shorter.
const MAX_ANSWER: usize = 64 * 1024;

/// The longest part of an answer that is shown.
const MAX_LINE: usize = 200;

/// A monitor that gets pings.
#[derive(Debug, Clone)]
pub struct Monitor {
    http: http::Client,
    url: WebhookUrl,
    redactor: Redactor,
    interval: Duration,
    counts_sinks: bool,
}

/// Why a monitor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// Its address cannot be read or used.
    #[error("heartbeat: {0}")]
    Url(UrlError),
    #[error("heartbeat: {0}")]
    Client(#[from] ClientError),
}

impl Monitor {
    /// The monitor of these settings. Reads the address if it is a secret; nothing is sent.
    pub fn new(settings: &MonitorSettings) -> Result<Self, MonitorError> {
        let url = settings.url.read(settings.allow_http).map_err(MonitorError::Url)?;
        let http = http::client(&ClientOptions::new(url.expose(), None).within(TIMEOUT))?;
        let redactor = http::with_proxy_credentials(url.redactor());
        Ok(Self { http, url, redactor, interval: settings.interval, counts_sinks: settings.count_sinks })
    }

    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether a sink in trouble holds the pings back.
    pub fn counts_sinks(&self) -> bool {
        self.counts_sinks
    }

    /// Sends a ping by GET. Fails if the answer does not come within 10 s, is not 2xx, or says that
    /// the ping was not recorded.
    pub async fn ping(&self) -> Result<(), String> {
        // A ping that arrives twice does no harm.
        let terms = Terms { timeout: TIMEOUT, max_body: |_| MAX_ANSWER, repeat_if_cut: true };
        let url = self.url.expose();
        let sent = match http::request(Method::GET, url.clone()).build() {
            Ok(request) => self.http.send(request, terms).await,
            Err(error) => Err(SendError::from(error)),
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(error) => {
                let fault = http::fault(&error, url, Peer::Monitor).await;
                return Err(fault.text);
            }
        };

        let status = answer.status;
        let shown = |text: &str| one_line(&self.redactor.redact(text), MAX_LINE);

        if let Some(target) = http::redirect_target(&answer, url).filter(|_| status.is_redirection()) {
            let code = status.as_u16();
            return Err(format!(
                "{}: HTTP {code}, a redirect to {}, which is not followed",
                self.url,
                shown(target.as_str())
            ));
        }

        let answer = answer.body.unwrap_or_default();
        let answer = String::from_utf8_lossy(&answer);

        match denial(&answer) {
            _ if !status.is_success() => Err(format!("{}: HTTP {}", self.url, status.as_u16())),
            None => Ok(()),
            Some(Denial::Page) => Err(format!(
                "{}: a page of HTML in place of an answer, as a login or a captive portal has it: is it the address to ping?",
                self.url
            )),
            Some(Denial::Said) => Err(format!("{}: the monitor answered `{}`", self.url, shown(&answer))),
        }
    }
}

/// How an answer with 2xx says that a ping was not recorded.
#[derive(Debug, PartialEq, Eq)]
enum Denial {
    /// It is a page for people.
    Page,
    Said,
}

/// The reason why an answer with 2xx is no success. Healthchecks answers `OK`, and `OK (not found)`
/// or `OK (rate limited)` if nothing was recorded (Healthchecks documentation, "Pinging API");
/// Uptime Kuma has `"ok": false`.
fn denial(answer: &str) -> Option<Denial> {
    let answer = answer.trim_start_matches('\u{feff}').trim();
    let begins =
        |words: &str| answer.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words));
    let is_false = || {
        let value: serde_json::Value = serde_json::from_str(answer).ok()?;
        value.get("ok")?.as_bool().map(|ok| !ok)
    };
    match answer {
        _ if begins("<!doctype html") || begins("<html") => Some(Denial::Page),
        _ if begins("OK (") => Some(Denial::Said),
        _ if answer.starts_with('{') && is_false() == Some(true) => Some(Denial::Said),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_deny_a_ping_are_failures() {
        for (answer, denied) in [
            ("OK", None),
            ("", None),
            ("ok\n", None),
            ("Got it, thanks.", None),
            (r#"{"ok":true}"#, None),
            ("OK (not found)", Some(Denial::Said)),
            ("OK (rate limited)\n", Some(Denial::Said)),
            (r#"{"ok": false, "msg": "Monitor not found or not active."}"#, Some(Denial::Said)),
            ("<html>Sign in</html>", Some(Denial::Page)),
            ("\u{feff}\n<!DOCTYPE HTML><title>Log in</title>", Some(Denial::Page)),
        ] {
            assert_eq!(denial(answer), denied, "{answer}");
        }
    }
}
