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
const ALLOW_HTTP: &str = "Whether to allow plain http to other machines.";

pub(in crate::config) static TOP: Table = Table {
    title: "Top level",
    place: Some("the top of the file"),
    about: "The jobs of the project \"default\". Its API key is read from the variable `PINECONE_API_KEY`, unless a `[[project]]` of \
            that name says otherwise.",
    keys: &[
        Key::new(
            "jobs",
            Kind::Jobs,
            "The restore jobs to watch, by id. With `[]`, jobs come from `restore-watch add` alone.",
        )
        .example("[\"9857add2-99d4-4399-870e-aa7f15d8d326\"]"),
        Key::new(
            "discover",
            Kind::Discover,
            "Whether to watch every unfinished restore of the project: `true`, or a table that selects some by index.",
        )
        .example("false"),
        Key::new(
            "drain_timeout",
            time(Duration::ZERO..=Duration::from_hours(1), Duration::from_secs(10)),
            "How long a stop waits for deliveries that are under way.",
        ),
        Key::new("api", Kind::Table(&API), "Settings of API requests, for all projects."),
        Key::new("cadence", Kind::Table(&CADENCE), "How often jobs are polled, for all projects."),
        Key::new("watch", Kind::Table(&WATCH), "When trouble becomes an event, for all projects."),
        Key::new("state", Kind::Table(&STATE), "Where the state is kept, and for how long."),
        Key::new("heartbeat", Kind::Table(&HEARTBEAT), "A dead man's switch that gets a ping while the watch works."),
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
    about: "An entry of `jobs` with more than an id.",
    keys: &[
        Key::new("id", TEXT, "The id of the restore job.")
            .required()
            .example("\"94a63aeb-9dd1-4f3c-b0a4-6c8f0a0f2f11\""),
        Key::new("name", Kind::Label { longest: 128 }, "The name that messages show.").example("\"nightly\""),
        Key::new(
            "deadline",
            Kind::Duration { bounds: Duration::from_millis(1)..=duration::MAX, default: None },
            "How long after its start the job is overdue, which is an event.",
        )
        .example("\"2h\""),
        Key::new("until", choice::<Until>(no_default), "`until` of `[watch]`, for this job.")
            .example("\"ready\""),
    ],
};

pub(in crate::config) static DISCOVER: Table = Table {
    title: "`discover` as a table",
    place: Some("`discover`, as in discover = { indexes = [\"prod-*\"] }"),
    about: "Which unfinished restores are watched. In a pattern, `*` matches any characters or none, `?` one character.",
    keys: &[
        Key::new(
            "indexes",
            Kind::IndexPatterns,
            "Only restores into an index whose name matches one of these patterns.",
        )
        .example("[\"prod-*\"]"),
        Key::new(
            "exclude",
            Kind::IndexPatterns,
            "No restore into an index whose name matches one of these patterns.",
        )
        .example("[\"*-scratch\"]"),
        // A million takes about 1.5 GiB of memory.
        Key::new(
            "max_jobs",
            Kind::Integer { bounds: 1..=1_000_000, default: 10_000 },
            "The maximum number of unfinished jobs that are watched because of `discover`.",
        ),
    ],
};

pub(in crate::config) static API: Table = Table {
    title: "`[api]`",
    place: Some("[api], or to [project.api]"),
    about: "Settings of API requests.",
    keys: &[
        Key::new(
            "endpoint",
            Kind::Text { default: Some(Endpoint::DEFAULT) },
            "The URL of the control plane. The variable `PINECONE_CONTROLLER_HOST` overrides the default.",
        ),
        Key::new(
            "version",
            Kind::Text { default: Some("2026-04") },
            "The API version, which is a month.",
        ),
        Key::new(
            "requests_per_second",
            Kind::Rate { default: 2.0 },
            "The average number of requests per second for all jobs of a project together.",
        ),
        Key::new(
            "burst",
            Kind::Integer { bounds: 1..=1000, default: 4 },
            "How many requests may be sent at once after a pause.",
        ),
        Key::new(
            "request_timeout",
            time(Duration::from_millis(100)..=Duration::from_mins(5), Duration::from_secs(10)),
            "The time limit of one request, connecting included.",
        ),
        Key::new(
            "allow_http",
            Kind::Boolean,
            "Whether to allow plain http to other machines, which sends the API key unencrypted.",
        ),
        Key::new(
            "ca_file",
            TEXT,
            "A PEM file of further root certificates to trust. A relative path starts at the directory of the configuration \
             file.",
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
            "How soon an end is noticed, and for how many requests: `\"gentle\"` takes half the requests and twice the delay, \
             `\"eager\"` twice the requests and half the delay, `\"full\"` nine tenths of the requests that the rate permits.",
        ),
        Key::new(
            "min_interval",
            time(INTERVAL, Duration::from_secs(1)),
            "The minimum time between two polls of a job; at most `max_interval`.",
        ),
        Key::new(
            "max_interval",
            time(INTERVAL, Duration::from_mins(1)),
            "The maximum time between two polls of a job.",
        ),
        Key::new(
            "expect",
            Kind::Duration { bounds: Duration::from_secs(1)..=Duration::from_hours(30 * 24), default: None },
            "About how long a restore of the project takes: while no past restore is known, polls are most frequent around that \
             time.",
        )
        .example("\"10m\""),
    ],
};

pub(in crate::config) static WATCH: Table = Table {
    title: "`[watch]`",
    place: Some("[watch], or to [project.watch]"),
    about: "When a job has ended, and when trouble with it becomes an event.",
    keys: &[
        Key::new(
            "not_found_grace",
            time(ANY_DURATION, Duration::from_mins(1)),
            "How long the API may answer 404 for a job that it never answered for before the job is not found. With 0s, the \
             first 404 decides.",
        ),
        // No end is noticed while the key is refused, so that is not left open for longer than a
        // minute.
        Key::new(
            "unauthorized_grace",
            time(Duration::ZERO..=Duration::from_mins(1), Duration::from_secs(5)),
            "The minimum time between two refusals of the key that make the project unauthorized. With 0s, any two do.",
        ),
        Key::new(
            "unreachable_after",
            time(ANY_DURATION, Duration::from_mins(10)),
            "How long a job may go without a good answer before it is unreachable. With 0s, the first failed poll decides.",
        ),
        Key::new(
            "until",
            choice::<Until>(default::<Until>),
            "When a job has ended: with `\"ready\"`, a completed job is watched until its index is ready.",
        ),
        Key::new(
            "slow_after",
            TEXT,
            "When a running job is slow, which is an event: after a time such as `\"2h\"`, or after this percentile of the past \
             restores of its group, else of its project, once 20 of them are known. Default: never.",
        )
        .example("\"p95\""),
    ],
};

pub(in crate::config) static STATE: Table = Table {
    title: "`[state]`",
    place: Some("[state]"),
    about: "Where the state is kept, and for how long. The state is what is known of each job, and which deliveries are pending.",
    keys: &[
        Key::new(
            "path",
            TEXT,
            "The file. Default: `state.db` in `$STATE_DIRECTORY`, which systemd sets, else `restore-watch/state.db` in \
             `$XDG_STATE_HOME` or `~/.local/state`.",
        )
        .example("\"/var/lib/restore-watch/state.db\""),
        Key::new(
            "keep",
            time(Duration::from_hours(1)..=duration::MAX, Duration::from_hours(30 * 24)),
            "How long to keep jobs that ended and are no longer configured, and deliveries that were made.",
        ),
    ],
};

pub(in crate::config) static HEARTBEAT: Table = Table {
    title: "`[heartbeat]`",
    place: Some("[heartbeat]"),
    about: "A dead man's switch, such as Healthchecks or a push monitor of Uptime Kuma, which raises an alarm if pings stop. A ping \
            is a GET request. None is sent while a key is refused, an API is unreachable or something is stuck.",
    keys: &[
        Key::new("url", Kind::Url, "The URL of the pings, which is usually a secret.")
            .required()
            .example("{ file = \"heartbeat-url\" }"),
        Key::new("interval", time(INTERVAL, Duration::from_mins(1)), "The time between two pings."),
        Key::new(
            "count_sinks",
            Kind::Boolean,
            "Whether trouble of a sink stops the pings, too: it takes nothing, it is disabled, or the end of a restore is \
             undelivered for 10 minutes.",
        ),
        Key::new("allow_http", Kind::Boolean, ALLOW_HTTP),
    ],
};

pub(in crate::config) static PROJECT: Table = Table {
    title: "`[[project]]`",
    place: Some("a [[project]]"),
    about: "A project with an API key of its own. The file says where the key is read from, never the key itself.",
    keys: &[
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "The name of the project, unique in the file.",
        )
        .required()
        .example("\"production\""),
        Key::new(
            "api_key",
            Kind::Secret,
            "Where the API key is read from. Default: `{ env = \"PINECONE_API_KEY\" }`.",
        )
        .example("{ credential = \"pinecone-api-key\" }"),
        Key::new("jobs", Kind::Jobs, "As at the top level, for this project.").example(
            "[{ id = \"94a63aeb-9dd1-4f3c-b0a4-6c8f0a0f2f11\", name = \"nightly\", deadline = \"2h\" }]",
        ),
        Key::new("discover", Kind::Discover, "As at the top level, for this project.")
            .example("{ indexes = [\"prod-*\"], exclude = [\"*-scratch\"], max_jobs = 500 }"),
        Key::new("api", Kind::Table(&API), "Settings that differ from `[api]` for this project."),
        Key::new("cadence", Kind::Table(&CADENCE), "Settings that differ from `[cadence]` for this project."),
        Key::new("watch", Kind::Table(&WATCH), "Settings that differ from `[watch]` for this project."),
    ],
};

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

pub(in crate::config) static SECRET: Table = Table {
    title: "Where a secret is",
    place: None,
    about: "Instead of a secret, the file has a table with exactly one of these keys.",
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
