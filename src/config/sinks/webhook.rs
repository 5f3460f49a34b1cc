//! `type = "webhook"`: an HTTP POST for each event.
//!
//! Invariant: what is refused here is reported once; if one value spoils the judgement of another,
//! the other is spared.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use toml::de::DeValue;

use super::headers::{self, HeaderSettings};
use super::transport::{self, TransportSettings};
use super::{EventFilter, Meaning, Surroundings, TargetSettings, TemplateSettings, retry_schedule, template};
use crate::config::keys::{ALLOW_HTTP, CA_FILE, Key, Kind, Table, choice, default};
use crate::config::reader::{Finding, Section, Value, source, url};
use crate::config::surprise::Surprise;
use crate::config::{Problem, SecretError, SecretSource, UrlSource, WebhookFormat, WebhookUrl};
use crate::model::Keyword as _;

pub(in crate::config) static KEYS: Table = Table {
    title: "`[[sink]]` with `type = \"webhook\"`",
    place: Some("a webhook"),
    about: "An HTTP POST for each event.",
    keys: &[
        Key::new(
            "url",
            Kind::Url,
            "The URL of the requests, which is often a secret. Required, but for `\"pagerduty\"`, whose default is \
             `\"https://events.pagerduty.com/v2/enqueue\"`.",
        )
        .required_unless("format", "pagerduty")
        .example("{ file = \"ops-url\" }"),
        Key::new("allow_http", Kind::Boolean, ALLOW_HTTP),
        Key::new(
            "block_private",
            Kind::Boolean,
            "Whether to refuse addresses of this machine and of private networks, whatever name leads there. No proxy is used \
             then: it would look up the name itself.",
        ),
        Key::new(
            "format",
            choice::<WebhookFormat>(default::<WebhookFormat>),
            "The format of the body.",
        ),
        Key::new(
            "routing_key",
            Kind::Secret,
            "Where the integration key is read from that PagerDuty routes events by. Required for `\"pagerduty\"`, and for \
             nothing else.",
        )
        .example("{ credential = \"pagerduty-key\" }"),
        Key::new(
            "signing_secret",
            Kind::Secrets { most: 10 },
            "Where the secret is read from that signs requests as Standard Webhooks does: `whsec_…`, 24 to 64 bytes in base64. \
             During a rotation, an array of several. Default: requests are not signed.",
        )
        .example("{ credential = \"ops-secret\" }"),
        headers::HEADERS,
        headers::BEARER,
        headers::BASIC,
        CA_FILE,
        transport::CLIENT_CERT,
        transport::PROXY,
        retry_schedule::KEY,
        template::PAYLOAD,
        template::BODY,
        template::CONTENT_TYPE,
        template::SECRETS,
    ],
};

#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Where its address comes from.
    pub url: UrlSource,
    /// Whether plain `http` may leave this machine.
    pub allow_http: bool,
    /// Whether addresses of this machine and of private networks are refused, whatever name led to
    /// them. No proxy is used then: it would look the name up itself.
    pub block_private: bool,
    /// What the body looks like.
    pub format: WebhookFormat,
    /// Where the key comes from that `PagerDuty` routes events by, for its format.
    pub routing_key: Option<SecretSource>,
    /// The secrets that each request is signed with; none: unsigned. Several while a secret is
    /// rotated.
    pub signing_secrets: Vec<SecretSource>,
    /// The headers of each request, beside those of the format.
    pub headers: HeaderSettings,
    /// How requests reach the receiver.
    pub transport: TransportSettings,
    /// The time before each further attempt, counted from the failure of the one before; at least
    /// one.
    pub retry_schedule: Vec<Duration>,
    /// What is sent, if that is in the configuration.
    pub template: Option<Box<TemplateSettings>>,
}

impl WebhookSettings {
    /// The default of `retry_schedule`.
    pub const RETRY_SCHEDULE: &[Duration] = retry_schedule::DEFAULT;

    /// A webhook to this address, with the defaults of everything else.
    pub fn new(url: UrlSource) -> Self {
        Self {
            url,
            allow_http: false,
            block_private: false,
            format: WebhookFormat::default(),
            routing_key: None,
            signing_secrets: Vec::new(),
            headers: HeaderSettings::default(),
            transport: TransportSettings::default(),
            retry_schedule: Self::RETRY_SCHEDULE.to_vec(),
            template: None,
        }
    }

    /// Reads a secret of its bodies, and checks its form if it has one.
    pub fn read_secret_of_body(&self, source: &SecretSource) -> Result<SecretString, SecretError> {
        if self.routing_key.as_ref() == Some(source) { source.read_routing_key() } else { source.read() }
    }

    /// Reads the rest of a webhook's table, and finishes it.
    pub(super) fn read(
        mut section: Section<'_>,
        sink: &str,
        surroundings: &Surroundings<'_>,
    ) -> Option<Self> {
        let base = surroundings.base;
        let lenient = url::allow_http(&mut section);
        let block_private = section.boolean("block_private").unwrap_or(false);
        let blocked = section.span_of("block_private").filter(|_| block_private);
        let format_or_url = section.span_of("format").or_else(|| section.span_of("url"));
        let report = section.report;

        // A format that was refused spares what depends on it.
        let usual_format = (!section.has("format")).then(WebhookFormat::default);
        let format = section.choice("format").or(usual_format);
        let usual_url = format.and_then(WebhookFormat::usual_url);
        if section.lacks("url") && format.is_some() && usual_url.is_none() {
            let help = "add url = \"https://…\", or url = { env = \"NAME\" } if the address is a secret";
            section.report.push(Finding::new(&section.span, "a webhook without a url").help(help));
        }
        let address = match section.take("url") {
            Some(value) => url::read(&value, lenient, blocked.as_ref(), base),
            None => usual_url.and_then(|url| WebhookUrl::parse(url, false).ok()).map(UrlSource::Given),
        };

        let routing_key = routing_key(&mut section, sink, format.unwrap_or_default(), base);
        let most = section.declaration("signing_secret").most();
        let signing_secrets = section.take("signing_secret").map(|value| signing_secrets(&value, most, base));
        let headers = HeaderSettings::read(&mut section, address.as_ref(), format.unwrap_or_default(), base);
        let transport = TransportSettings::read(&mut section, address.as_ref(), blocked.as_ref(), base);
        let schedule = retry_schedule::read(&mut section);
        let template = template::read(&mut section, format, surroundings);
        section.finish();

        let usual = Self::new(address?);
        let webhook = Self {
            allow_http: lenient,
            block_private,
            format: format.unwrap_or_default(),
            routing_key,
            signing_secrets: signing_secrets.unwrap_or_default(),
            headers,
            transport,
            retry_schedule: schedule.unwrap_or(usual.retry_schedule),
            template: template.map(Box::new),
            ..usual
        };
        if let (Some(at), UrlSource::Given(url)) = (format_or_url, &webhook.url)
            && let Some(expected) = url.expected_instead_of(webhook.format)
        {
            report.warn(&at, &Surprise::Format { sink, format: webhook.format, expected });
        }
        Some(webhook)
    }

    /// The warning about a format that the receiver at `url` does not expect, if it is such a one.
    /// For an address that is in the configuration, the reader warns. `sink` is the name of the
    /// sink.
    pub fn format_warning(&self, sink: &str, url: &WebhookUrl) -> Option<Problem> {
        let expected = url.expected_instead_of(self.format)?;
        let surprise = Surprise::Format { sink, format: self.format, expected };
        Some(Problem::new(surprise.message()).with_help(surprise.help()).into_warning())
    }
}

impl TargetSettings for WebhookSettings {
    fn usual_events(&self) -> EventFilter {
        EventFilter::of_format(self.format)
    }

    fn meaning(&self) -> Meaning {
        let target = match &self.url {
            UrlSource::Given(url) => format!("webhook to {url}"),
            UrlSource::From(source) => format!("webhook, address from {source}"),
        };
        let secrets: Vec<_> = self.signing_secrets.iter().map(ToString::to_string).collect();
        let signed = match secrets.as_slice() {
            [] => "no".to_owned(),
            [one] => format!("with a secret from {one}"),
            more => format!("with {} secrets, from {}", more.len(), more.join(", ")),
        };
        let reached = if self.block_private { "public addresses only" } else { "private addresses too" };

        let meaning = Meaning::new(target).with("format", self.format.as_str());
        let meaning = match &self.routing_key {
            Some(source) => meaning.with("routed", format!("by a key from {source}")),
            None => meaning,
        };
        let meaning = meaning.with("signed", signed).with("reaches", reached);
        let meaning = self.transport.add_to(self.headers.add_to(meaning));
        retry_schedule::add_to(meaning, &self.retry_schedule)
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretSource)> {
        let of_body = self.template.iter().flat_map(|template| &template.secrets);
        let of_body = of_body.map(|(_, source)| (TemplateSettings::SECRET, source));
        self.headers.secrets().chain(self.transport.secrets()).chain(of_body).collect()
    }
}

/// The key that the format for `PagerDuty` must have, and no other one uses.
fn routing_key(
    section: &mut Section<'_>,
    sink: &str,
    format: WebhookFormat,
    base: &Path,
) -> Option<SecretSource> {
    let is_routed = format == WebhookFormat::PagerDuty;
    if is_routed && section.lacks("routing_key") {
        let help = "add routing_key = { file = \"PATH\" }, { env = \"NAME\" } or { credential = \"NAME\" }: the \
                    integration key of the service's \"Events API v2\"";
        let finding = Finding::new(&section.span, "a webhook for PagerDuty without a routing_key");
        section.report.push(finding.help(help));
    }

    let value = section.take("routing_key")?;
    if !is_routed {
        section.report.warn(&value.span, &Surprise::UnusedKey { sink, key: "routing_key", format });
    }
    source::read(&value, base)
}

/// One source, or an array of them; what was refused is left out.
fn signing_secrets(value: &Value<'_>, most: usize, base: &Path) -> Vec<SecretSource> {
    let DeValue::Array(_) = value.inner else {
        return source::read(value, base).into_iter().collect();
    };

    let entries = value.array(source::FORMS).unwrap_or_default();
    match entries.len() {
        0 => value.refuse("is empty", source::FORMS),
        count if count > most => value.refuse(
            format_args!("has {count} entries; at most {most} are accepted"),
            "keep the secrets that the receiver still knows",
        ),
        _ => {}
    }

    let mut found = Vec::new();
    for entry in &entries {
        match source::read(entry, base) {
            Some(secret) if found.contains(&secret) => {
                entry.refuse("is there twice", "name each secret once");
            }
            secret => found.extend(secret),
        }
    }
    found
}
