//! The table of the mistakes.
//!
//! A command is a line of a shell. In commands, files and values, `{plane}` is the URL of the
//! simulated control plane, `{host}` its address, `{unused}` an address without a listener and
//! `{key}` the API key.

/// A mistake: what is typed, and in which surroundings.
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) commands: &'static [&'static str],
    /// Variables beside the usual ones; an empty value removes one.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) files: &'static [(&'static str, &'static str)],
    pub(crate) stdin: &'static str,
    /// The scenario of the control plane, if it is not the usual one.
    pub(crate) plane: &'static str,
    /// The configuration of a daemon that runs meanwhile.
    pub(crate) daemon: &'static str,
}

/// A row in the usual surroundings.
const fn row(number: u32, name: &'static str, commands: &'static [&'static str]) -> Row {
    Row { number, name, commands, environment: &[], files: &[], stdin: "", plane: "", daemon: "" }
}

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

const OTHER_KEY: &str = "api_key = \"pcsk_another\"";

pub(crate) const TABLE: &[Row] = &[
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
            "restore-watch history",
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
