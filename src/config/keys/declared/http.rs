//! `[http]`: the HTTP listener of the daemon.

use crate::config::keys::{Key, Kind, Table};

pub(in crate::config) static HTTP: Table = Table {
    title: "`[http]`",
    place: Some("[http]"),
    about: "The HTTP listener: health, metrics and the status page, all of it read-only. It is off unless `listen` is set, or \
            `run --http` is given. Changes take a restart; only a new token in the same file takes a reload.",
    keys: &[
        Key::new(
            "listen",
            Kind::Listen,
            "The address to listen at, as `HOST:PORT` with an IP address or `localhost`, or `unix:PATH` for a Unix socket (mode \
             0660); or an array of several. Port 0 takes any free port, which the log names. Default: none.",
        )
        .example("\"127.0.0.1:9115\""),
        Key::new(
            "allow_remote",
            Kind::Boolean,
            "Whether an address may be one that other machines can reach, such as `0.0.0.0`. Set a `token` then: what the \
             listener shows has the names of projects, sinks and indexes, and what APIs and receivers answered.",
        ),
        Key::new(
            "token",
            Kind::Secret,
            "Where the token is read from that each request must have, as `Authorization: Bearer TOKEN`: at least 16 visible \
             characters. Without `?verbose`, `/livez` and `/readyz` need none. Default: no token is needed.",
        )
        .example("{ credential = \"http-token\" }"),
        Key::new(
            "hosts",
            Kind::Hosts,
            "Further names of this machine that the `Host` header may have, without a port, such as that of a proxy. Always \
             accepted: the address in `listen`; `localhost`, if it leads there; any IP address, if `listen` is `0.0.0.0` or `[::]`.",
        )
        .example("[\"monitor.example.com\"]"),
    ],
};
