//! Ids, names and options of commands.

use super::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        8,
        "unknown-id-or-name-of-an-index",
        &[
            "restore-watch wait 670e8400-e29b-41d4-a716-446655440009 --not-found-grace 1s --min-interval 20ms",
            "restore-watch wait docs-search --not-found-grace 1s --min-interval 20ms",
        ],
    ),
    row(
        9,
        "id-with-blank-empty-comma-or-url",
        &[
            "restore-watch wait 'rj 1'",
            "restore-watch wait ''",
            "restore-watch wait rj-1,rj-2",
            "restore-watch wait https://app.pinecone.io/rj-1",
        ],
    ),
    row(10, "no-id", &["restore-watch wait", "restore-watch wait $empty", "CI=1 restore-watch wait"]),
    row(
        11,
        "timeout-that-is-no-duration",
        &[
            "restore-watch wait rj-1 --timeout 10",
            "restore-watch wait rj-1 --timeout 10min",
            "restore-watch wait rj-1 --timeout 1,5h",
            "restore-watch wait rj-1 --timeout 2H",
        ],
    ),
    row(12, "timeout-of-years", &["restore-watch wait rj-1 --timeout 99999d"]),
    row(13, "negative-timeout", &["restore-watch wait rj-1 --timeout -5s"]),
    row(
        14,
        "misspelled-option",
        &["restore-watch wait rj-1 --timout 5s", "restore-watch wait rj-1 --time-out 5s"],
    ),
    row(
        15,
        "options-of-other-programs",
        &[
            "restore-watch wait rj-1 --json | cut -c -60",
            "restore-watch wait rj-1 -o json | cut -c -60",
            "restore-watch wait rj-1 --format json | cut -c -60",
            "restore-watch wait rj-1 --slack https://hooks.slack.com/services/a",
            "restore-watch wait rj-1 --exec ./switch-traffic.sh",
        ],
    ),
    row(16, "misspelled-command", &["restore-watch wiat", "restore-watch watch", "restore-watch ls"]),
    row(
        17,
        "commands-of-other-programs",
        &[
            "restore-watch help wiat",
            "restore-watch version",
            "restore-watch logs",
            "restore-watch events",
            "restore-watch daemon",
            "restore-watch start",
        ],
    ),
    row(18, "bare-id", &["restore-watch 670e8400-e29b-41d4-a716-446655440001"]),
    row(19, "misspelled-value", &["restore-watch wait rj-1 --until redy"]),
    row(20, "options-that-exclude-each-other", &["restore-watch wait rj-1 --all --any"]),
    row(
        21,
        "id-and-index",
        &[
            "restore-watch wait rj-1 --index nothing --not-found-grace 1s --min-interval 20ms",
            "restore-watch wait rj-1 --exclude-index docs",
        ],
    ),
    row(
        22,
        "missing-file-of-ids",
        &["restore-watch wait --from-file missing", "restore-watch wait --from-file ."],
    ),
    Row {
        files: &[("empty", "")],
        ..row(23, "empty-input", &["restore-watch wait --from-file empty", "false | restore-watch wait -"])
    },
    Row {
        files: &[("ids", "\u{feff}# nightly\r\nrj-1\r\n")],
        ..row(24, "windows-file", &["restore-watch wait --from-file ids | cut -c -15"])
    },
    row(
        25,
        "utf-16-file",
        &[
            "printf '\\377\\376r\\000j\\000' | restore-watch wait -",
            "printf 'rj-1\\n\\377\\n' | restore-watch wait -",
        ],
    ),
    Row {
        files: &[("jobs.csv", "rj-1,docs\n"), ("quoted", "\"rj-1\"\n")],
        ..row(
            26,
            "csv-or-quotes-in-a-file",
            &["restore-watch wait --from-file jobs.csv", "restore-watch wait --from-file quoted"],
        )
    },
    row(27, "table-as-input", &["restore-watch list | restore-watch wait -"]),
    Row {
        stdin: "{\"error\": \"quota exceeded\"}\n",
        ..row(28, "error-as-input", &["restore-watch wait -"])
    },
    Row {
        stdin: "{\"restore_job_id\": \"rj-1\"}\n{\"restore",
        ..row(29, "truncated-json", &["restore-watch wait -"])
    },
];
