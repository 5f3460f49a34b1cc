//! Where a webhook is posted to.
//!
//! Invariant: the address of a webhook is shown by its scheme, host and port at most, and each copy
//! of it that is made here is overwritten when it is dropped.

use std::fmt;

use secrecy::ExposeSecret as _;
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use url::Url;

use super::endpoint::is_loopback;
use super::{Redactor, SecretError, SecretSource, WebhookFormat};
use crate::model::{Keyword as _, Placeholder, is_invisible};

/// Parts of an address shorter than this are shown if a receiver repeats them.
const SHORTEST_MASKED: usize = 6;

/// Any so many characters in a row of a longer part are masked, too.
const MASKED_RUN: usize = 12;

/// Where the address of a webhook comes from: some of them are secrets.
#[derive(Debug, Clone)]
pub enum UrlSource {
    /// In the configuration.
    Given(WebhookUrl),
    /// Elsewhere.
    From(SecretSource),
}

impl UrlSource {
    /// The address, read now if it is not in the configuration. The error says what is wrong
    /// without showing the address.
    pub fn read(&self, allow_http: bool) -> Result<WebhookUrl, UrlError> {
        match self {
            Self::Given(url) => Ok(url.clone()),
            Self::From(source) => WebhookUrl::parse(source.read()?.expose_secret(), allow_http)
                .map_err(|fault| UrlError::Bad { origin: source.clone(), fault }),
        }
    }
}

/// Why an address that is a secret cannot be used. No variant holds any part of it.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    #[error(transparent)]
    Unreadable(#[from] SecretError),
    /// The text is no address of a webhook.
    #[error("the URL from {origin} {fault}")]
    Bad {
        /// Where it came from.
        origin: SecretSource,
        /// What is wrong with it.
        fault: String,
    },
}

/// The address of a webhook: `https`, or `http` on loopback. Its `Display` and `Debug` forms show
/// scheme, host and port only, because paths, queries and user names of webhooks are often secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// Checks `text`. The error continues a sentence that names the URL.
    pub fn parse(text: &str, allow_http: bool) -> Result<Self, String> {
        let text = text.trim();
        if let Some(placeholder) = Placeholder::find(text) {
            return Err(format!(
                "has a placeholder like {placeholder}, which is not replaced; write the address itself (a `$`, `{{`, `<` or \
                 `%` that belongs to it as %24, %7B, %3C or %25)"
            ));
        }
        if text.starts_with(['"', '\'']) {
            return Err("is in quotes; write it without them".to_owned());
        }
        if text.contains(is_invisible) {
            return Err("has an invisible character; type it again".to_owned());
        }

        let url = Url::parse(text)
            .map(Self)
            .map_err(|error| format!("is not a URL ({error}); write it like `https://example.com/hook`"))?;
        match url.0.scheme() {
            "https" => Ok(url),
            "http" if allow_http || is_loopback(&url.0) => Ok(url),
            "http" => Err("is plain http to another machine; use https".to_owned()),
            // Not repeated: of `user:password` the user would be the scheme.
            _ => Err("is neither https nor http; use https".to_owned()),
        }
    }

    /// The address with this parameter in its query, unless it has one of this name.
    #[must_use]
    pub fn with_query(mut self, name: &str, value: &str) -> Self {
        if !self.0.query_pairs().any(|(known, _)| known == name) {
            self.0.query_pairs_mut().append_pair(name, value);
        }
        self
    }

    /// The format that the receiver expects, if that is another one than `format`.
    pub fn expected_instead_of(&self, format: WebhookFormat) -> Option<WebhookFormat> {
        let expected = match expected_format(self.0.host_str()?)? {
            // Discord takes messages for Slack, and no others, at addresses that end like this.
            WebhookFormat::Discord if self.0.path().trim_end_matches('/').ends_with("/slack") => {
                WebhookFormat::Slack
            }
            expected => expected,
        };
        // What a template makes can be what any receiver expects.
        (expected != format && format != WebhookFormat::Template).then_some(expected)
    }

    /// Masks the parts of the address that may be secret in texts: receivers often repeat the
    /// request. Parts shorter than six characters are left in: they are no secrets, but parts of
    /// ordinary words.
    pub fn redactor(&self) -> Redactor {
        let url = &self.0;
        let query = url.query().unwrap_or_default();
        let credentials =
            Zeroizing::new(format!("{}:{}", url.username(), url.password().unwrap_or_default()));
        let whole = [url.path(), query, url.username(), url.password().unwrap_or_default()];
        let parts = whole.into_iter().chain(url.path().split('/')).chain(query.split(['&', '=']));
        let redactor = Redactor::default().with(&credentials, SHORTEST_MASKED + 1, MASKED_RUN);
        parts.fold(redactor, |redactor, part| redactor.with(part, SHORTEST_MASKED, MASKED_RUN))
    }

    /// Whether it has a user name or a password, which requests carry as `Authorization`.
    pub fn has_credentials(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// The whole address, to be requested and not shown.
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

/// The format that the receiver at this host expects, if it is a known one: it refuses others.
///
/// ```
/// use restore_watch::config::{WebhookFormat, expected_format};
///
/// assert_eq!(expected_format("hooks.slack.com"), Some(WebhookFormat::Slack));
/// assert_eq!(expected_format("hooks.example.com"), None);
/// ```
pub fn expected_format(host: &str) -> Option<WebhookFormat> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let is_within =
        |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_host_of = |format: &WebhookFormat| format.hosts().iter().any(|domain| is_within(domain));
    WebhookFormat::ALL.iter().copied().find(is_host_of)
}

impl Drop for WebhookUrl {
    fn drop(&mut self) {
        // The text of a URL can be overwritten once it is taken out of it.
        if let Ok(blank) = Url::parse("about:blank") {
            String::from(std::mem::replace(&mut self.0, blank)).zeroize();
        }
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhook_url_shows_only_its_host() {
        let url = WebhookUrl::parse("https://user:canary1@hooks.example/canary2?canary3", false).unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://hooks.example https://hooks.example");
        let echo = "cannot POST /canary2?canary3 for user:canary1";
        assert_eq!(url.redactor().redact(echo), "cannot POST ***?*** for ***");
        let slack =
            WebhookUrl::parse("https://hooks.example/services/T000/canary4?token=canary%205", false).unwrap();
        for echo in ["no hook canary4", "/services/T000/canary4", "token is canary 5", "token is canary%205"]
        {
            let shown = slack.redactor().redact(echo);
            assert!(!shown.contains("canary"), "{shown}");
        }
        let waiting = |text| WebhookUrl::parse(text, false).unwrap().with_query("wait", "true");
        assert_eq!(waiting("https://a.example/b?c=d").expose().as_str(), "https://a.example/b?c=d&wait=true");
        assert_eq!(waiting("https://a.example/b?wait=no").expose().as_str(), "https://a.example/b?wait=no");
        assert!(WebhookUrl::parse("http://hooks.example/", false).is_err());
        assert!(WebhookUrl::parse("http://hooks.example/", true).is_ok());
        assert!(WebhookUrl::parse("http://127.0.0.1:9/", false).is_ok());
        assert!(WebhookUrl::parse("file:///etc/passwd", true).is_err());
        for (text, fault) in [
            ("\"https://hooks.example/x\"", "is in quotes"),
            ("https://hooks.example/x\u{feff}", "has an inv"),
        ] {
            assert!(WebhookUrl::parse(text, false).unwrap_err().starts_with(fault), "{text}");
        }
        let placeholder = WebhookUrl::parse("https://hooks.example/${canary}", false).unwrap_err();
        assert_eq!(
            placeholder,
            "has a placeholder like ${NAME}, which is not replaced; write the address itself (a `$`, `{`, `<` or `%` that \
             belongs to it as %24, %7B, %3C or %25)"
        );
    }

    #[test]
    fn discord_takes_messages_for_slack_at_a_path_of_its_own() {
        use WebhookFormat::{Discord, Slack};

        let hook = "https://discord.com/api/webhooks/1/canary";
        for (end, format, expected) in [
            ("", Discord, None),
            ("", Slack, Some(Discord)),
            ("/slack", Slack, None),
            ("/slack?wait=true", Slack, None),
            ("/slack/", Slack, None),
            ("/slack", Discord, Some(Slack)),
            ("-slack", Discord, None),
        ] {
            let url = WebhookUrl::parse(&format!("{hook}{end}"), false).unwrap();
            assert_eq!(url.expected_instead_of(format), expected, "{end} {format}");
        }
    }

    #[test]
    fn host_tells_the_expected_format() {
        for (host, format) in [
            ("hooks.slack.com", Some(WebhookFormat::Slack)),
            ("Hooks.Slack.com.", Some(WebhookFormat::Slack)),
            ("discord.com", Some(WebhookFormat::Discord)),
            ("ptb.discord.com", Some(WebhookFormat::Discord)),
            ("prod-12.westus.logic.azure.com", Some(WebhookFormat::Teams)),
            ("default1.2f.environment.api.powerplatform.com", Some(WebhookFormat::Teams)),
            ("ntfy.sh", Some(WebhookFormat::Ntfy)),
            ("events.pagerduty.com", Some(WebhookFormat::PagerDuty)),
            ("events.eu.pagerduty.com", Some(WebhookFormat::PagerDuty)),
            ("api.pagerduty.com", None),
            ("notdiscord.com", None),
            ("discord.com.example", None),
            ("hooks.example.com", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(expected_format(host), format, "{host}");
        }
    }
}
