//! Configuration files.

use super::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(39, "no-configuration", &["restore-watch run", "restore-watch check"]),
    row(40, "project-without-a-file", &["restore-watch wait rj-1 --project production"]),
    row(
        41,
        "unusable-path-of-the-configuration",
        &["restore-watch check --config .", "restore-watch check --config missing.toml"],
    ),
    Row {
        files: &[("config.toml", "jobz = [\"rj-1\"]\n[api]\nendpiont = \"https://api.pinecone.io\"\n")],
        ..row(42, "misspelled-key", &["restore-watch check --config config.toml"])
    },
    Row {
        files: &[
            ("config.toml", "jobs = [670e8400-e29b-41d4-a716-446655440001]\n"),
            ("open.toml", "jobs = [\"rj-1]\n"),
        ],
        ..row(
            43,
            "id-without-quotes",
            &["restore-watch check --config config.toml", "restore-watch check --config open.toml"],
        )
    },
    Row {
        files: &[
            ("type.toml", "jobs = [\"rj-1\"]\n[[sink]]\ntype = \"slack\"\n"),
            ("table.toml", "jobs = [\"rj-1\"]\n[slack]\nurl = \"https://hooks.slack.com/services/a\"\n"),
            ("key.toml", "api_key = { env = \"KEY\" }\njobs = [\"rj-1\"]\n"),
        ],
        ..row(
            44,
            "what-belongs-elsewhere",
            &[
                "restore-watch check --config type.toml",
                "restore-watch check --config table.toml",
                "restore-watch check --config key.toml",
            ],
        )
    },
    Row {
        files: &[(
            "config.toml",
            "[[project]]\nname = \"a\"\napi_key = \"pcsk_secret\"\njobs = [\"rj-1\"]\n",
        )],
        ..row(45, "key-in-the-file", &["restore-watch check --config config.toml"])
    },
    Row {
        files: &[("config.toml", "[project]\njobs = [\"rj-1\"]\n[sink]\ntype = \"log\"\n")],
        ..row(46, "single-brackets", &["restore-watch check --config config.toml"])
    },
    Row {
        files: &[("config.yaml", "jobs:\n  - rj-1\n"), ("config.json", "{\"jobs\": [\"rj-1\"]}\n")],
        ..row(
            47,
            "yaml-or-json",
            &["restore-watch check --config config.yaml", "restore-watch check --config config.json"],
        )
    },
    Row {
        files: &[(
            "config.toml",
            "jobs = [\"rj-1\", \"rj-1\", 7]\n[cadence]\nmin_interval = \"1 minute\"\neffort = \"eagre\"\n\
             [[sink]]\ntype = \"log\"\nevents = [\"restore_job.complete\"]\n\
             [[sink]]\ntype = \"webhook\"\nurl = \"https://a.example\"\n[[sink]]\ntype = \"webhook\"\nurl = \"https://b.example\"\n",
        )],
        ..row(48, "wrong-values", &["restore-watch check --config config.toml"])
    },
    Row {
        files: &[("empty.toml", "")],
        ..row(
            49,
            "latin-1-or-empty-file",
            &[
                "printf '# \\344\\n' > latin.toml; restore-watch check --config latin.toml",
                "restore-watch check --config empty.toml",
            ],
        )
    },
    Row {
        files: &[
            ("config.toml", "[[project]]\nname = \"a\"\napi_key = { file = \"key\" }\njobs = [\"rj-1\"]\n"),
            ("empty", ""),
            ("two", "one\ntwo\n"),
        ],
        ..row(
            50,
            "unusable-key-file",
            &[
                "restore-watch wait --config config.toml",
                "cp empty key; restore-watch wait --config config.toml",
                "cp two key; restore-watch wait --config config.toml",
            ],
        )
    },
    Row {
        files: &[(
            "config.toml",
            "[[project]]\nname = \"a\"\napi_key = { credential = \"key\" }\njobs = [\"rj-1\"]\n",
        )],
        ..row(
            51,
            "credential-outside-systemd",
            &["restore-watch wait --config config.toml", "restore-watch list --config config.toml"],
        )
    },
];
