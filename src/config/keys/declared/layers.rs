//! The tables for all projects that each project may have, too.

use std::time::Duration;

use super::{ANY_DURATION, CA_FILE, INTERVAL, TEXT, choice, default, time};
use crate::config::keys::{Key, Kind, Table};
use crate::config::{Effort, Endpoint};
use crate::model::Until;

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
        Key::new("version", Kind::Text { default: Some("2026-04") }, "The API version, which is a month."),
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
        CA_FILE,
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
