//! The top of the file, and its tables for the daemon as a whole.

use std::time::Duration;

use super::{ALLOW_HTTP, API, CA_FILE, CADENCE, HTTP, INTERVAL, LONGEST_NAME, PROJECT, TEXT, WATCH, time};
use crate::config::keys::{Key, Kind, Table};
use crate::config::sinks::SINK_DEFAULTS;
use crate::model::duration;

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
        Key::new("cluster", Kind::Table(&CLUSTER), "The replicas that share a state in a database.").exclusive(),
        Key::new("heartbeat", Kind::Table(&HEARTBEAT), "A dead man's switch that gets a ping while the watch works."),
        Key::new("http", Kind::Table(&HTTP), "The HTTP listener, which shows health, metrics and the status page."),
        Key::new("project", Kind::Tables(&PROJECT), "Further projects, or settings of the default one."),
        Key::new(
            "sink_defaults",
            Kind::Table(&SINK_DEFAULTS),
            "Settings of sinks, for each `[[sink]]` that does not say otherwise.",
        ),
        Key::new(
            "sink",
            Kind::Sinks,
            "Where events go, beside the log: all of them go there, unless a sink of type `\"log\"` says otherwise.",
        ),
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
        Key::new(
            "keep_history",
            time(Duration::from_hours(1)..=duration::LONGEST, Duration::from_hours(2 * 365 * 24)),
            "How long to keep a row of the history for each restore that ended, apart from `keep`: it may be longer or \
             shorter.",
        ),
        Key::new(
            "postgres",
            Kind::Url,
            "A PostgreSQL database in place of the file, which several replicas can share: a connection string, as \
             a URL or as `host=… user=… dbname=…`. With a password in it, the whole of it is a secret, and this says where it is \
             read from. Several hosts can be named: the one that can be written is used. TLS is verified whatever `sslmode` \
             says; variables such as `PGHOST` and the file `~/.pgpass` are not used.",
        )
        .excludes("path")
        .example("\"postgresql://restore_watch@db.example/restore_watch\""),
        CA_FILE.needs("postgres"),
        Key::new(
            "allow_plaintext",
            Kind::Boolean,
            "Whether to allow connections without TLS to a database on another machine. Those to loopback addresses and Unix \
             sockets need none.",
        )
        .needs("postgres"),
    ],
};

pub(in crate::config) static CLUSTER: Table = Table {
    title: "`[cluster]`",
    place: Some("[cluster]"),
    about: "The replicas that share a state in a database: one is active, the others stand by. Only with `postgres` in `[state]`.",
    keys: &[
        Key::new(
            "name",
            Kind::Label { longest: LONGEST_NAME },
            "Which state of the database it is. Replicas with the same name share one; states of other names are apart. Without \
             this key it is `default`.",
        )
        .exclusive()
        .example("\"default\""),
        Key::new(
            "replica",
            Kind::Label { longest: LONGEST_NAME },
            "What messages call this process. By default it is the host name. It decides nothing.",
        )
        .exclusive()
        .example("\"a\""),
        Key::new(
            "lease",
            time(Duration::from_secs(3)..=Duration::from_secs(45), Duration::from_secs(15)),
            "How long the active replica may be silent before another one takes over. An outage of the database that is shorter \
             changes nothing.",
        )
        .exclusive(),
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
