//! API keys that are missing, wrong or damaged.

use super::{Row, row};

const OTHER_KEY: &str = "api_key = \"pcsk_another\"";

pub(crate) const ROWS: &[Row] = &[
    Row { environment: &[("PINECONE_API_KEY", "")], ..row(1, "no-key", &["restore-watch wait rj-1"]) },
    Row {
        environment: &[("PINECONE_API_KEY", ""), ("PINECONE_APIKEY", "{key}")],
        ..row(2, "key-in-another-variable", &["restore-watch wait rj-1", "restore-watch list"])
    },
    Row {
        plane: OTHER_KEY,
        ..row(
            3,
            "wrong-key-of-a-wait",
            &["restore-watch wait rj-1 --unauthorized-grace 100ms --max-interval 100ms --min-interval 20ms"],
        )
    },
    Row { plane: OTHER_KEY, ..row(4, "wrong-key-of-list", &["restore-watch list"]) },
    Row {
        plane: "forbidden = true",
        ..row(
            5,
            "missing-permission",
            &[
                "restore-watch list",
                "restore-watch wait rj-1 --unauthorized-grace 100ms --max-interval 100ms --min-interval 20ms",
            ],
        )
    },
    row(
        6,
        "key-with-blank-line-break-or-umlaut",
        &[
            "PINECONE_API_KEY='pcsk a' restore-watch wait rj-1",
            "PINECONE_API_KEY=\"$(printf 'pcsk\\nb')\" restore-watch wait rj-1",
            "PINECONE_API_KEY='pcsk_ä' restore-watch wait rj-1",
        ],
    ),
    row(7, "key-in-quotes", &["PINECONE_API_KEY='\"pcsk_a\"' restore-watch wait rj-1"]),
];
