//! Identifies the settings of a sink, to notice that they changed.
//!
//! Invariant: a release that changes the default of a setting changes no fingerprint: an upgrade
//! is no change of the configuration.

use sha2::{Digest as _, Sha256};

use crate::config::{DesktopSettings, EventFilter, SinkSettings, WebhookSettings};

/// Identifies these settings, and the address of a webhook, which may be read from elsewhere. Part
/// of a cryptographic hash, so that it reveals neither.
pub(super) fn of(settings: &SinkSettings, address: Option<&str>) -> u64 {
    let settings = with_first_defaults(settings.clone());

    let mut hash = Sha256::new();
    hash.update(format!("{settings:?}"));
    hash.update(address.unwrap_or_default());

    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The settings with the events that 0.1.0 took for granted where they are those that are taken for
/// granted now. If they were written out, it makes no difference: events say nothing of whether a
/// receiver takes a delivery.
fn with_first_defaults(settings: SinkSettings) -> SinkSettings {
    let is_default = *settings.events() == default_events(&settings);
    match settings {
        SinkSettings::Desktop(desktop) if is_default => {
            SinkSettings::Desktop(DesktopSettings { events: EventFilter::ends(), ..desktop })
        }
        SinkSettings::Webhook(webhook) if is_default => {
            SinkSettings::Webhook(WebhookSettings { events: EventFilter::all(), ..webhook })
        }
        other => other,
    }
}

fn default_events(settings: &SinkSettings) -> EventFilter {
    match settings {
        SinkSettings::Log(_) => EventFilter::all(),
        SinkSettings::Desktop(_) => EventFilter::for_people(),
        SinkSettings::Webhook(webhook) => EventFilter::of_format(webhook.format),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{UrlSource, WebhookFormat, WebhookUrl};

    const ADDRESS: &str = "https://hooks.slack.com/services/x";

    fn webhook(format: WebhookFormat, events: EventFilter) -> SinkSettings {
        let url = UrlSource::Given(WebhookUrl::parse(ADDRESS, false).unwrap());
        SinkSettings::Webhook(WebhookSettings { events, format, ..WebhookSettings::new(url) })
    }

    fn desktop(events: EventFilter) -> SinkSettings {
        SinkSettings::Desktop(DesktopSettings { name: "desktop".to_owned(), events })
    }

    #[test]
    fn sinks_without_events_keep_the_fingerprint_of_0_1_0() {
        let slack = webhook(WebhookFormat::Slack, EventFilter::of_format(WebhookFormat::Slack));
        let standard = webhook(WebhookFormat::Standard, EventFilter::all());
        let desktop = desktop(EventFilter::for_people());

        // By the formula and the defaults of 0.1.0.
        for (settings, address, fingerprint) in [
            (slack, Some(ADDRESS), 0x7199_e9cf_6a09_4d80),
            (standard, Some(ADDRESS), 0xb6e5_5366_e36c_ea9e),
            (desktop, None, 0xfbd7_415a_c5d0_d0f7),
        ] {
            assert_eq!(of(&settings, address), fingerprint, "{settings:?}");
        }
    }

    #[test]
    fn a_change_of_the_events_is_a_change() {
        let of_format = |events| of(&webhook(WebhookFormat::Slack, events), Some(ADDRESS));

        assert_ne!(of_format(EventFilter::for_people()), of_format(EventFilter::ends()));
        assert_ne!(of(&desktop(EventFilter::for_people()), None), of(&desktop(EventFilter::all()), None));
    }

    #[test]
    fn another_address_is_another_fingerprint() {
        let settings = webhook(WebhookFormat::Slack, EventFilter::for_people());

        assert_ne!(of(&settings, Some(ADDRESS)), of(&settings, Some("https://hooks.slack.com/services/y")));
    }
}
