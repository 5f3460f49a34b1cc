//! Daemons, and the commands that need one or its state.

use super::{Row, row};

const DAEMON: &str = "\
[[project]]
name = \"production\"
jobs = [{ id = \"670e8400-e29b-41d4-a716-446655440001\", name = \"nightly\" }]
api = { endpoint = \"{plane}\" }

[[sink]]
name = \"log\"
type = \"log\"

[[sink]]
name = \"ops\"
type = \"webhook\"
url = \"http://{unused}/hook\"
";

pub(crate) const ROWS: &[Row] = &[
    Row {
        daemon: DAEMON,
        ..row(
            52,
            "second-daemon-on-the-state",
            &["restore-watch run --config daemon.toml --socket other.sock"],
        )
    },
    Row {
        daemon: DAEMON,
        ..row(
            53,
            "second-daemon-on-the-socket",
            &["STATE_DIRECTORY=$PWD/other restore-watch run --config daemon.toml --socket control.sock"],
        )
    },
    Row {
        files: &[("daemon.toml", DAEMON)],
        ..row(
            54,
            "socket-in-a-missing-directory",
            &["timeout 2 restore-watch run --config daemon.toml --socket missing/control.sock"],
        )
    },
    Row {
        files: &[("daemon.toml", DAEMON), ("file", "")],
        ..row(55, "unusable-state", &["STATE_DIRECTORY=$PWD/file restore-watch run --config daemon.toml"])
    },
    row(
        56,
        "no-daemon",
        &[
            "restore-watch status",
            "restore-watch reload",
            "restore-watch add rj-1",
            "restore-watch pause production",
        ],
    ),
    Row {
        daemon: DAEMON,
        ..row(
            58,
            "name-or-prefix-of-a-job",
            &["restore-watch status 670f", "restore-watch explain weekly", "restore-watch forget weekly"],
        )
    },
    Row { daemon: DAEMON, ..row(59, "unknown-project", &["restore-watch pause prod"]) },
    Row {
        daemon: DAEMON,
        ..row(60, "forget-a-configured-job", &["restore-watch forget 670e8400-e29b-41d4-a716-446655440001"])
    },
    Row {
        daemon: DAEMON,
        ..row(61, "unknown-sink", &["restore-watch notify-test opss --config daemon.toml"])
    },
    row(
        62,
        "deliveries-without-the-state",
        &[
            "env -u STATE_DIRECTORY -u RUNTIME_DIRECTORY restore-watch deliveries retry 01a214ef-c2d7-79bd-9e2f-331b2d96ee87",
        ],
    ),
    row(63, "drop-what", &["restore-watch deliveries drop 01a2", "restore-watch deliveries drop"]),
    row(
        64,
        "unusable-simulation",
        &[
            "restore-watch simulate nosuch",
            "restore-watch simulate --listen 8080",
            "restore-watch simulate --listen {host}",
        ],
    ),
];
