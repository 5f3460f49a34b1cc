//! Addresses of the control plane, and what answers there.

use super::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    Row {
        environment: &[("PINECONE_CONTROLLER_HOST", "https://{host}")],
        ..row(
            30,
            "https-to-an-http-server",
            &["restore-watch wait rj-1 --unreachable-after 1s --min-interval 20ms", "restore-watch list"],
        )
    },
    Row {
        environment: &[("PINECONE_CONTROLLER_HOST", "{host}")],
        ..row(31, "no-scheme", &["restore-watch wait rj-1 --unreachable-after 1s --min-interval 20ms"])
    },
    Row {
        environment: &[("PINECONE_CONTROLLER_HOST", "http://192.0.2.1")],
        ..row(32, "http-to-another-machine", &["restore-watch wait rj-1"])
    },
    row(
        33,
        "unusable-url",
        &[
            "PINECONE_CONTROLLER_HOST='http://127.0.0.1/?a=b' restore-watch wait rj-1",
            "PINECONE_CONTROLLER_HOST='https://me:pw@api.pinecone.io' restore-watch wait rj-1",
            "PINECONE_CONTROLLER_HOST='ftp://127.0.0.1' restore-watch wait rj-1",
            "PINECONE_CONTROLLER_HOST='https://[::1' restore-watch wait rj-1",
        ],
    ),
    Row {
        environment: &[("PINECONE_CONTROLLER_HOST", "{plane}/v1")],
        ..row(
            34,
            "url-with-a-path",
            &["restore-watch wait rj-1 --not-found-grace 1s --min-interval 20ms", "restore-watch list"],
        )
    },
    row(
        35,
        "connection-refused-or-unknown-host",
        &[
            "PINECONE_CONTROLLER_HOST=http://{unused} restore-watch wait rj-1 --unreachable-after 1s --min-interval 20ms",
            "PINECONE_CONTROLLER_HOST=https://api.invalid restore-watch wait rj-1 --unreachable-after 0s --min-interval 20ms",
        ],
    ),
    Row {
        plane: "[[fault]]\nkind = \"html\"\n",
        ..row(36, "html-server", &["restore-watch wait rj-1 --unreachable-after 1s --min-interval 20ms"])
    },
    Row {
        plane: "[[fault]]\nkind = \"redirect\"\nstatus = 302\nlocation = \"https://login.example/\"\n",
        ..row(37, "redirect", &["restore-watch wait rj-1 --unreachable-after 1s --min-interval 20ms"])
    },
    Row {
        plane: "[[fault]]\nkind = \"hang\"\n",
        files: &[("config.toml", "jobs = []\n[api]\nendpoint = \"{plane}\"\nrequest_timeout = \"1s\"\n")],
        ..row(
            38,
            "api-that-hangs",
            &["restore-watch wait rj-1 --config config.toml --unreachable-after 3s --min-interval 20ms"],
        )
    },
];
