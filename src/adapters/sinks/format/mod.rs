//! The formats of webhooks: one file per receiver holds all that is particular to it.
//!
//! Invariant: everything sent depends on the event alone, so that every attempt at a delivery sends
//! the same bytes. Messages for people keep the documented limits of their service, whatever the
//! event holds.

mod binding;
mod cloudevents;
mod discord;
mod ntfy;
mod pagerduty;
mod slack;
mod standard;
mod teams;
mod template;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;

use super::{SinkError, outline, refusal};
use crate::config::{SecretError, SecretSource, WebhookFormat, WebhookSettings, WebhookUrl};
use crate::engine::retry::RetryAfter;
use crate::engine::{FailureClass, Rejection};
use crate::model::{Event, EventKind, markup};

/// What one kind of receiver wants. What it does not override is what most receivers want.
pub(super) trait Format: fmt::Debug + Send + Sync {
    /// The body for an event.
    fn body(&self, event: &Event) -> Vec<u8>;

    /// Whether the committed body is one of this format.
    fn recognizes(&self, committed: &[u8], event: &Event) -> bool {
        outline::is_alike(committed, &self.body(event))
    }

    /// The body of a request, made of the committed one: secrets that belong into a body come in
    /// here, so that none is stored.
    fn bind<'a>(&self, committed: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(committed)
    }

    /// The secrets that [`Format::bind`] puts into a body.
    fn secrets(&self) -> Vec<&str> {
        Vec::new()
    }

    /// Whether the body is the published shape of the event, which is committed in any case.
    fn is_published_shape(&self) -> bool {
        false
    }

    /// The value of the header `Content-Type`.
    #[expect(clippy::unnecessary_literal_bound, reason = "some formats have one of the configuration")]
    fn content_type(&self) -> &str {
        "application/json"
    }

    /// Further headers. They are ASCII, so that no header needs an encoding.
    fn headers(&self, _kind: EventKind) -> Vec<(&'static str, &'static str)> {
        Vec::new()
    }

    /// The least time between two requests to one address, so that the service does not refuse the
    /// second. A refusal costs more: the next attempt is minutes away.
    fn spacing(&self) -> Duration {
        Duration::ZERO
    }

    /// Whether the receiver keeps the present state of each job, such as an alert that is open or
    /// resolved: what comes after the end of a job then must not be older.
    fn keeps_state(&self) -> bool {
        false
    }

    /// The address to post to, made of the configured one.
    fn url(&self, configured: WebhookUrl) -> WebhookUrl {
        configured
    }

    /// What an answer with this status, which accepts nothing, means for the delivery.
    fn class_of(&self, status: StatusCode) -> FailureClass {
        refusal::class_of(status)
    }

    /// What of a delivery the service rejects for good: it says that no retry succeeds.
    fn final_rejection(&self) -> Option<Rejection> {
        None
    }

    /// What to do if the service rejects deliveries like this, if there are words of its own.
    fn advice(&self, _rejection: Rejection) -> Option<&'static str> {
        None
    }

    /// Why an answer with this status, which is a success by itself, accepts nothing.
    fn objection(&self, _status: StatusCode) -> Option<&'static str> {
        None
    }

    /// How long the body of a refusal asks to wait, for services that say so beside the header
    /// `Retry-After`: `retry_after` in seconds with a fraction, as Discord does
    /// (discord.com/developers, "Rate Limits"), and proxies in front of it for other formats.
    fn retry_after(&self, answer: &[u8]) -> Option<RetryAfter> {
        seconds_to_wait(&serde_json::from_slice(answer).ok()?)
    }
}

/// What `retry_after` of an answer says.
fn seconds_to_wait(answer: &Value) -> Option<RetryAfter> {
    let seconds = answer.get("retry_after")?.as_f64().filter(|seconds| *seconds > 0.0)?;
    Some(RetryAfter::For(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)))
}

/// How the secrets that belong into a body are read.
pub(super) type Read<'a> = dyn Fn(&SecretSource) -> Result<SecretString, SecretError> + 'a;

/// The registry: the format that a webhook of the sink `name` has with these settings.
pub(super) fn of(
    name: &str,
    settings: &WebhookSettings,
    read: &Read<'_>,
) -> Result<Box<dyn Format>, SinkError> {
    Ok(match settings.format {
        WebhookFormat::Standard => Box::new(standard::Standard),
        WebhookFormat::CloudEvents => Box::new(cloudevents::CloudEvents),
        WebhookFormat::Slack => Box::new(slack::Slack),
        WebhookFormat::Discord => Box::new(discord::Discord),
        WebhookFormat::Teams => Box::new(teams::Teams),
        WebhookFormat::Ntfy => Box::new(ntfy::Ntfy),
        WebhookFormat::Template => Box::new(template::Template::new(name, settings, read)?),
        WebhookFormat::PagerDuty => Box::new(pagerduty::PagerDuty::new(name, settings, read)?),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample_events;
    use super::*;
    use crate::config::UrlSource;
    use crate::model::Keyword as _;

    fn named(format: WebhookFormat) -> Box<dyn Format> {
        let url = UrlSource::Given(WebhookUrl::parse("https://example.com/hook", false).unwrap());
        let template = (format == WebhookFormat::Template).then(|| Box::new(template::tests::example()));
        let routing_key = Some(SecretSource::Public("0123456789abcdef0123456789abcdef"));
        let settings = WebhookSettings { format, routing_key, template, ..WebhookSettings::new(url) };
        of("chat", &settings, &SecretSource::read).unwrap()
    }

    #[test]
    fn headers_are_ascii_and_only_ntfy_has_any() {
        for format in WebhookFormat::ALL {
            for kind in EventKind::ALL_AND_TEST {
                let headers = named(*format).headers(*kind);

                let names: Vec<_> = headers.iter().map(|(name, _)| *name).collect();
                assert_eq!(names, format.headers(), "a file cannot set them");
                assert_eq!(headers.is_empty(), *format != WebhookFormat::Ntfy);
                assert!(headers.iter().all(|(name, value)| name.is_ascii() && value.is_ascii()));
            }
        }
    }

    #[test]
    fn each_format_recognizes_its_own_bodies_alone() {
        for event in [sample_events::completed(), sample_events::failed(), sample_events::unauthorized()] {
            for own in WebhookFormat::ALL {
                for other in WebhookFormat::ALL {
                    let committed = named(*other).body(&event);
                    assert_eq!(named(*own).recognizes(&committed, &event), own == other, "{own} {other}");
                }
            }
        }
    }

    #[test]
    fn only_the_standard_body_is_the_published_shape() {
        let event = sample_events::completed();
        let published = serde_json::to_vec(&event).unwrap();

        for format in WebhookFormat::ALL {
            let format = named(*format);
            assert_eq!(format.is_published_shape(), format.body(&event) == published, "{format:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_event_makes_a_valid_body_that_names_it(event in sample_events::any_event()) {
            let heading = event.kind.heading();

            for webhook_format in WebhookFormat::ALL {
                let format = named(*webhook_format);
                let body = format.body(&event);
                prop_assert_eq!(&body, &format.body(&event), "{} is repeatable", webhook_format);

                let text = String::from_utf8(body).unwrap();
                match webhook_format {
                    WebhookFormat::Standard | WebhookFormat::CloudEvents => {
                        let json: Value = serde_json::from_str(&text).unwrap();
                        prop_assert_eq!(&json["type"], event.kind.as_str());
                    }
                    WebhookFormat::Ntfy => {
                        prop_assert!(format.headers(event.kind).contains(&("Title", heading)));
                    }
                    _ => {
                        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
                        prop_assert!(text.contains(heading), "{}", webhook_format);
                    }
                }
            }
        }
    }
}
