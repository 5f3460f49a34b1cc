//! The requests of webhooks, as each kind of receiver wants them: what is sent, but neither where to nor when.
//!
//! Invariant: all of it depends on the transition alone, so that every attempt at a delivery sends the same bytes.
//! Messages for people keep the documented limits of their service, whatever the transition holds.

use std::time::Duration;

use super::card::Card;
use crate::config::WebhookFormat;
use crate::model::{Transition, TransitionKind};

mod cloudevents;
mod discord;
mod fit;
mod ntfy;
#[cfg(test)]
pub(super) mod samples;
mod slack;
mod teams;

/// The body for a transition.
pub(super) fn body(format: WebhookFormat, transition: &Transition) -> Vec<u8> {
    let card = || Card::new(transition);
    match format {
        // Nothing in a transition can fail to be written.
        WebhookFormat::Standard => serde_json::to_vec(transition).unwrap_or_default(),
        WebhookFormat::CloudEvents => cloudevents::event(transition),
        WebhookFormat::Slack => slack::message(&card(), transition).to_string().into_bytes(),
        WebhookFormat::Discord => discord::message(&card(), transition).to_string().into_bytes(),
        WebhookFormat::Teams => teams::message(&card(), transition).to_string().into_bytes(),
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
pub(super) fn headers(format: WebhookFormat, kind: TransitionKind) -> Vec<(&'static str, &'static str)> {
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

    use super::super::card;
    use super::*;
    use crate::model::Keyword as _;

    #[test]
    fn standard_is_the_published_shape() {
        let transition = samples::completed();
        let published = serde_json::to_vec(&transition).unwrap();
        assert_eq!(body(WebhookFormat::Standard, &transition), published);
    }

    #[test]
    fn headers_are_ascii_and_only_ntfy_has_any() {
        for format in WebhookFormat::ALL {
            for kind in TransitionKind::ALL.iter().copied().chain([TransitionKind::Test]) {
                let headers = headers(*format, kind);
                assert_eq!(headers.is_empty(), *format != WebhookFormat::Ntfy);
                assert!(headers.iter().all(|(name, value)| name.is_ascii() && value.is_ascii()));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_transition_is_valid_in_every_format_and_says_what_happened(transition in samples::hostile()) {
            let heading = card::heading(transition.kind);
            for format in WebhookFormat::ALL {
                let body = body(*format, &transition);
                prop_assert_eq!(&body, &super::body(*format, &transition), "{} is repeatable", format);
                let text = String::from_utf8(body).unwrap();
                match format {
                    WebhookFormat::Standard | WebhookFormat::CloudEvents => {
                        let json: Value = serde_json::from_str(&text).unwrap();
                        prop_assert_eq!(&json["type"], transition.kind.as_str());
                    }
                    WebhookFormat::Slack | WebhookFormat::Discord | WebhookFormat::Teams => {
                        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
                        prop_assert!(text.contains(heading), "{}", format);
                    }
                    WebhookFormat::Ntfy => {
                        prop_assert!(headers(*format, transition.kind).contains(&("Title", heading)));
                    }
                }
            }
        }
    }
}
