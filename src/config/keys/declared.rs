//! The declarations of the keys, table by table, in the order of the sample.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Key, Kind, Table};
use crate::config::{Effort, Endpoint, LogFormat, SinkType, WebhookFormat};
use crate::model::{Keyword, Until, duration};

pub(in crate::config) static TABLES: &[&Table] = &[
    &TOP, &JOB, &DISCOVER, &API, &CADENCE, &WATCH, &STATE, &HEARTBEAT, &PROJECT, &SINK, &LOG, &DESKTOP,
    &WEBHOOK, &SECRET,
];

const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=duration::MAX;

/// Less than 10 ms is an attack and no polling. Less often than daily, neither a poll nor a ping is
/// of use.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// The most characters in the name of a project or a sink.
const LONGEST_NAME: usize = 64;

const TEXT: Kind = Kind::Text { default: None };

/// What `allow_http` means if no API key is sent.
const ALLOW_HTTP: &str = "Whether plain http may leave this machine.";

pub(in crate::config) static TOP: Table = Table {
    title: "Top level",
    place: Some("the top of the file"),
    about: "What is watched in the project named \"default\", whose API key is in the variable `PINECONE_API_KEY` unless a \
            `[[project]]` of that name says otherwise.",
    keys: &[
        Key::new(
            "jobs",
            Kind::Jobs,
            "The restore jobs to watch. An empty array means that all of them come with `restore-watch add`.",
        )
        .example("[\"9857add2-99d4-4399-870e-aa7f15d8d326\"]"),
        Key::new(
            "discover",
            Kind::Discover,
            "Whether unfinished restores of the project are discovered and watched, too: all of them, or those into some \
             indexes.",
        )
        .example("false"),
        Key::new(
            "drain_timeout",
            time(Duration::ZERO..=Duration::from_hours(1), Duration::from_secs(10)),
            "How long deliveries under way may take after a request to stop.",
        ),
        Key::new("api", Kind::Table(&API), "How the API is called, for all projects."),
        Key::new("cadence", Kind::Table(&CADENCE), "How often jobs are polled, for all projects."),
        Key::new("watch", Kind::Table(&WATCH), "What jobs are watched for, for all projects."),
        Key::new("state", Kind::Table(&STATE), "Where the state is kept, and for how long."),
        Key::new("heartbeat", Kind::Table(&HEARTBEAT), "The dead-man monitor that is pinged."),
        Key::new("project", Kind::Tables(&PROJECT), "Further projects, or settings of the default one."),
        Key::new(
            "sink",
            Kind::Sinks,
            "Where events go, beside the log: all of them go there, unless a sink of type `\"log\"` says otherwise.",
        ),
    ],
};

pub(in crate::config) static JOB: Table = Table {
    title: "A job",
    place: Some("a job"),
    about: "An entry of `jobs` that says more than its id.",
    keys: &[
        Key::new("id", TEXT, "The id of the restore job.")
            .required()
            .example("\"94a63aeb-9dd1-4f3c-b0a4-6c8f0a0f2f11\""),
        Key::new("name", Kind::Label { longest: 128 }, "What people call it.").example("\"nightly\""),
        Key::new(
            "deadline",
            Kind::Duration { bounds: Duration::from_millis(1)..=duration::MAX, default: None },
            "How long after its start the job is overdue.",
        )
        .example("\"2h\""),
        Key::new("until", choice::<Until>(no_default), "As in `[watch]`, for this job.").example("\"ready\""),
    ],
};

pub(in crate::config) static DISCOVER: Table = Table {
    title: "`discover` as a table",
    place: Some("`discover`, as in discover = { indexes = [\"prod-*\"] }"),
    about: "Which unfinished restores are discovered. In patterns, `*` stands for any characters or none, `?` for one.",
    keys: &[
        Key::new("indexes", Kind::IndexPatterns, "Only restores into an index of such a name.")
            .example("[\"prod-*\"]"),
        Key::new("exclude", Kind::IndexPatterns, "No restore into an index of such a name.")
            .example("[\"*-scratch\"]"),
        // A million takes about 1.5 GiB of memory.
        Key::new(
            "max_jobs",
            Kind::Integer { bounds: 1..=1_000_000, default: 10_000 },
            "How many unfinished jobs are watched at most because they were discovered.",
        ),
    ],
};

pub(in crate::config) static API: Table = Table {
    title: "`[api]`",
    place: Some("[api], or to [project.api]"),
    about: "How the API is called.",
    keys: &[
        Key::new(
            "endpoint",
            Kind::Text { default: Some(Endpoint::DEFAULT) },
            "The URL of the control plane. The variable `PINECONE_CONTROLLER_HOST` replaces the default.",
        ),
        Key::new(
            "version",
            Kind::Text { default: Some("2026-04") },
            "The version of the API, which is a month.",
        ),
        Key::new(
            "requests_per_second",
            Kind::Rate { default: 2.0 },
            "Requests per second on average, over all jobs of a project.",
        ),
        Key::new(
            "burst",
            Kind::Integer { bounds: 1..=1000, default: 4 },
            "How many requests may be made at once after a pause.",
        ),
        Key::new(
            "request_timeout",
            time(Duration::from_millis(100)..=Duration::from_mins(5), Duration::from_secs(10)),
            "How long one request may take, connecting included.",
        ),
        Key::new(
            "allow_http",
            Kind::Boolean,
            "Whether plain http may leave this machine, with the API key in it.",
        ),
        Key::new(
            "ca_file",
            TEXT,
            "A file of further root certificates to trust (PEM). A relative path starts at the directory of the \
             configuration file.",
        )
        .example("\"ca.pem\""),
    ],
};

pub(in crate::config) static CADENCE: Table = Table {
    title: "`[cadence]`",
    place: Some("[cadence], or to [project.cadence]"),
    about: "How often a job is polled.",
    keys: &[
        Key::new(
            "effort",
            choice::<Effort>(default::<Effort>),
            "How many requests are spent on noticing the end sooner: `\"gentle\"` makes half the requests for twice the \
             delay, `\"eager\"` twice the requests for half the delay, `\"full\"` nine tenths of the requests that the \
             rate permits.",
        ),
        Key::new(
            "min_interval",
            time(INTERVAL, Duration::from_secs(1)),
            "The shortest time between two polls; at most `max_interval`.",
        ),
        Key::new(
            "max_interval",
            time(INTERVAL, Duration::from_mins(1)),
            "The longest time between two polls.",
        ),
        Key::new(
            "expect",
            Kind::Duration { bounds: Duration::from_secs(1)..=Duration::from_hours(30 * 24), default: None },
            "How long a restore of the project takes, about: polls gather about that time as long as no past restore is known.",
        )
        .example("\"10m\""),
    ],
};

pub(in crate::config) static WATCH: Table = Table {
    title: "`[watch]`",
    place: Some("[watch], or to [project.watch]"),
    about: "Until when jobs are watched, and when trouble with one is an event.",
    keys: &[
        Key::new(
            "not_found_grace",
            time(ANY_DURATION, Duration::from_mins(1)),
            "How long the API may answer 404 about a job that was never seen before the job counts as not found; with 0s, \
             the first 404 counts.",
        ),
        // No end is noticed while the key is refused, so that is not left open for longer than a
        // minute.
        Key::new(
            "unauthorized_grace",
            time(Duration::ZERO..=Duration::from_mins(1), Duration::from_secs(5)),
            "How far apart two refusals of the key are at least before the project counts as unauthorized; with 0s, any two \
             count.",
        ),
        Key::new(
            "unreachable_after",
            time(ANY_DURATION, Duration::from_mins(10)),
            "How long a job may go without a successful answer before it counts as unreachable; with 0s, the first failed \
             poll counts.",
        ),
        Key::new(
            "until",
            choice::<Until>(default::<Until>),
            "Until when a job is watched: `\"ready\"` watches a completed job on until its index serves.",
        ),
        Key::new(
            "slow_after",
            TEXT,
            "When a job is slow: after a time such as `\"2h\"`, or after longer than this percentile of the past restores of \
             its group, or else of its project, once 20 of them are known. Without it, no job is slow.",
        )
        .example("\"p95\""),
    ],
};

pub(in crate::config) static STATE: Table = Table {
    title: "`[state]`",
    place: Some("[state]"),
    about: "Where the state is kept, and for how long: what was seen of each job, and which deliveries are pending.",
    keys: &[
        Key::new(
            "path",
            TEXT,
            "The file of the state. Default: `state.db` in `$STATE_DIRECTORY`, which systemd sets, or else \
             `restore-watch/state.db` in `$XDG_STATE_HOME` or `~/.local/state`.",
        )
        .example("\"/var/lib/restore-watch/state.db\""),
        Key::new(
            "keep",
            time(Duration::from_hours(1)..=duration::MAX, Duration::from_hours(30 * 24)),
            "How long finished records are kept: ended jobs that are no longer configured, and deliveries that were made.",
        ),
    ],
};

pub(in crate::config) static HEARTBEAT: Table = Table {
    title: "`[heartbeat]`",
    place: Some("[heartbeat]"),
    about: "A dead-man monitor such as Healthchecks or a push monitor of Uptime Kuma, which raises an alarm if pings stop. It is \
            pinged by a GET, but not while a key is refused, an API is unreachable or something is stuck.",
    keys: &[
        Key::new("url", Kind::Url, "The URL to ping, which is usually a secret.")
            .required()
            .example("{ file = \"heartbeat-url\" }"),
        Key::new("interval", time(INTERVAL, Duration::from_mins(1)), "How often it is pinged."),
        Key::new(
            "count_sinks",
            Kind::Boolean,
            "Whether it is not pinged while a sink is in trouble either: while it takes nothing, is disabled, or the end of a \
             restore has waited for it for 10 minutes.",
        ),
        Key::new("allow_http", Kind::Boolean, ALLOW_HTTP),
    ],
};

pub(in crate::config) static PROJECT: Table = Table {
    title: "`[[project]]`",
    place: Some("a [[project]]"),
    about: "A project with an API key of its own. A key never stands in the file itself.",
    keys: &[
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "The name of the project, which must be unique.",
        )
        .required()
        .example("\"production\""),
        Key::new("api_key", Kind::Secret, "Where its API key is. Default: `{ env = \"PINECONE_API_KEY\" }`.")
            .example("{ credential = \"pinecone-api-key\" }"),
        Key::new("jobs", Kind::Jobs, "As at the top level, for this project.").example(
            "[{ id = \"94a63aeb-9dd1-4f3c-b0a4-6c8f0a0f2f11\", name = \"nightly\", deadline = \"2h\" }]",
        ),
        Key::new("discover", Kind::Discover, "As at the top level, for this project.")
            .example("{ indexes = [\"prod-*\"], exclude = [\"*-scratch\"], max_jobs = 500 }"),
        Key::new("api", Kind::Table(&API), "What differs from `[api]` for this project."),
        Key::new("cadence", Kind::Table(&CADENCE), "What differs from `[cadence]` for this project."),
        Key::new("watch", Kind::Table(&WATCH), "What differs from `[watch]` for this project."),
    ],
};

pub(in crate::config) static SINK: Table = Table {
    title: "`[[sink]]`",
    place: Some("a [[sink]]"),
    about: "Where events go. These keys are of sinks of every type.",
    keys: &[
        Key::new("type", choice::<SinkType>(no_default), "The type of the sink. At most one is the log.")
            .required()
            .example("\"log\""),
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "The name of the sink, which must be unique; its deliveries are kept under it. Default: its type.",
        )
        .example("\"ops\""),
        Key::new(
            "events",
            Kind::Events,
            "Which events it gets. Default: all; for the desktop and the formats for people (`\"slack\"`, `\"discord\"`, \
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
        Key::new("url", Kind::Url, "The URL to post to, which is often a secret.")
            .required()
            .example("{ file = \"ops-url\" }"),
        Key::new("allow_http", Kind::Boolean, ALLOW_HTTP),
        Key::new(
            "block_private",
            Kind::Boolean,
            "Whether addresses of this machine and of private networks are refused, whatever name leads there. No proxy is \
             used then: it would look up the name itself.",
        ),
        Key::new(
            "format",
            choice::<WebhookFormat>(default::<WebhookFormat>),
            "The format of the body.",
        ),
        Key::new(
            "signing_secret",
            Kind::Secrets { most: 10 },
            "Where the secret is with which requests are signed as Standard Webhooks: `whsec_…`, 24 to 64 bytes in base64. \
             While it is rotated, an array of several. Default: requests are not signed.",
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
            "The time before each further attempt, from the failure of the one before.",
        ),
    ],
};

pub(in crate::config) static SECRET: Table = Table {
    title: "Where a secret is",
    place: None,
    about: "A table with exactly one of these keys, in place of a secret.",
    keys: &[
        Key::new(
            "env",
            Kind::SecretPlace,
            "The name of an environment variable that holds the secret.",
        )
        .example("\"PINECONE_API_KEY\""),
        Key::new(
            "file",
            Kind::SecretPlace,
            "A file that holds the secret. A relative path starts at the directory of the configuration file.",
        )
        .example("\"key\""),
        Key::new(
            "credential",
            Kind::SecretPlace,
            "The name of a credential of systemd, as given to `LoadCredential=`.",
        )
        .example("\"pinecone-api-key\""),
    ],
};

const fn time(bounds: RangeInclusive<Duration>, default: Duration) -> Kind {
    Kind::Duration { bounds, default: Some(default) }
}

const fn choice<T: Keyword>(default: fn() -> Option<&'static str>) -> Kind {
    Kind::Choice { words: words::<T>, default }
}

fn words<T: Keyword>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.as_str()).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "one of two defaults of a choice")]
fn default<T: Keyword + Default>() -> Option<&'static str> {
    Some(T::default().as_str())
}

fn no_default() -> Option<&'static str> {
    None
}
