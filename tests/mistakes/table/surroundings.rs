//! What a command meets in its surroundings: programs, certificates, disks, variables.

use super::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(65, "command-that-is-missing", &["restore-watch wait rj-1 -- ./missing"]),
    Row {
        environment: &[
            ("PINECONE_CONTROLLER_HOST", "https://{host}"),
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
        ..row(66, "no-certificates", &["restore-watch wait rj-1"])
    },
    row(
        67,
        "full-disk-or-closed-pipe",
        &[
            "restore-watch list > /dev/full",
            "restore-watch wait rj-1 > /dev/full",
            "restore-watch list | true",
        ],
    ),
    Row {
        environment: &[("RUST_LOG", "nonsense=foo")],
        ..row(68, "wrong-filter-of-the-log", &["restore-watch wait rj-1 2>&1 | cut -c -60"])
    },
];
