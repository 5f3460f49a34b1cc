//! The control socket of a running daemon, through the commands that use it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::state::is_on_postgres;
use crate::support::{Folder, KEY, Running, Watch, done, play, receive, unused_address};
use crate::{Daemon, ask, status};

/// The jobs of a status by id, with the value of one field.
fn jobs(daemon: &Running, field: &str) -> Vec<(String, Value)> {
    let status = status(daemon);
    let jobs = status["jobs"].as_array().expect("jobs").iter();
    jobs.map(|job| (job["job"]["id"].as_str().expect("an id").to_owned(), job[field].clone())).collect()
}

#[test]
fn status_reports_each_job() {
    let plane = play(&format!("{}[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n", done(&[("rj-1", "failed")])));
    let receiver = receive([]);
    receiver.otherwise(restore_watch::simulate::Reply::status(503));
    let sink = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\n[[sink]]\ntype = \"log\"\n",
        receiver.url()
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2", "rj-3"]).with(&sink);
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged(" failed within ");
    daemon.until("everything is polled", |_| plane.count() > 3);
    daemon.until("deliveries are pending", |daemon| {
        jobs(daemon, "pending_deliveries").iter().map(|(_, count)| count.as_u64().unwrap()).sum::<u64>() >= 3
    });
    assert_eq!(
        jobs(&daemon, "outcome").iter().map(|(_, outcome)| outcome.as_str().unwrap()).collect::<Vec<_>>(),
        ["failed", "open", "open"]
    );
    let text = ask(&daemon, &["status"]).expect(0).stdout;
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("watching 2 restores, 1 failed; next poll in "), "{text}");
    assert!(text.contains("deliveries pending"), "{text}");
    // Among replicas, a line says which one is active.
    assert_eq!(
        lines
            .nth(1 + usize::from(is_on_postgres()))
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "),
        "JOB INDEX STATUS TIME ENDED NEXT POLL"
    );
    let row = |id: &str| text.lines().position(|line| line.contains(id)).expect("a row");
    assert!(row("rj-1") < row("rj-2") && row("rj-2") < row("rj-3"), "failed first: {text}");
    assert!(text.lines().nth(row("rj-3")).unwrap().contains("not seen yet"), "{text}");
    let one = ask(&daemon, &["status", "rj-2"]).expect(0).stdout;
    assert!(one.contains("rj-2") && !one.contains("rj-1"), "{one}");
    ask(&daemon, &["status", "rj-2", "nope"])
        .expect(3)
        .logged("does not watch nope")
        .logged("`restore-watch status --all` lists the jobs");
}

#[test]
fn status_watch_repeats_until_interrupted() {
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
fn status_watch_ends_when_its_reader_is_gone() {
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
    assert_eq!(added.stdout, "rj-1 of project one is now watched\n");
    daemon.until_logged("watching restore nightly");
    assert!(
        ask(&daemon, &["add", "rj-1", "rj-2"])
            .expect(0)
            .stdout
            .starts_with("rj-1 of project one was already watched\n")
    );
    ask(&daemon, &["add", "--project", "two", "rj-1"])
        .expect(2)
        .logged("no project `two`")
        .logged("it has: one");
    ask(&daemon, &["add", "a b"]).expect(2).logged("no spaces");

    // Killed, and started again with the same files: what was answered was committed.
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
    let send = |arguments: &[&str]| Watch::new(arguments).env("RESTORE_WATCH_SOCKET", &socket).run();
    let status = send(&["status"]).expect(0).stdout;
    assert!(status.contains("nightly (rj-1)"), "{status}");
    let forgotten = send(&["forget", "rj-1", "nope"]).expect(1).stdout;
    assert_eq!(forgotten, "rj-1 of project one is no longer watched\nnope is not watched\n");
    second.kill();
    restart().start().until_logged("watching 1 restore");
}

#[test]
fn configured_job_is_not_forgotten() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let done = ask(&daemon, &["forget", "rj-1"]).expect(1);
    assert!(done.stdout.contains("is named by the configuration file"), "{}", done.stdout);
    assert_eq!(jobs(&daemon, "configured"), [("rj-1".to_owned(), Value::Bool(true))]);
}

#[test]
fn paused_project_gets_no_requests_until_resumed() {
    let planes = ["a", "b"].map(|id| play(&format!("[[job]]\nid = \"{id}\"\ntakes = \"1h\"\n")));
    let daemon = Daemon::new("").project("one", &planes[0], &["a"]).project("two", &planes[1], &["b"]);
    let mut daemon = daemon.run(&[]).start();
    daemon.until("both are polled", |_| planes.iter().all(|plane| plane.count() > 1));
    assert_eq!(ask(&daemon, &["pause", "one"]).expect(0).stdout, "project one is paused\n");
    assert_eq!(ask(&daemon, &["pause", "one"]).expect(0).stdout, "project one was already paused\n");
    ask(&daemon, &["pause", "three"]).expect(2).logged("it has: one, two");

    // A request that was under way at the pause is answered by the time the other project is polled
    // again.
    let other = planes[1].count();
    daemon.until("a poll of the other", |_| planes[1].count() > other + 1);
    let asked = planes[0].count();
    daemon.until("ten polls of the other", |_| planes[1].count() > other + 11);
    assert_eq!(planes[0].count(), asked);
    assert!(ask(&daemon, &["status"]).expect(0).stdout.contains("; one is paused;"));
    assert_eq!(ask(&daemon, &["resume", "one"]).expect(0).stdout, "project one is polled again\n");
    daemon.until("it is polled", |_| planes[0].count() > asked);
    assert_eq!(ask(&daemon, &["resume", "one"]).expect(0).stdout, "project one was not paused\n");
}

#[test]
fn without_daemon_commands_say_how_to_start_one() {
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
        drop(UnixListener::bind(&stale).unwrap());
        let mut words = command.to_vec();
        let stale = stale.to_string_lossy();
        words.extend(["--socket", &stale]);
        Watch::new(words).run().expect(5).logged("no daemon listens at ").logged("--socket");
    }
}

#[test]
fn socket_is_private_and_replaces_a_stale_one() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]);
    let path = daemon.folder.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    daemon.signal("TERM");
    daemon.until("the socket goes", |_| !path.exists());
    daemon.finish().expect(0);
}

#[test]
fn second_daemon_does_not_disturb_the_socket_of_the_first() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let daemon = || Daemon::new("").project("one", &plane, &["rj-1"]);
    let first = daemon();
    let path = first.folder.path().join("control.sock");
    let mut first = first.run(&[]).start();
    first.until_logged("watching restore rj-1");

    // A socket that is asked for is needed.
    daemon()
        .run(&["--socket", &path.to_string_lossy()])
        .run()
        .expect(74)
        .logged("another process listens at the control socket")
        .logged("--socket");
    status(&first);

    // One at the usual place is not: the watch goes on without it.
    let directory = path.parent().unwrap().to_string_lossy().into_owned();
    let mut second = daemon().run(&[]).env("RUNTIME_DIRECTORY", &directory).start();
    second.until_logged("going on without a control socket: another process listens");
    second.until_logged("watching restore rj-1");
    second.kill();
    status(&first);
}

#[test]
fn file_at_the_place_of_the_socket_is_kept() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let folder = Folder::new();
    let file = folder.write("file", "");

    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&["--socket", &file]);

    daemon.run().expect(78).logged("is no socket");
    assert!(std::path::Path::new(&file).exists());
}

#[test]
fn other_user_is_refused() {
    if !is_root() {
        eprintln!("SKIPPED: only root can be another user");
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let folder = daemon.folder().path();
    let socket = folder.join("control.sock");
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let as_other = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let program = folder.join("restore-watch");
    std::fs::copy(env!("CARGO_BIN_EXE_restore-watch"), &program).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(as_other[0]);
        command.args(&as_other[1..]).arg(&program).arg("status").args(arguments).arg("--socket").arg(&socket);
        command.output().unwrap()
    };
    let ask = || {
        let output = run(&[]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let probe = run(&["--check"]);
    assert_eq!(probe.status.code(), Some(5), "a probe knows 0, 1 and 5");
    let line = String::from_utf8_lossy(&probe.stdout);
    assert!(line.starts_with("down: this user may not speak to the daemon at "), "{line}");
    let (code, text) = ask();
    assert_eq!(code, Some(4), "{text}");
    assert!(text.contains("this user may not speak to the daemon") && text.contains("sudo"), "{text}");

    // Without the permissions, the daemon itself refuses the user.
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666)).unwrap();
    let (code, text) = ask();
    assert_eq!(code, Some(5), "{text}");
    daemon.until_logged("the user 65534 was refused at the control socket");
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[test]
fn malformed_requests_are_answered_and_watching_goes_on() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let socket = daemon.folder().path().join("control.sock");
    let send = |request: &str| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // The daemon does not read a body beyond its bound.
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
        // The answer to what is not HTTP has no body.
        assert!(body.is_none_or(|body| body.starts_with("{\"error\":")), "{answer}");
    }

    // Idle connections do not delay others.
    let _idle: Vec<_> = (0..100).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert_eq!(status(&daemon)["jobs"][0]["job"]["id"], "rj-1");
    let polls = plane.count();
    daemon.until("a further poll", |_| plane.count() > polls);
}

#[test]
fn status_reports_refused_key_and_unreachable_api() {
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
