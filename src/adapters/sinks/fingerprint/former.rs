//! The former formula of fingerprints, over the `Debug` form of settings, for states that have them.
//!
//! Invariant: it makes the fingerprints that it always made, so that an upgrade is no change of the
//! configuration. Nothing new is added to it.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::config::{
    EventFilter, HeaderSettings, LogFormat, LogLevel, SecretSource, SinkSettings, SinkTarget,
    TransportSettings, UrlSource, WebhookFormat,
};
use crate::model::EventKind;

/// Identifies these settings, and secrets that are read from elsewhere. Part of a cryptographic
/// hash, so that it reveals neither.
pub(in crate::adapters::sinks) fn of(settings: &SinkSettings, secrets: &[&str]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(text(settings));
    for (number, secret) in secrets.iter().enumerate() {
        // Where each ends; 0.1.0 had no more than one.
        if number > 0 {
            hash.update((secret.len() as u64).to_be_bytes());
        }
        hash.update(secret);
    }

    let hash: [u8; 32] = hash.finalize().into();
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The settings of a sink as text: for what 0.1.0 knew, the text that it made.
fn text(settings: &SinkSettings) -> String {
    // When it gets deliveries is no part of it: that says nothing of whether it takes them.
    let SinkSettings { name, route, hours: _, target } = settings;
    let events = events(settings);
    match target {
        SinkTarget::Log(log) => {
            let (format, levels) = (&log.format, &log.levels);
            format!("Log({:?})", LogSettings { name, events: &route.events, format, levels })
        }
        SinkTarget::Desktop(_) => format!("Desktop({:?})", DesktopSettings { name, events: &events }),
        SinkTarget::Webhook(webhook) => {
            let of_0_1_0 = WebhookSettings {
                name,
                events: &events,
                url: &webhook.url,
                allow_http: webhook.allow_http,
                block_private: webhook.block_private,
                format: webhook.format,
                signing_secrets: &webhook.signing_secrets,
                retry_schedule: &webhook.retry_schedule,
            };
            let has_headers = webhook.headers != HeaderSettings::default();
            let has_transport = webhook.transport != TransportSettings::default();
            let later = [
                has_headers.then(|| format!("{:?}", webhook.headers)),
                has_transport.then(|| format!("{:?}", webhook.transport)),
                webhook.template.as_ref().map(|template| format!("{template:?}")),
            ];
            let later: String = later.into_iter().flatten().collect();
            format!("Webhook({of_0_1_0:?}){later}")
        }
        SinkTarget::Exec(exec) => format!("Exec({name:?}, {events:?}, {exec:?})"),
        SinkTarget::Email(email) => format!("Email({name:?}, {email:?})"),
    }
}

/// The events of a sink, or those that 0.1.0 took for granted where they are those that are taken
/// for granted now. If they were written out, it makes no difference: events say nothing of whether
/// a receiver takes a delivery.
fn events(settings: &SinkSettings) -> EventFilter {
    let SinkSettings { route, target, .. } = settings;
    match target {
        _ if route.events != target.settings().usual_events() => route.events.clone(),
        SinkTarget::Desktop(_) => EventFilter::ends(),
        SinkTarget::Webhook(_) => EventFilter::all(),
        SinkTarget::Log(_) | SinkTarget::Exec(_) | SinkTarget::Email(_) => route.events.clone(),
    }
}

// The settings of 0.1.0, whose `Debug` form was hashed: names and order of types and fields are
// part of the fingerprint.

#[derive(Debug)]
#[expect(dead_code, reason = "they are read by `Debug`")]
struct LogSettings<'a> {
    name: &'a str,
    events: &'a EventFilter,
    format: &'a LogFormat,
    levels: &'a [(EventKind, LogLevel)],
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are read by `Debug`")]
struct DesktopSettings<'a> {
    name: &'a str,
    events: &'a EventFilter,
}

#[derive(Debug)]
#[expect(dead_code, reason = "they are read by `Debug`")]
struct WebhookSettings<'a> {
    name: &'a str,
    events: &'a EventFilter,
    url: &'a UrlSource,
    allow_http: bool,
    block_private: bool,
    format: WebhookFormat,
    signing_secrets: &'a [SecretSource],
    retry_schedule: &'a [Duration],
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Authorization, ProxySource, Route, WebhookUrl};

    const ADDRESS: &str = "https://hooks.slack.com/services/x";

    fn webhook(format: WebhookFormat, events: EventFilter) -> SinkSettings {
        let url = UrlSource::Given(WebhookUrl::parse(ADDRESS, false).unwrap());
        let webhook = crate::config::WebhookSettings { format, ..crate::config::WebhookSettings::new(url) };
        SinkSettings { route: Route::new(events), ..SinkSettings::new(SinkTarget::Webhook(webhook)) }
    }

    fn desktop(events: EventFilter) -> SinkSettings {
        let desktop = SinkTarget::Desktop(crate::config::DesktopSettings::default());
        SinkSettings { route: Route::new(events), ..SinkSettings::new(desktop) }
    }

    #[test]
    fn sinks_without_events_keep_the_fingerprint_of_0_1_0() {
        let slack = webhook(WebhookFormat::Slack, EventFilter::of_format(WebhookFormat::Slack));
        let standard = webhook(WebhookFormat::Standard, EventFilter::all());
        let desktop = desktop(EventFilter::for_people());

        // By the formula and the defaults of 0.1.0.
        for (settings, secrets, fingerprint) in [
            (slack, &[ADDRESS][..], 0x7199_e9cf_6a09_4d80),
            (standard, &[ADDRESS][..], 0xb6e5_5366_e36c_ea9e),
            (desktop, &[], 0xfbd7_415a_c5d0_d0f7),
        ] {
            assert_eq!(of(&settings, secrets), fingerprint, "{settings:?}");
        }
    }

    #[test]
    fn a_change_of_the_events_is_a_change() {
        let of_format = |events| of(&webhook(WebhookFormat::Slack, events), &[ADDRESS][..]);

        assert_ne!(of_format(EventFilter::for_people()), of_format(EventFilter::ends()));
        assert_ne!(of(&desktop(EventFilter::for_people()), &[]), of(&desktop(EventFilter::all()), &[]));
    }

    #[test]
    fn where_a_secret_ends_is_part_of_the_fingerprint() {
        let settings = webhook(WebhookFormat::Slack, EventFilter::for_people());

        assert_ne!(of(&settings, &["ab", "c"]), of(&settings, &["a", "bc"]));
    }

    fn bearer(variable: &str) -> Authorization {
        Authorization::Bearer(SecretSource::Env(variable.to_owned()))
    }

    #[test]
    fn headers_and_transport_are_part_of_the_settings() {
        let usual = webhook(WebhookFormat::Standard, EventFilter::all());
        let with = |change: fn(&mut crate::config::WebhookSettings)| {
            let mut settings = usual.clone();
            if let SinkTarget::Webhook(webhook) = &mut settings.target {
                change(webhook);
            }
            of(&settings, &[ADDRESS])
        };
        let mut seen = vec![
            of(&usual, &[ADDRESS]),
            of(&usual, &[ADDRESS, "token"]),
            with(|webhook| webhook.headers.authorization = Some(bearer("A"))),
            with(|webhook| webhook.headers.authorization = Some(bearer("B"))),
            with(|webhook| webhook.transport.proxy = Some(ProxySource::None)),
            with(|webhook| webhook.transport.ca_file = Some("ca.pem".into())),
        ];

        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 6);
    }

    #[test]
    fn another_argument_is_another_fingerprint() {
        let of_argument = |argument: &str| {
            let exec = crate::config::ExecSettings::new("/bin/true", vec![argument.to_owned()]);
            of(&SinkSettings::new(SinkTarget::Exec(exec)), &[])
        };

        assert_ne!(of_argument("a"), of_argument("b"));
    }

    #[test]
    fn another_address_is_another_fingerprint() {
        let settings = webhook(WebhookFormat::Slack, EventFilter::for_people());

        assert_ne!(of(&settings, &[ADDRESS][..]), of(&settings, &["https://hooks.slack.com/services/y"]));
    }
}
