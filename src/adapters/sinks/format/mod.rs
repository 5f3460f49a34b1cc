//! The requests of webhooks, as each kind of receiver wants them: what is sent, but neither where to nor when.
//!
//! Invariant: all of it depends on the transition alone, so that every attempt at a delivery sends the same bytes.
//! Messages for people keep the documented limits of their service, whatever the transition holds.

use std::time::Duration;

use super::card::Card;
use crate::config::WebhookFormat;
use crate::model::{Event, EventKind};

mod cloudevents;
mod discord;
mod fit;
mod ntfy;
mod slack;
mod teams;

/// The body for a transition.
pub(super) fn body(format: WebhookFormat, event: &Event) -> Vec<u8> {
    let card = || Card::new(event);
    match format {
        // Nothing in a transition can fail to be written.
        WebhookFormat::Standard => serde_json::to_vec(event).unwrap_or_default(),
        WebhookFormat::CloudEvents => cloudevents::cloud_event(event),
        WebhookFormat::Slack => slack::message(&card(), event).to_string().into_bytes(),
        WebhookFormat::Discord => discord::message(&card(), event).to_string().into_bytes(),
        WebhookFormat::Teams => teams::message(&card(), event).to_string().into_bytes(),
        WebhookFormat::Ntfy => ntfy::message(&card()).into_bytes(),
    }
}

/// The type of the body, for the header `Content-Type`.
pub(super) fn content_type(format: WebhookFormat) -> &'static str {
    match format {
        WebhookFormat::Standard | WebhookFormat::Slack | WebhookFormat::Discord | WebhookFormat::Teams => {
            "application/json"
        }
        WebhookFormat::CloudEvents => cloudevents::CONTENT_TYPE,
        WebhookFormat::Ntfy => ntfy::CONTENT_TYPE,
    }
}

/// Further headers. They depend on the kind alone and are ASCII, so that no header needs an encoding.
pub(super) fn headers(format: WebhookFormat, kind: EventKind) -> Vec<(&'static str, &'static str)> {
    match format {
        WebhookFormat::Ntfy => ntfy::headers(kind).to_vec(),
        WebhookFormat::Standard
        | WebhookFormat::CloudEvents
        | WebhookFormat::Slack
        | WebhookFormat::Discord
        | WebhookFormat::Teams => Vec::new(),
    }
}

/// The least time between two requests to one address, so that the service does not refuse the second. A refusal costs
/// more: the next attempt is minutes away.
pub(super) fn spacing(format: WebhookFormat) -> Duration {
    match format {
        WebhookFormat::Standard | WebhookFormat::CloudEvents => Duration::ZERO,
        WebhookFormat::Slack => slack::SPACING,
        WebhookFormat::Discord => discord::SPACING,
        WebhookFormat::Teams => teams::SPACING,
        WebhookFormat::Ntfy => ntfy::SPACING,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::sample_events;
    use super::*;

    #[test]
    fn standard_is_the_published_shape() {
        let event = sample_events::completed();
        let published = serde_json::to_vec(&event).unwrap();
        assert_eq!(body(WebhookFormat::Standard, &event), published);
    }

    #[test]
    fn headers_are_ascii_and_only_ntfy_has_any() {
        for (_, format) in WebhookFormat::ALL {
            for kind in EventKind::ALL.iter().copied().chain([EventKind::Test]) {
                let headers = headers(*format, kind);
                assert_eq!(headers.is_empty(), *format != WebhookFormat::Ntfy);
                assert!(headers.iter().all(|(name, value)| name.is_ascii() && value.is_ascii()));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_transition_is_valid_in_every_format_and_says_what_happened(event in sample_events::any_event()) {
            let heading = event.kind.heading();
            for (name, format) in WebhookFormat::ALL {
                let body = body(*format, &event);
                prop_assert_eq!(&body, &super::body(*format, &event), "{} is repeatable", name);
                let text = String::from_utf8(body).unwrap();
                match format {
                    WebhookFormat::Standard | WebhookFormat::CloudEvents => {
                        let json: Value = serde_json::from_str(&text).unwrap();
                        prop_assert_eq!(&json["type"], event.kind.as_str());
                    }
                    WebhookFormat::Slack | WebhookFormat::Discord | WebhookFormat::Teams => {
                        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
                        prop_assert!(text.contains(heading), "{}", name);
                    }
                    WebhookFormat::Ntfy => {
                        prop_assert!(headers(*format, event.kind).contains(&("Title", heading)));
                    }
                }
            }
        }
    }
}
