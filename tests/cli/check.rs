//! `restore-watch check`

mod database;

use crate::support::{Done, Folder, KEY, Watch, done, fast, play, unused_address};

#[test]
fn shipped_configuration_is_valid_and_explained() {
    let done = Watch::new(["check", "--config", &shipped("restore-watch.toml")]).run().expect(0);
    assert_eq!(done.stderr.matches("warning: ").count(), 1, "{}", done.stderr);
    assert!(done.stderr.contains("warning: no sink reaches a person"), "{}", done.stderr);
    for line in [
        "restore-watch.toml is valid",
        "project default",
        "  endpoint  https://api.pinecone.io, API version 2026-04",
        "  API key   from environment variable PINECONE_API_KEY",
        "    9857add2-99d4-4399-870e-aa7f15d8d326",
        "sink log",
        "state\n  kept in   /",
        "  kept for  30d after the end of a job\n",
    ] {
        assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
    }
}

#[test]
fn slowness_and_discovery_are_explained() {
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        "discover = { indexes = [\"prod-*\", \"docs\"], exclude = [\"*-scratch\"] }\njobs = [\"a\"]\n\
         [cadence]\neffort = \"eager\"\n[watch]\nslow_after = \"2h\"\n\
         [[project]]\nname = \"x\"\ndiscover = true\nwatch.slow_after = \"p99.9\"\n",
    );

    let shown = Watch::new(["check", "--config", &config]).run().expect(0).stdout;
    for line in [
        "  polls     1s to 1m apart, effort eager\n",
        "  emits     not found after 1m, unauthorized after 5s, unreachable after 10m, slow after 2h\n",
        "  jobs      1, and all that are found unfinished into indexes prod-*, docs, except into *-scratch\n",
        "unreachable after 10m, slow once longer than 99.9 % of the past restores (at least 20)\n",
        "  jobs      0, and all that are found unfinished\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn no_secret_is_read_or_shown() {
    let folder = Folder::new();
    folder.write("key", "pcsk_canary");
    let config = folder.write(
        "config.toml",
        "[[project]]\nname = \"p\"\njobs = [\"a\"]\napi_key = { file = \"key\" }\n\
         [[sink]]\ntype = \"webhook\"\nurl = \"https://user:canary@hooks.example/canary?canary\"\n",
    );

    let done =
        Watch::new(["check", "--config", &config]).env("PINECONE_API_KEY", "pcsk_canary").run().expect(0);
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    assert!(done.stdout.contains("webhook to https://hooks.example\n"), "{}", done.stdout);

    // `check` needs no key: another user may run the daemon.
    std::fs::remove_file(folder.path().join("key")).unwrap();
    Watch::new(["check", "--config", &config]).run().expect(0);
}

#[test]
fn webhooks_and_the_state_are_explained() {
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        "jobs = [\"a\"]\n[state]\npath = \"/srv/watch.db\"\nkeep = \"90d\"\n\
         [[sink]]\ntype = \"webhook\"\nurl = \"https://hooks.example\"\n\
         [[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = { env = \"OPS\" }\nformat = \"cloudevents\"\n\
         block_private = true\nretry_schedule = [\"5s\", \"90s\"]\n\
         signing_secret = [{ credential = \"new\" }, { env = \"OLD\" }]\n",
    );

    let done = Watch::new(["check", "--config", &config]).env("OLD", "whsec_canary").run().expect(0);
    let (meaning, next) = done.stdout.split_once("\n\nNext:\n").unwrap();
    assert_eq!(
        next,
        format!("  restore-watch check --online --config {config}\n  restore-watch run --config {config}\n")
    );
    let (_, sinks) = meaning.split_once("\nsink webhook\n").unwrap();
    assert_eq!(
        sinks,
        "  webhook to https://hooks.example\n  receives  every event\n  format    standard\n  signed    no\n  \
         reaches   private addresses too\n\nsink ops\n  webhook, address from environment variable OPS\n  \
         receives  every event\n  format    cloudevents\n  signed    with 2 secrets, from credential new, \
         environment variable OLD\n  reaches   public addresses only\n  retries   after 5s, 1m30s\n\nsink log\n  log on standard error, for people\n  \
         receives  every event\n\nroutes\n  events    every event\n  go to     webhook, ops, log\n\nstate\n  \
         kept in   /srv/watch.db\n  kept for  90d after the end of a job\n  history   730d after the end of a restore",
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        "jbos = [\"a\"]\n[[sink]]\ntype = \"webhook\"\nurl = \"ftp://x\"\nevents = [\"restore_job.complete\"]\n[heartbeat]\ninterval = 5\n",
    );

    let done = Watch::new(["check", "--config", &config]).run().expect(78);
    assert_eq!(done.stdout, "");
    for (place, what) in [
        ("config.toml:1:1\n", "did you mean `jobs`?"),
        ("config.toml:4:7\n", "`url`"),
        ("config.toml:5:11\n", "did you mean \"restore_job.completed\"?"),
        ("config.toml:6:1\n", "a heartbeat without a url"),
        ("config.toml:7:12\n", "`interval`"),
    ] {
        assert!(done.stderr.contains(place) && done.stderr.contains(what), "{place} {what}: {}", done.stderr);
    }
    assert!(done.stderr.matches('^').count() >= 4, "{}", done.stderr);
}

#[test]
fn missing_file_is_an_error() {
    Watch::new(["check", "--config", "/nonexistent"]).run().expect(78).logged("does not exist");
    let unset = Watch::new(["check"]).env("XDG_CONFIG_HOME", "/nonexistent").run();
    assert!(unset.code == Some(78) || std::path::Path::new("/etc/restore-watch/config.toml").exists());
}

#[test]
fn paths_are_shown_without_control_characters() {
    let folder = Folder::new();
    let config = folder.write(
        "con\u{202e}fig.toml",
        "jobs = [\"a\"]\n[api]\nca_file = \"ca\\u001b[2J\\n.pem\"\n[state]\npath = \"/st\\u0007ate.db\"\n",
    );

    let done = Watch::new(["check", "--config", &config]).run().expect(0);
    for shown in ["con\u{fffd}fig.toml is valid", "ca\u{fffd}[2J\u{fffd}.pem too\n", "/st\u{fffd}ate.db\n"] {
        assert!(done.stdout.contains(shown), "{shown}: {:?}", done.stdout);
    }

    // A file that cannot be read is named, too.
    let done = Watch::new(["wait", "--config", &config]).env("PINECONE_API_KEY", KEY).run().expect(78);
    assert!(done.stderr.contains("ca\u{fffd}[2J\u{fffd}.pem"), "{:?}", done.stderr);
}

#[test]
fn paths_are_absolute() {
    let folder = Folder::new();
    folder.write(
        "config.toml",
        "[state]\npath = \"state/a.db\"\n[[project]]\nname = \"p\"\njobs = [\"a\"]\napi_key = { file = \"key\" }\n",
    );

    let shown = Watch::new(["check", "--config", "config.toml"]).within(folder.path()).run().expect(0).stdout;

    let root = folder.path().display();
    for path in [
        format!("{root}/config.toml is valid"),
        format!("from file {root}/key"),
        format!("{root}/state/a.db"),
    ] {
        assert!(shown.contains(&path), "{path}: {shown}");
    }
}

#[test]
fn warnings_are_printed_and_change_no_exit_code() {
    let folder = Folder::new();
    let text = "jobs = [\"a\"]\n[[project]]\nname = \"p2 \"\njobs = [\"b\"]\n\
                [[sink]]\ntype = \"webhook\"\nurl = \"https://hooks.slack.com/services/canary\"\n";
    let config = folder.write("config.toml", text);

    let done = Watch::new(["check", "--config", &config]).run().expect(0);

    for (place, warning) in [
        ("config.toml:3:8\n", "warning: the name `p2 ` begins or ends with white space"),
        ("config.toml:3:8\n", "warning: the project `p2 ` has no `api_key`, so it uses $PINECONE_API_KEY"),
        (
            "config.toml:7:7\n",
            "warning: the sink `webhook` sends format \"standard\" to a host that takes format \"slack\"",
        ),
    ] {
        assert!(done.stderr.contains(warning) && done.stderr.contains(place), "{}", done.stderr);
    }
    assert!(!done.stderr.contains("canary") && done.stdout.contains("\nNext:\n"), "{}", done.stderr);
}

#[test]
fn every_secret_is_read_and_none_is_shown() {
    let folder = Folder::new();
    folder.write("key", "pcsk_canary");
    folder.write("slack-url", "https://hooks.slack.com/services/canary");
    folder.write("empty", "\n");
    folder.write("bad-secret", "whsec_canary");
    let sink = |name: &str, url: &str, more: &str| {
        format!("[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = {{ {url} }}\n{more}\n")
    };
    let good = "[[project]]\nname = \"p\"\njobs = [\"a\"]\napi_key = { file = \"key\" }\n";
    let text = [good, &sink("ops", "file = \"slack-url\"", "")].concat();

    let done = check(&folder, &text, &["--secrets"]).expect(0);
    for line in [
        format!("  ok      project p: API key from file {}/key\n", folder.path().display()),
        format!("  ok      sink ops: address from file {}/slack-url\n", folder.path().display()),
    ] {
        assert!(done.stdout.contains(&line), "{line}: {}", done.stdout);
    }
    done.logged("sends format \"standard\" to a host that takes format \"slack\"");

    let bad = [
        "[[project]]\nname = \"q\"\njobs = [\"a\"]\napi_key = { env = \"NOT_SET\" }\n",
        &sink(
            "none",
            "file = \"missing\"",
            "signing_secret = [{ file = \"bad-secret\" }, { credential = \"new\" }]",
        ),
        "[heartbeat]\nurl = { file = \"empty\" }\n",
    ];
    let done = check(&folder, &(text + &bad.concat()), &["--secrets"]).expect(78);
    assert_eq!(done.stdout.matches("\n  failed  ").count(), 5, "{}", done.stdout);
    for said in [
        "error: project q: API key: the environment variable NOT_SET is not set\n  help: set it",
        "error: sink none: address: cannot read ",
        "help: write the secret into this file",
        "error: sink none: signing secret: the signing secret from file ",
        "error: sink none: signing secret: the credential new cannot be read",
        "error: heartbeat: address: ",
        "sudo env CREDENTIALS_DIRECTORY=/etc/restore-watch restore-watch check --secrets --config ",
    ] {
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
    }
}

#[test]
fn each_project_and_job_is_asked_for_once() {
    let folder = Folder::new();
    let plane = play(&done_jobs());
    let text = format!("jobs = [\"rj-1\", {{ id = \"rj-2\", name = \"nightly\" }}]\n{}{LOG}", fast(&plane));

    let done = online(&folder, &text, KEY).expect(0);
    for line in [
        "  ok      project default: rj-1: Completed\n",
        "rj-2 (nightly): Failed\n",
        "\nNext:\n  restore-watch run ",
    ] {
        assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
    }
    assert_eq!(plane.count(), 2);

    let done = online(&folder, &format!("discover = true\n{}{LOG}", fast(&plane)), KEY).expect(0);
    assert!(
        done.stdout.contains("  ok      project default: the list of http://127.0.0.1:"),
        "{}",
        done.stdout
    );
    assert_eq!(plane.count(), 3);
}

#[test]
fn what_the_api_answers_decides_the_exit_code() {
    let folder = Folder::new();
    let plane = play(&done_jobs());
    let jobs = |ids: &str, tables: &str| format!("jobs = [{ids}]\n{tables}{LOG}");

    let done = online(&folder, &jobs("\"rj-1\", \"typo\", \"rj-2\"", &fast(&plane)), KEY).expect(3);
    assert_eq!(done.stdout.matches("  ok      project default: rj-").count(), 2, "{}", done.stdout);
    done.logged("error: project default: typo: not found: HTTP 404")
        .logged("restore-watch list --config ")
        .logged(" --project default");

    let refusing = play("api_key = \"another\"\n[[job]]\nid = \"rj-1\"");
    let done = online(&folder, &jobs("\"rj-1\", \"rj-2\"", &fast(&refusing)), KEY).expect(4);
    done.logged(
        "error: project default: the API refuses the key from environment variable PINECONE_API_KEY: HTTP 401",
    )
    .logged("is the key complete, of this project, and not revoked?");
    assert_eq!(refusing.count(), 1, "one refusal is enough");

    let silent = format!("[api]\nendpoint = \"http://{}\"\n", unused_address());
    online(&folder, &jobs("\"rj-1\"", &silent), KEY)
        .expect(5)
        .logged("gives no usable answer")
        .logged("is a server running at this port? The address is set by `endpoint` in the configuration");

    // A key that cannot be read prevents no check of the others.
    let second = "[[project]]\nname = \"p\"\njobs = [\"a\"]\napi_key = { env = \"NOT_SET\" }\n";
    let done = online(&folder, &jobs("\"rj-1\"", &(fast(&plane) + second)), KEY).expect(78);
    assert!(done.stdout.contains("  ok      project default: rj-1: Completed\n"), "{}", done.stdout);
}

#[test]
fn endpoint_with_a_path_is_said_once_and_without_it() {
    let folder = Folder::new();
    let plane = play(&done_jobs());
    let (jobs, api) =
        ("jobs = [\"rj-1\", \"rj-2\"]\n", format!("[api]\nendpoint = \"{}/canary\"\n", plane.url()));

    for text in [format!("{jobs}{api}{LOG}"), format!("discover = true\n{api}{LOG}")] {
        let done = online(&folder, &text, KEY).expect(5);
        assert_eq!(done.stderr.matches("gives no usable answer: HTTP 404").count(), 1, "{}", done.stderr);
        let (_, online) = done.stdout.split_once("\nonline\n").expect("a section");
        assert!(!format!("{online}{}", done.stderr).contains("canary"), "{online}{}", done.stderr);
        done.logged(&format!("the address must have no path: write endpoint = \"{}\" in", plane.url()));
    }
}

#[test]
fn low_rate_leaves_jobs_out_and_is_no_failure() {
    let folder = Folder::new();
    let plane = play(&done_jobs());
    let api = format!("[api]\nendpoint = \"{}\"\nrequests_per_second = 0.01\nburst = 1\n", plane.url());

    for (watched, asked, left_out) in [
        ("jobs = [\"rj-1\", \"rj-2\"]\n", "rj-1: Completed\n", "1 more job is not asked for: "),
        ("jobs = [\"rj-1\", \"rj-2\"]\ndiscover = true\n", "the list of ", "2 more jobs are not asked for: "),
    ] {
        let before = plane.count();
        let done = online(&folder, &format!("{watched}{api}{LOG}"), KEY).expect(0);
        for said in [asked, left_out, "`requests_per_second` permits only these"] {
            assert!(done.stdout.contains(said), "{said}: {}", done.stdout);
        }
        assert_eq!(plane.count() - before, 1);
    }
}

/// A sink that leaves no reason for a warning.
const LOG: &str = "[[sink]]\ntype = \"log\"\n";

fn done_jobs() -> String {
    done(&[("rj-1", "completed"), ("rj-2", "failed")])
}

fn check(folder: &Folder, text: &str, options: &[&str]) -> Done {
    let config = folder.write("config.toml", text);
    let arguments = ["check", "--config", &config].into_iter().chain(options.iter().copied());
    let done = Watch::new(arguments).env("PINECONE_API_KEY", KEY).run();
    assert!(!format!("{}{}", done.stdout, done.stderr).contains("canary"), "{}{}", done.stdout, done.stderr);
    done
}

fn online(folder: &Folder, text: &str, key: &str) -> Done {
    let config = folder.write("config.toml", text);
    Watch::new(["check", "--online", "--config", &config]).env("PINECONE_API_KEY", key).run()
}

/// A file shipped with the program.
fn shipped(path: &str) -> String {
    format!("{}/config/{path}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn routes_are_shown_and_ends_that_only_the_log_gets_are_a_warning() {
    let folder = Folder::new();
    let project = |name: &str| {
        format!("[[project]]\nname = \"{name}\"\napi_key = {{ env = \"K\" }}\ndiscover = true\n")
    };
    let config = folder.write(
        "config.toml",
        project("prod eu")
            + &project("staging")
            + "[[sink]]\ntype = \"webhook\"\nname = \"pager\"\nurl = \"https://pager.example\"\n\
               projects = [\"prod*\"]\nexclude_indexes = [\"*-scratch\"]\n",
    );

    let done = Watch::new(["check", "--config", &config]).run().expect(0);

    for text in [
        "\n  receives  every event\n  projects  prod*\n  except    *-scratch\n",
        "\nroutes\n  projects  prod eu\n  events    project.*\n  go to     pager, log\n  events    every other event\n  \
         go to     pager (except *-scratch), log\n",
        "\nroutes\n  projects  staging\n  events    every event\n  go to     log\n",
    ] {
        assert!(done.stdout.contains(text), "{text}: {}", done.stdout);
    }
    for warning in [
        "warning: no sink beside the log gets these events of the project `prod eu`, for restores into *-scratch: \
         restore_job.completed, ",
        "warning: no sink beside the log gets these events of the project `staging`: restore_job.completed, ",
    ] {
        assert!(done.stderr.contains(warning), "{warning}: {}", done.stderr);
    }
    assert_eq!(done.stderr.matches("warning: ").count(), 2, "{}", done.stderr);
}

#[test]
#[cfg(not(feature = "desktop"))]
fn desktop_takes_a_program_with_the_feature() {
    let folder = Folder::new();

    let done = check(&folder, "jobs = []\n[[sink]]\ntype = \"desktop\"\nevnts = []\n", &[]).expect(78);

    for said in [
        "`type` cannot be `desktop`: this restore-watch was built without desktop notifications",
        ":3:8\n",
        "unknown key `evnts`",
        "2 problems",
    ] {
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
    }
}
