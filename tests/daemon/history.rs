//! `restore-watch history` and `stats`, of a running daemon and of its state.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use restore_watch::simulate::{Reply, Simulator};
use serde_json::{Value, json};

use crate::support::state::{is_about_files, is_on_postgres};
use crate::support::{Done, Folder, Running, Watch, done, play, receive, skipped};
use crate::{Daemon, ask};

/// Names that a shell, a spreadsheet or CSV would take for something else.
const HOSTILE: [&str; 4] = ["=1+1|'/C calc'!A0", "a,\"b\"", "@x;$(reboot)", "-9\u{202e}<b>&amp;"];

/// Restores into indexes of these names that completed an hour ago.
fn into(indexes: &[&str]) -> Simulator {
    let job = |(number, index): (usize, &&str)| {
        let index = toml::Value::from(*index);
        format!("[[job]]\nid = \"rj-{number}\"\nage = \"1h\"\ntakes = \"10m\"\nindex = {index}\n")
    };
    play(&indexes.iter().enumerate().map(job).collect::<String>())
}

/// A daemon that saw its restores end, with its state in `folder`.
fn watched(folder: &Folder, plane: &Simulator, jobs: &[&str], more: &str) -> Running {
    let state = format!("[state]\npath = \"{}\"\n", folder.path().join("state.db").display());
    let mut daemon = Daemon::new(state).project("one", plane, jobs).with(more).run(&[]).start();
    daemon.until("every restore is in the history", |_| {
        // Without a state yet, it prints no JSON.
        let history = of_state(folder, &["history", "--json"]).stdout;
        serde_json::from_str::<Value>(&history).is_ok_and(|history| history["total"] == jobs.len())
    });
    daemon
}

fn of_state(folder: &Folder, arguments: &[&str]) -> Done {
    let state = folder.path().join("state.db").to_string_lossy().into_owned();
    Watch::new(arguments.iter().chain(&["--state-file", &state])).run()
}

fn ids(history: &Value) -> Vec<&str> {
    let restores = history["restores"].as_array().expect("restores").iter();
    restores.map(|restore| restore["job"]["id"].as_str().expect("an id")).collect()
}

#[test]
fn a_daemon_and_its_state_have_the_same_history() {
    let (folder, receiver) = (Folder::new(), receive([]));
    let plane = play(&done(&[("good", "completed"), ("bad", "failed"), ("gone", "cancelled")]));
    let sink = format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\n", receiver.url());
    let mut daemon = watched(&folder, &plane, &["good", "bad", "gone"], &sink);
    daemon.until("every delivery", |_| {
        let history = of_state(&folder, &["history", "--json"]).json();
        history["restores"].as_array().unwrap().iter().all(|restore| restore["deliveries"]["pending"] == 0)
    });

    for arguments in [
        &["history", "--json"][..],
        &["history", "-o", "ndjson"],
        &["history", "-o", "csv"],
        &["history"],
        &["history", "--outcome", "failed", "--outcome", "cancelled", "--since", "1d"],
        &["stats"],
        &["stats", "--by", "index", "--json"],
    ] {
        let asked = ask(&daemon, arguments).expect(0);
        let read = of_state(&folder, arguments).expect(0);
        assert_eq!((&asked.stdout, &*asked.stderr), (&read.stdout, ""), "{arguments:?}");
    }

    let failed = ask(&daemon, &["history", "--outcome", "failed", "--json"]).expect(0).json();
    assert_eq!((ids(&failed), &failed["total"]), (vec!["bad"], &json!(1)));
    let restore = &failed["restores"][0];
    assert_eq!(
        (
            &restore["project"],
            &restore["outcome"],
            &restore["elapsed_seconds"],
            &restore["deliveries"]["delivered"]
        ),
        (&json!("one"), &json!("failed"), &Value::Null, &json!(2))
    );
    let stats = ask(&daemon, &["stats", "--json"]).expect(0).json();
    let group = &stats["groups"][0];
    assert_eq!((&group["ended"], &group["failed"], &group["cancelled"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!((&group["failed_share"], &group["max_seconds"]), (&json!(0.5), &json!(600.0)));

    daemon.signal("TERM");
    daemon.finish().expect(0);
    assert!(!folder.path().join("state.db-wal").exists(), "the reader was closed before the state");
    assert_eq!(ids(&of_state(&folder, &["history", "--json"]).expect(0).json()).len(), 3);
}

#[test]
fn the_table_says_what_is_known_of_each_end() {
    let folder = Folder::new();
    let plane = play(&done(&[("good", "completed"), ("bad", "failed")]));
    let daemon = watched(&folder, &plane, &["good", "bad"], "");

    let text = ask(&daemon, &["history"]).expect(0).stdout;

    assert!(text.starts_with("BEGAN (UTC) "), "{text}");
    let row = |id: &str| text.lines().find(|line| line.contains(id)).expect("a row");
    assert!(row("good").contains("  10m 00s ") && row("good").contains("  completed "), "{text}");
    assert!(row("bad").contains("  noticed ") && row("bad").contains("  at most 1h 00m  failed "), "{text}");
    let stats = ask(&daemon, &["stats"]).expect(0).stdout;
    assert_eq!(
        stats.lines().next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["PROJECT", "ENDED", "FAILED", "P50", "P90", "P99", "MAX", "<30s", ">6h"],
        "the locale is ASCII"
    );
    assert!(stats.contains("one      2      1 (50 %)  -    -    -    10m 00s  ....#......."), "{stats}");
}

#[test]
fn the_newest_restores_are_listed_last() {
    let folder = Folder::new();
    let plane = play(
        "[[job]]\nid = \"late\"\ntakes = \"400ms\"\n[[job]]\nid = \"early\"\nage = \"1h\"\ntakes = \"1m\"\n",
    );
    let daemon = watched(&folder, &plane, &["late", "early"], "");

    let all = ask(&daemon, &["history", "--json"]).expect(0).json();
    assert_eq!(ids(&all), ["early", "late"]);
    let newest = ask(&daemon, &["history", "--json", "--limit", "1"]).expect(0).json();
    assert_eq!((ids(&newest), &newest["total"]), (vec!["late"], &json!(2)));
    let shown = ask(&daemon, &["history", "--limit", "1"]).expect(0);
    assert!(shown.stdout.contains("late") && !shown.stdout.contains("early"), "{}", shown.stdout);
    shown.logged("restore-watch: older restores left out: 1; to show more: --limit");
}

#[test]
fn an_empty_history_says_what_there_is() {
    let folder = Folder::new();
    let daemon = watched(&folder, &into(&["docs", "orders"]), &["rj-0", "rj-1"], "");

    for (arguments, text) in [
        (&["--index", "nope-*"][..], "none of the 2 restores that ended matches\n"),
        (&["--project", "other"], "none of the 2 restores that ended matches\n"),
    ] {
        for command in ["history", "stats"] {
            let printed = ask(&daemon, &[&[command], arguments].concat()).expect(0).stdout;
            assert_eq!(printed, text, "{command} {arguments:?}");
        }
    }
    let since = ask(&daemon, &["history", "--since", "2100-01-01"]).expect(0).stdout;
    assert!(
        since.starts_with(
            "no restore ended since 2100-01-01T00:00:00Z; the end of the last one was observed at 2"
        ),
        "{since}"
    );
    let none = ["history", "--index", "nope", "-o"];
    assert_eq!(ask(&daemon, &[&none[..], &["json"]].concat()).stdout, "{\"restores\":[],\"total\":0}\n");
    assert_eq!(ask(&daemon, &[&none[..], &["ndjson"]].concat()).stdout, "");
    assert_eq!(ask(&daemon, &[&none[..], &["csv"]].concat()).stdout.lines().count(), 1);

    let open = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &open, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    for command in ["history", "stats"] {
        assert_eq!(ask(&daemon, &[command]).expect(0).stdout, "no restore ended yet\n");
    }
}

#[test]
fn wrong_requests_say_what_is_accepted() {
    let folder = Folder::new();
    let none = of_state(&folder, &["history"]).expect(74);
    if !is_on_postgres() {
        none.logged("there is no state at ").logged("--state-file");
    }
    for command in ["history", "stats"] {
        for since in ["yesterday", "-3d", "30"] {
            let refused = of_state(&folder, &[command, "--since", since]).expect(2);
            refused.logged("such as 12h or 30d").logged("2026-11-01T12:00Z");
        }
        of_state(&folder, &[command, "--index", "a/b"]).expect(2).logged("'/'");
    }
    of_state(&folder, &["history", "--outcome", "open"]).expect(2).logged("completed, ready, not_ready");
    if !is_on_postgres() {
        let text = "no database at all, but a text of some length, and so no state of any version";
        folder.write("state.db", text);
        of_state(&folder, &["stats"]).expect(74).logged("is damaged");
    }
}

#[test]
fn python_reads_from_csv_what_the_api_said() {
    const SCRIPT: &str = "import csv, json, sys\n\
        rows = csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True)\n\
        print(json.dumps(list(rows)))\n";
    let Ok(true) = Command::new("python3").arg("--version").output().map(|done| done.status.success()) else {
        assert!(std::env::var_os("RESTORE_WATCH_REQUIRE_PYTHON").is_none(), "python3 is not here");
        return skipped("python3 is not here, so it reads no CSV");
    };
    let (folder, receiver) = (Folder::new(), receive([Reply::status(500)]));
    receiver.otherwise(Reply::status(429).header("retry-after", "60"));
    let sink = format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\n", receiver.url());
    let daemon = watched(&folder, &into(&HOSTILE), &["rj-0", "rj-1", "rj-2", "rj-3"], &sink);

    // The log may still be taking its lines; both answers are to count the same deliveries.
    let history = || ask(&daemon, &["history", "--json"]).expect(0).json();
    let table = || ask(&daemon, &["history", "-o", "csv"]).expect(0).stdout;
    let same = (0..100).find_map(|_| {
        let (before, text, after) = (history(), table(), history());
        (before == after).then_some((before, text))
    });
    let (history, text) = same.expect("a history that stays the same for a moment");

    assert!(
        text.lines().count() == 5 && text.split_inclusive('\n').all(|line| line.ends_with("\r\n")),
        "{text}"
    );
    let file = folder.write("history.csv", &text);
    let read = Command::new("python3").args(["-c", SCRIPT, &file]).output().expect("python3");
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let rows: Vec<Value> = serde_json::from_slice(&read.stdout).expect("JSON");
    for (restore, row) in history["restores"].as_array().unwrap().iter().zip(&rows) {
        for (column, pointer) in [
            ("project", "/project"),
            ("job_id", "/job/id"),
            ("job_target_index_name", "/job/target_index_name"),
            ("job_created_at", "/job/created_at"),
            ("outcome", "/outcome"),
        ] {
            assert_eq!(Some(&row[column]), restore.pointer(pointer), "{column}: {row}");
        }
        assert_eq!(row["elapsed_seconds"], "600.0");
        assert_eq!(row["deliveries_pending"], restore["deliveries"]["pending"].to_string());
    }
    let mut names: Vec<_> = rows.iter().map(|row| row["job_target_index_name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert!(names.contains(&HOSTILE[0]) && names.contains(&HOSTILE[1]) && names.len() == 4, "{names:?}");
}

#[test]
fn a_user_that_may_only_read_needs_a_state_without_log() {
    if is_about_files("the log is a file") {
        return;
    }
    let other_user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    let may_run = |done: std::process::Output| done.status.success();
    let program = env!("CARGO_BIN_EXE_restore-watch");
    if !Command::new(other_user[0])
        .args(&other_user[1..])
        .args([program, "--version"])
        .output()
        .is_ok_and(may_run)
    {
        return skipped("no other user can run the program here");
    }
    let folder = Folder::new();
    let mut daemon = watched(&folder, &into(&["docs"]), &["rj-0"], "");
    let log = folder.path().join("state.db-wal");
    let logged = std::fs::read(&log).expect("a log");
    daemon.signal("TERM");
    daemon.finish().expect(0);
    let state = folder.path().join("state.db");
    for (path, mode) in [(folder.path(), 0o755), (&state, 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions");
    }
    let read = || Watch::through(&other_user, ["history", "--state-file", &state.to_string_lossy()]).run();

    assert!(read().expect(0).stdout.contains("  docs  "));
    std::fs::write(&log, logged).expect("a log");
    let refused = read().expect(74);

    refused.logged("with its log").logged("help: as a user that may write to its directory, copy it");
}

#[test]
fn a_daemon_that_does_not_answer_is_passed_by() {
    let folder = Folder::new();
    let mut daemon = watched(&folder, &into(&["docs"]), &["rj-0"], "");
    daemon.signal("TERM");
    daemon.finish().expect(0);

    let socket = folder.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
    let state = folder.path().join("state.db");
    std::fs::create_dir(folder.path().join("restore-watch")).expect("a directory");
    folder.write(
        "restore-watch/config.toml",
        format!("jobs = [\"a\"]\n[state]\npath = \"{}\"\n", state.display()),
    );
    let ask = |named: bool| {
        let socket = if named { socket.to_string_lossy() } else { "".into() };
        let asked = Watch::new(["history"]).env("XDG_CONFIG_HOME", &folder.path().to_string_lossy());
        if named { asked.env("RESTORE_WATCH_SOCKET", &socket) } else { asked }.run().expect(0)
    };

    let named = ask(true).logged("no daemon listens at ").logged("; using the state of the configuration\n");
    assert!(named.stdout.contains("  docs  "), "{}", named.stdout);
    let unnamed = ask(false);
    assert_eq!((&unnamed.stdout, &*unnamed.stderr), (&named.stdout, ""));
}
