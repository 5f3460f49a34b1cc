//! Commands to a running daemon through its control socket.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Folder, KEY, Running, Watch, done, play, receive, unused_address};
use crate::{Daemon, ask, status};

#[test]
fn status_shows_the_outcome_of_each_job() {
    let plane = play(&format!("{}[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n", done(&[("rj-1", "failed")])));
    let receiver = receive([]);
    receiver.otherwise(restore_watch::simulate::Reply::status(503));
    let sink = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\n[[sink]]\ntype = \"log\"\n",
        receiver.url()
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2", "rj-3"]).with(&sink);

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged(" failed after ");
    daemon.until("everything is polled", |_| plane.count() > 3);
    daemon.until("pending deliveries", |daemon| {
        jobs(daemon, "pending_deliveries").iter().map(|(_, pending)| pending.as_u64().unwrap()).sum::<u64>()
            >= 3
    });

    assert_eq!(
        jobs(&daemon, "outcome").iter().map(|(_, how)| how.as_str().unwrap()).collect::<Vec<_>>(),
        ["failed", "open", "open"]
    );
    let text = ask(&daemon, &["status"]).expect(0).stdout;

    let mut lines = text.lines();
    assert!(
        lines.next().unwrap().starts_with("watching 2 restores in 1 project, 1 ended; next poll in "),
        "{text}"
    );
    assert!(text.contains("deliveries pending"), "{text}");
    assert_eq!(
        lines.nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
        "JOB PROJECT INDEX STATUS AGE LAST ANSWER NEXT POLL PENDING"
    );

    let third = text.lines().find(|line| line.starts_with("rj-3")).unwrap();
    assert!(third.contains(" - ") && third.contains("never"), "{third}");

    let one = ask(&daemon, &["status", "rj-2"]).expect(0).stdout;
    assert!(one.contains("rj-2") && !one.contains("rj-1"), "{one}");

    ask(&daemon, &["status", "rj-2", "nope"])
        .expect(3)
        .logged("does not watch nope")
        .logged("restore-watch add");
}

#[test]
fn status_watch_runs_until_it_is_interrupted() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let socket = daemon.folder().path().join("control.sock");
    let mut watch = Watch::new(["status", "--watch=100ms", "--output", "json"])
        .env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy())
        .start();
    watch.until("three lines", |watch| watch.stdout().lines().count() >= 3);
    watch.signal("INT");
    assert!(watch.finish().expect(0).json_lines().iter().all(|line| line["jobs"][0]["job"]["id"] == "rj-1"));
}

#[test]
fn status_watch_ends_when_its_reader_is_closed() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let socket = daemon.folder().path().join("control.sock");
    let watch =
        Watch::new(["status", "--watch=100ms"]).env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy());
    watch.unread().run().expect(0);
}

#[test]
fn added_jobs_survive_restarts_until_forgotten() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &[]).run(&[]).start();
    daemon.until_logged("watching 0 restores");
    let added = ask(&daemon, &["add", "rj-1", "--name", "nightly", "--deadline", "3h"]).expect(0);

    assert_eq!(added.stdout, "rj-1 of project one is watched from now on\n");
    daemon.until_logged("watching restore nightly");

    assert!(
        ask(&daemon, &["add", "rj-1", "rj-2"])
            .expect(0)
            .stdout
            .starts_with("rj-1 of project one was watched already\n")
    );
    ask(&daemon, &["add", "--project", "two", "rj-1"])
        .expect(2)
        .logged("no project `two`")
        .logged("it has: one");
    ask(&daemon, &["add", "a b"]).expect(2).logged("no spaces");

    // Killed and started again on the same files: an answered command was committed.
    let config = daemon.folder().path().join("config.toml");
    let state = daemon.folder().path().join("state");
    let restart = || {
        Watch::new(["run", "--config", &config.to_string_lossy()])
            .env("KEY", KEY)
            .env("STATE_DIRECTORY", &state.to_string_lossy())
            .env("RUNTIME_DIRECTORY", &state.to_string_lossy())
    };
    let kill = std::process::Command::new("kill").args(["-9", &daemon.id().to_string()]).status().unwrap();

    assert!(kill.success() && daemon.ends_within(Duration::from_secs(10)));
    let mut second = restart().start();
    second.until_logged("watching 2 restores");

    let socket = state.join("control.sock").to_string_lossy().into_owned();
    let run = |arguments: &[&str]| Watch::new(arguments).env("RESTORE_WATCH_SOCKET", &socket).run();

    let status = run(&["status"]).expect(0).stdout;
    assert!(status.contains("nightly (rj-1)"), "{status}");

    let forgotten = run(&["forget", "rj-1", "nope"]).expect(1).stdout;
    assert_eq!(forgotten, "rj-1 of project one is watched no more\nnope is not watched\n");

    second.kill();
    restart().start().until_logged("watching 1 restore");
}

#[test]
fn configured_job_cannot_be_forgotten() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let done = ask(&daemon, &["forget", "rj-1"]).expect(1);
    assert!(done.stdout.contains("is named by the configuration file"), "{}", done.stdout);
    assert_eq!(jobs(&daemon, "listed"), [("rj-1".to_owned(), Value::Bool(true))]);
}

#[test]
fn paused_project_is_not_polled_until_resumed() {
    let planes = ["a", "b"].map(|id| play(&format!("[[job]]\nid = \"{id}\"\ntakes = \"1h\"\n")));
    let daemon = Daemon::new("").project("one", &planes[0], &["a"]).project("two", &planes[1], &["b"]);

    let mut daemon = daemon.run(&[]).start();
    daemon.until("both are polled", |_| planes.iter().all(|plane| plane.count() > 1));

    assert_eq!(ask(&daemon, &["pause", "one"]).expect(0).stdout, "one is paused\n");
    assert_eq!(ask(&daemon, &["pause", "one"]).expect(0).stdout, "one was paused already\n");

    ask(&daemon, &["pause", "three"]).expect(2).logged("it has: one, two");
    // A poll in flight at the pause has been answered once the other project was polled again.
    let other = planes[1].count();
    daemon.until("a poll of the other", |_| planes[1].count() > other + 1);

    let asked = planes[0].count();
    daemon.until("ten polls of the other", |_| planes[1].count() > other + 11);

    assert_eq!(planes[0].count(), asked);
    assert!(ask(&daemon, &["status"]).expect(0).stdout.contains("; one is paused;"));
    assert_eq!(ask(&daemon, &["resume", "one"]).expect(0).stdout, "one is watched again\n");

    daemon.until("it is polled", |_| planes[0].count() > asked);
    assert_eq!(ask(&daemon, &["resume", "one"]).expect(0).stdout, "one was not paused\n");
}

#[test]
fn control_commands_without_a_daemon_say_how_to_start_it() {
    let folder = Folder::new();
    let directory = folder.path().to_string_lossy().into_owned();
    let commands: [&[&str]; 6] =
        [&["status"], &["add", "x"], &["forget", "x"], &["reload"], &["pause", "x"], &["resume", "x"]];

    for command in commands {
        Watch::new(command)
            .env("XDG_RUNTIME_DIR", &directory)
            .run()
            .expect(5)
            .logged("no daemon is running")
            .logged("restore-watch run --config FILE");
        let stale = folder.path().join("stale.sock");
        drop(std::fs::remove_file(&stale));
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        let mut words = command.to_vec();
        let stale = stale.to_string_lossy();
        words.extend(["--socket", &stale]);
        Watch::new(words).run().expect(5).logged("no daemon listens at ").logged("--socket");
    }
}

#[test]
fn socket_is_private_and_a_stale_one_is_replaced() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]);
    let path = daemon.folder.path().join("control.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching restore rj-1");

    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    // A second daemon with an explicit `--socket` at the same path is refused.
    let second = || Daemon::new("").project("one", &plane, &["rj-1"]);
    second()
        .run(&["--socket", &path.to_string_lossy()])
        .run()
        .expect(74)
        .logged("another process listens at the control socket")
        .logged("--socket");

    status(&daemon);
    // Without `--socket` the daemon goes on without a control socket.
    let directory = path.parent().unwrap().to_string_lossy().into_owned();
    let mut third = second().run(&[]).env("RUNTIME_DIRECTORY", &directory).start();
    third.until_logged("going on without a control socket: another process listens");
    third.until_logged("watching restore rj-1");
    third.kill();

    status(&daemon);
    daemon.signal("TERM");
    daemon.until("the socket goes", |_| !path.exists());
    daemon.finish().expect(0);

    let folder = Folder::new();
    let file = folder.write("file", "");
    let refused = Daemon::new("").project("one", &plane, &["rj-1"]).run(&["--socket", &file]);
    refused.run().expect(78).logged("is no socket");

    assert!(std::path::Path::new(&file).exists());
}

#[test]
fn other_users_are_refused_at_the_socket() {
    if !rustix_is_root() {
        eprintln!("SKIPPED: only root can be another user");
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");

    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");

    let folder = daemon.folder().path();
    let socket = folder.join("control.sock");
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let program = folder.join("restore-watch");
    std::fs::copy(env!("CARGO_BIN_EXE_restore-watch"), &program).unwrap();
    let ask = || {
        let mut command = std::process::Command::new(as_nobody[0]);
        command.args(&as_nobody[1..]).arg(&program).args(["status", "--socket"]).arg(&socket);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = ask();

    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("this user may not speak to the daemon") && text.contains("sudo"), "{text}");

    // Without the file permissions the peer's user id is still checked.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let (code, text) = ask();

    assert_eq!(code, Some(5), "{text}");
    daemon.until_logged("the user 65534 was refused at the control socket");
}

#[test]
fn bad_control_requests_are_answered_and_harmless() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");

    let socket = daemon.folder().path().join("control.sock");
    let send = |request: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // An oversized request is not read to its end.
        drop(stream.write_all(request.as_bytes()));
        let mut answer = String::new();
        drop(stream.read_to_string(&mut answer));
        answer
    };
    let post = |path: &str, body: &str| {
        send(&format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ))
    };

    for (answer, status) in [
        (send("GET /v2/status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), "404"),
        (send("GET /v1/reload HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"), "405"),
        (send("nonsense\r\n\r\n"), "400"),
        (post("/v1/jobs", "{"), "400"),
        (post("/v1/jobs", "{\"jobs\": [{\"id\": \"\"}]}"), "400"),
        (post("/v1/jobs", "{\"jobs\": [{\"id\": \"a\", \"deadline_seconds\": -1}]}"), "400"),
        (post("/v1/jobs", "{\"jobs\": [{\"id\": \"a\", \"deadline_seconds\": 0}]}"), "400"),
        (post("/v1/jobs", "{\"jobs\": [{\"id\": \"a\", \"deadline_seconds\": 1e19}]}"), "400"),
        (post("/v1/jobs", "{\"jobs\": [{\"id\": \"a\", \"name\": \"red\\u001b[31m\"}]}"), "400"),
        (post("/v1/jobs", "{\"jobs\": [], \"jbos\": 1}"), "400"),
        (post("/v1/jobs", &"x".repeat(2 << 20)), "4"),
        (post("/v1/projects/nope/pause", ""), "404"),
        (post("/v1/projects/%ff/resume", ""), "400"),
    ] {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).filter(|body| !body.is_empty());
        // The answer to a request that is no HTTP has no body.
        assert!(body.is_none_or(|body| body.starts_with("{\"error\":")), "{answer}");
    }
    // Idle connections hold up no request.
    let _idle: Vec<_> = (0..100).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert_eq!(status(&daemon)["jobs"][0]["job"]["id"], "rj-1");

    let polls = plane.count();
    daemon.until("a further poll", |_| plane.count() > polls);
}

#[test]
fn refused_key_and_unreachable_api_are_reported() {
    let refused = play("[[job]]\nid = \"a\"\n[[fault]]\nkind = \"status\"\nstatus = 401");
    let nowhere = unused_address();
    let daemon = Daemon::new("").project("one", &refused, &["a"]).with(&format!(
        "[[project]]\nname = \"two\"\napi_key = {{ env = \"KEY\" }}\njobs = [\"b\"]\n\
         [project.api]\nendpoint = \"http://{nowhere}\"\n[project.watch]\nunreachable_after = \"0s\"\n"
    ));

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 2 restores");
    daemon.until("the refusal is known", |daemon| status(daemon)["projects"][0]["refused"].is_string());
    daemon.until("the outage is known", |daemon| status(daemon)["jobs"][1]["outcome"] == "unreachable");
    let text = ask(&daemon, &["status"]).expect(0).stdout;

    assert!(text.contains("1 unreachable; the key of one is refused"), "{text}");
    assert!(text.contains("trouble: the key of the project one is refused"), "{text}");
    assert!(text.contains("key refused") && text.contains("unreachable"), "{text}");

    drop(ask(&daemon, &["pause", "one"]).expect(0));
    let text = ask(&daemon, &["status"]).expect(0).stdout;

    assert!(text.contains("trouble: the API of the project two cannot be reached"), "{text}");
}

/// One field of each job of the status, by job id.
fn jobs(daemon: &Running, show: &str) -> Vec<(String, Value)> {
    let status = status(daemon);
    let jobs = status["jobs"].as_array().expect("jobs").iter();
    jobs.map(|job| (job["job"]["id"].as_str().expect("an id").to_owned(), job[show].clone())).collect()
}

fn rustix_is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}
