//! `[[sink]]`: the keys that all sinks have, and those of each type.

use std::time::Duration;

use super::{ALLOW_HTTP, LONGEST_NAME, choice, default, no_default};
use crate::config::keys::{Key, Kind, Table};
use crate::config::{LogFormat, SinkType, WebhookFormat};

pub(in crate::config) static SINK: Table = Table {
    title: "`[[sink]]`",
    place: Some("a [[sink]]"),
    about: "A place that events are delivered to. Sinks of every type have these keys.",
    keys: &[
        Key::new("type", choice::<SinkType>(no_default), "The type of the sink. At most one is the log.")
            .required()
            .example("\"log\""),
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "The name of the sink, unique in the file. Its deliveries are kept under this name. Default: its type.",
        )
        .example("\"ops\""),
        Key::new(
            "events",
            Kind::Events,
            "The events that it gets. Default: all; for the desktop and the formats for people (`\"slack\"`, `\"discord\"`, \
             `\"teams\"`, `\"ntfy\"`), all but `restore_job.watched`, `.status_changed` and `.progressed`. For the log, `[]` \
             means none.",
        )
        .example("[\"restore_job.*\", \"index.*\", \"project.*\"]"),
    ],
};

pub(in crate::config) static LOG: Table = Table {
    title: "`[[sink]]` with `type = \"log\"`",
    place: Some("a log"),
    about: "The log of the process, on standard error. It gets all events if no such sink is written.",
    keys: &[
        Key::new(
            "format",
            choice::<LogFormat>(default::<LogFormat>),
            "The format of a line: `\"json\"` writes an object per line.",
        ),
        Key::new("levels", Kind::Levels, "Levels that differ from the built-in ones, by event type.")
            .example("{ \"restore_job.failed\" = \"error\" }"),
    ],
};

pub(in crate::config) static DESKTOP: Table = Table {
    title: "`[[sink]]` with `type = \"desktop\"`",
    place: None,
    about: "Desktop notifications.",
    keys: &[],
};

pub(in crate::config) static WEBHOOK: Table = Table {
    title: "`[[sink]]` with `type = \"webhook\"`",
    place: Some("a webhook"),
    about: "An HTTP POST for each event.",
    keys: &[
        Key::new("url", Kind::Url, "The URL of the requests, which is often a secret.")
            .required()
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
            "signing_secret",
            Kind::Secrets { most: 10 },
            "Where the secret is read from that signs requests as Standard Webhooks does: `whsec_…`, 24 to 64 bytes in base64. \
             During a rotation, an array of several. Default: requests are not signed.",
        )
        .example("{ credential = \"ops-secret\" }"),
        Key::new(
            "retry_schedule",
            Kind::Durations {
                bounds: Duration::from_millis(10)..=Duration::from_hours(7 * 24),
                most: 50,
                // The schedule of Standard Webhooks 1.0 ("Retries"): ten attempts over about three
                // days.
                default: &[
                    Duration::from_secs(5),
                    Duration::from_mins(5),
                    Duration::from_mins(30),
                    Duration::from_hours(2),
                    Duration::from_hours(5),
                    Duration::from_hours(10),
                    Duration::from_hours(14),
                    Duration::from_hours(20),
                    Duration::from_hours(24),
                ],
            },
            "The time from a failed attempt to the next one, for each further attempt. After the last, the delivery is a dead letter.",
        ),
    ],
};
