//! States in a database.

use super::{Row, row};

pub(crate) const ROWS: &[Row] = &[Row {
    files: &[
        (
            "clear.toml",
            "jobs = []\n[state]\npath = \"state.db\"\n\
                 postgres = \"postgresql://me:canary@db.example/restores?sslmode=disable\"\n\
                 ca_file = \"ca.pem\"\n[cluster]\nlease = \"1m\"\n",
        ),
        ("file.toml", "jobs = []\n[state]\nallow_plaintext = true\n[cluster]\nname = \"a\"\n"),
        ("given.toml", "jobs = []\n[state]\npostgres = \"postgresql://me@db.example/restores\"\n"),
        ("secret.toml", "jobs = []\n[state]\npostgres = { file = \"url\" }\n"),
        ("credential.toml", "jobs = []\n[state]\npostgres = { credential = \"url\" }\n"),
        ("url", "postgresql://me:ca/nary@db.example/restores\n"),
    ],
    ..row(
        70,
        "state-in-a-database",
        &[
            "restore-watch check --config clear.toml",
            "restore-watch check --config file.toml",
            "restore-watch check --secrets --config secret.toml",
            "restore-watch run --config secret.toml",
            "restore-watch deliveries --config credential.toml",
            "restore-watch run --set-state-aside --config given.toml",
            "restore-watch backup copy.db --config given.toml",
            "restore-watch history --state-file postgresql://me:canary@db.example/restores",
        ],
    )
}];
