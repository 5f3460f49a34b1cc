//! `restore-watch deliveries`, beside a daemon and without one.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::Path;

use restore_watch::simulate::{Receiver, Reply};
use serde_json::Value;

use crate::support::state::is_on_postgres;
use crate::support::{Done, Folder, Watch, done, play, receive};
use crate::{Daemon, ask};

#[test]
fn dead_letter_is_listed_and_sent_again_by_a_running_daemon() {
    let (folder, receiver) = (Folder::new(), receive([Reply::status(500), Reply::status(503)]));
    let mut daemon = daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&[]).start();
    daemon.until_logged(
        " (rj-1) after attempt 2 of 2: HTTP 503; to send it again: restore-watch deliveries retry ",
    );
    daemon.until("a dead letter", |_| states(&folder) == ["dead"]);
    let row = rows(&folder, &[]).remove(0);
    for (key, value) in [("sink", "ops"), ("restore_job_id", "rj-1"), ("type", "restore_job.completed")] {
        assert_eq!(row[key], value);
    }
    assert_eq!(row["attempts"], 2);
    let id = row["id"].as_str().expect("an id");
    let table = deliveries(&folder, &[]).expect(0).stdout;
    let prefix = id.get(..8).expect("a UUID");
    assert!(table.starts_with("ID  ") && table.contains(prefix) && table.contains("HTTP 503"), "{table}");

    // The command in the log works as it stands.
    let logged = daemon.stderr();
    let (_, command) = logged.split_once("; to send it again: restore-watch ").expect("a command");
    let words: Vec<_> = command.lines().next().expect("a line").split(' ').collect();
    assert!(words.contains(&id), "{words:?}");
    let mut retry = Watch::new(words);
    if is_on_postgres() {
        // It names no file; the daemon, which is asked, says which database it is.
        let socket = daemon.folder().path().join("control.sock");
        retry = retry.env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy());
    }
    let printed = retry.run().expect(0).stdout;
    let by = if is_on_postgres() {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
        format!("replica {}", host.trim_end())
    } else {
        format!("process {}", daemon.id())
    };
    assert_eq!(
        printed,
        format!("deliveries to retry: 1; the running daemon ({by}) retries within seconds\n")
    );
    daemon.until("a third attempt", |_| receiver.count() == 3);
    daemon.until("the delivered state", |_| states(&folder) == ["delivered"]);
    let posts = receiver.received();
    assert!(posts.iter().all(|post| post.header("webhook-id") == Some(id) && post.body == posts[0].body));
    assert_eq!(deliveries(&folder, &[]).expect(0).stdout, "no such deliveries\n");

    for change in ["retry", "drop"] {
        deliveries(&folder, &[change, id]).expect(1).logged(" was delivered at ");
    }
    assert_eq!(deliveries(&folder, &["retry", "--dead"]).expect(0).stdout, "no deliveries to retry\n");
    daemon.signal("TERM");
    daemon.finish().expect(0);
    assert_eq!(receiver.count(), 3);
}

#[test]
fn change_without_a_daemon_is_made_by_the_next_one() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(500));
    let jobs = [("rj-1", "completed"), ("rj-2", "completed"), ("rj-3", "completed")];
    daemon(&folder, &receiver, &jobs).run(&["--exit-when-done"]).run().expect(0);
    assert_eq!((states(&folder), receiver.count()), (vec!["dead".to_owned(); 3], 6));
    assert_eq!(rows(&folder, &["--limit", "2"]).len(), 2);
    deliveries(&folder, &["--limit", "2"]).expect(0).logged("there are older deliveries");
    assert_eq!(rows(&folder, &["--state", "pending", "--state", "dropped"]), Vec::<Value>::new());

    let dropped = deliveries(&folder, &["drop", "--dead", "--job", "rj-2"]).expect(0).stdout;
    assert_eq!(dropped, "deliveries dropped: 1\n");
    let printed = deliveries(&folder, &["retry", "--all", "--sink", "ops"]).expect(0).stdout;
    assert_eq!(printed, "deliveries to retry: 2; no daemon runs: the next one retries at its start\n");
    receiver.otherwise(Reply::status(200));
    daemon(&folder, &receiver, &jobs).run(&["--exit-when-done"]).run().expect(0);
    assert_eq!(receiver.count(), 8);
    let of_second = rows(&folder, &["--all", "--job", "rj-2"]);
    assert_eq!(
        (&of_second[0]["state"], &of_second[0]["last_error"]),
        (&"dropped".into(), &"dropped by hand".into())
    );
}

#[test]
fn pending_delivery_is_dropped_under_a_running_daemon() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(429).header("retry-after", "3"));

    let mut daemon = daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&[]).start();
    daemon.until("a webhook", |_| receiver.count() == 1);
    daemon.until("a refusal", |_| {
        rows(&folder, &["--state", "pending"]).iter().any(|row| row["attempts"] == 1)
    });

    assert_eq!(deliveries(&folder, &["drop", "--all"]).expect(0).stdout, "deliveries dropped: 1\n");
    // It would be given up, with a line in the log, if it were tried again.
    daemon.signal("TERM");
    let done = daemon.finish().expect(0);

    assert!(!done.stderr.contains("gave up"), "{}", done.stderr);
    assert_eq!((states(&folder), receiver.count()), (vec!["dropped".to_owned()], 1));
}

#[test]
fn receiver_answering_410_gets_no_more_until_reconfigured() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(410));
    let jobs = [("rj-1", "completed"), ("rj-2", "completed")];
    let done = daemon(&folder, &receiver, &jobs[..1]).run(&["--exit-when-done"]).run().expect(0);
    done.logged("ERROR sink ops is disabled: ").logged("until its configuration changes");
    let retry = deliveries(&folder, &["retry", "--dead"]).expect(1);
    retry.logged("the sink ops is disabled: ").logged("change its configuration");
    receiver.otherwise(Reply::status(200));
    let done = daemon(&folder, &receiver, &jobs).run(&["--exit-when-done"]).run().expect(0);
    done.logged("ERROR sink ops is disabled: ");
    assert_eq!((receiver.count(), states(&folder)), (1, vec!["dead".to_owned(); 2]));

    let changed = daemon(&folder, &receiver, &jobs).with("block_private = false\nallow_http = true\n");
    changed.run(&["--exit-when-done"]).run().expect(0).logged("INFO sink ops is used again");
    deliveries(&folder, &["retry", "--dead"]).expect(0);
    let changed = daemon(&folder, &receiver, &jobs).with("block_private = false\nallow_http = true\n");
    changed.run(&["--exit-when-done"]).run().expect(0);
    assert_eq!((receiver.count(), states(&folder)), (3, vec!["delivered".to_owned(); 2]));
}

#[test]
fn moved_secret_does_not_enable_a_receiver_that_said_410() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(410));
    let run = |name: &str, path: &str, jobs: &[(&str, &str)]| {
        let file = folder.write(name, format!("{}/{path}\n", receiver.url()));
        daemon_to(&folder, &format!("{{ file = \"{file}\" }}"), jobs)
            .run(&["--exit-when-done"])
            .run()
            .expect(0)
    };
    let jobs = [("rj-1", "completed"), ("rj-2", "completed"), ("rj-3", "completed")];

    run("here", "canary-of-a-path", &jobs[..1]).logged("ERROR sink ops is disabled: ");
    run("there", "canary-of-a-path", &jobs[..2]).logged("ERROR sink ops is disabled: ");
    assert_eq!((receiver.count(), states(&folder)), (1, vec!["dead".to_owned(); 2]));

    receiver.otherwise(Reply::status(200));
    run("there", "canary-of-another", &jobs).logged("INFO sink ops is used again");
    assert_eq!(receiver.count(), 2);
}

#[test]
fn wrong_delivery_requests_are_refused() {
    let folder = Folder::new();
    let none = deliveries(&folder, &[]).expect(74);
    if !is_on_postgres() {
        none.logged("there is no state at ").logged("--state-file");
    }
    deliveries(&folder, &["retry"]).expect(2).logged("<ID|--dead|--all>");
    deliveries(&folder, &["retry", "nonsense"]).expect(2).logged("not the id of an event");
    deliveries(&folder, &["drop", "01a"]).expect(2).logged("too short: write at least 4 characters");
    let receiver = receive([]);
    daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&["--exit-when-done"]).run().expect(0);
    let unknown = "01a20962-64c8-7f0e-9d51-224b8933e678";
    deliveries(&folder, &["retry", unknown]).expect(1).logged("there is no delivery 01a20962");
    if !is_on_postgres() {
        let text = "no database at all, but a text of some length, and so no state of any version";
        folder.write("state.db", text);
        deliveries(&folder, &[]).expect(74).logged("is damaged");
    }
}

/// A configuration whose receiver is given up after two attempts.
fn daemon(folder: &Folder, receiver: &Receiver, jobs: &[(&str, &str)]) -> Daemon {
    daemon_to(folder, &format!("\"{}/canary-of-a-path\"", receiver.url()), jobs)
}

/// The same with this as the address of the receiver.
fn daemon_to(folder: &Folder, url: &str, jobs: &[(&str, &str)]) -> Daemon {
    let plane = play(&done(jobs));
    let ids: Vec<_> = jobs.iter().map(|(id, _)| *id).collect();
    let state = folder.path().join("state.db");
    // The plane is needed as long as the test runs.
    let daemon =
        Daemon::new(format!("[state]\npath = \"{}\"\n", state.display())).project("one", &plane, &ids);
    std::mem::forget(plane);
    daemon.with(&format!(
        "[[sink]]\ntype = \"log\"\nevents = []\n\
         [[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = {url}\n\
         events = [\"restore_job.completed\"]\nretry_schedule = [\"10ms\"]\n"
    ))
}

fn deliveries(folder: &Folder, arguments: &[&str]) -> Done {
    let state = folder.path().join("state.db").to_string_lossy().into_owned();
    let done = Watch::new(["deliveries"].iter().chain(arguments).chain(&["--state-file", &state])).run();
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    done
}

fn rows(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    let list = [&["list", "--output", "json"], arguments].concat();
    deliveries(folder, &list).expect(0).json().as_array().expect("an array").clone()
}

fn states(folder: &Folder) -> Vec<String> {
    let text = |row: &Value| row["state"].as_str().expect("a state").to_owned();
    rows(folder, &["--all"]).iter().map(text).collect()
}

#[test]
fn deliveries_of_a_job_are_found_by_name_and_prefix() {
    let (folder, receiver) = (Folder::new(), receive([]));
    let jobs = [("rj-first", "completed"), ("rj-second", "completed")];
    daemon(&folder, &receiver, &jobs).run(&["--exit-when-done"]).run().expect(0);

    for (text, count) in [("rj-first", 1), ("rj-f", 0), ("rj-third", 0)] {
        assert_eq!(rows(&folder, &["--all", "--job", text]).len(), count, "{text}");
    }
    let ambiguous = deliveries(&folder, &["list", "--all", "--job", "rj-"]);
    assert_eq!(ambiguous.expect(0).stdout, "no such deliveries\n", "too short for a prefix");
    deliveries(&folder, &["list", "--all", "--job", "rj-x"]).expect(0);
    let (first, second) = ("9857add2-99d4-4399-870e-aa7f15d8d326", "9857add2-0000-4399-870e-aa7f15d8d326");
    daemon(&folder, &receiver, &[(first, "completed"), (second, "completed")])
        .run(&["--exit-when-done"])
        .run()
        .expect(0);
    deliveries(&folder, &["list", "--all", "--job", "9857add2"])
        .expect(2)
        .logged("`9857add2` stands for 2 restore jobs")
        .logged(first);
}

#[test]
fn whole_id_of_a_job_changes_no_delivery_of_a_longer_one() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(500));
    daemon(&folder, &receiver, &[("rj-10", "completed")]).run(&["--exit-when-done"]).run().expect(0);

    let dropped = deliveries(&folder, &["drop", "--all", "--job", "rj-1"]).expect(0).stdout;
    let retried = deliveries(&folder, &["retry", "--all", "--job", "rj-1"]).expect(0).stdout;

    assert_eq!((&*dropped, &*retried), ("no deliveries to drop\n", "no deliveries to retry\n"));
    assert_eq!(states(&folder), ["dead"]);
}

#[test]
fn state_of_the_configuration_is_used_if_no_daemon_answers() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(500));
    daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&["--exit-when-done"]).run().expect(0);
    let sockets = Sockets::new(&folder);

    for (socket, why) in
        [("stale", "no daemon listens at "), ("hung", " does not answer"), ("earlier", ": restart it")]
    {
        let listed = sockets.ask(socket, &["deliveries"]).expect(0);
        assert!(listed.stdout.contains("HTTP 500"), "{}", listed.stdout);
        assert_eq!(listed.stderr.lines().count(), 1, "{}", listed.stderr);
        listed.logged(why).logged("; using the state of the configuration\n");

        // One that hangs is waited for, because an answer of the history may take a while.
        if socket != "hung" {
            let history = sockets.ask(socket, &["history"]).expect(0);
            assert!(history.stdout.contains("  1 dead"), "{}", history.stdout);
            history.logged(why).logged("; using the state of the configuration\n");
        }

        if !is_on_postgres() {
            let copy = folder.path().join(socket).with_extension("copy").to_string_lossy().into_owned();
            sockets.ask(socket, &["backup", &copy]).expect(0).logged("using the state of the configuration");
        }

        let tested = sockets.ask(socket, &["notify-test"]).expect(5).logged(why);
        tested.logged("restore-watch notify-test --config FILE");
    }
}

/// Sockets at which no present daemon answers, beside a configuration that is found.
struct Sockets<'a> {
    folder: &'a Folder,
    _hung: UnixListener,
}

impl<'a> Sockets<'a> {
    fn new(folder: &'a Folder) -> Self {
        let at = |name: &str| UnixListener::bind(folder.path().join(name)).expect("a socket");
        drop(at("stale"));
        let earlier = at("earlier");
        std::thread::spawn(move || {
            for stream in earlier.incoming() {
                let mut stream = stream.expect("a connection");
                let _ = stream.read(&mut [0; 4096]);
                let body = r#"{"error":"there is no such path","help":null}"#;
                let head = "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length";
                drop(write!(stream, "{head}: {}\r\n\r\n{body}", body.len()));
            }
        });

        let state = folder.path().join("state.db");
        std::fs::create_dir(folder.path().join("restore-watch")).expect("a directory");
        let text = format!("jobs = [\"rj-1\"]\n[state]\npath = \"{}\"\n", state.display());
        folder.write("restore-watch/config.toml", text);
        Self { folder, _hung: at("hung") }
    }

    fn ask(&self, socket: &str, arguments: &[&str]) -> Done {
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let folder = self.folder.path();
        Watch::new(arguments)
            .env("RESTORE_WATCH_SOCKET", &path(&folder.join(socket)))
            .env("XDG_CONFIG_HOME", &path(folder))
            .run()
    }
}

#[test]
fn commands_find_the_state_of_the_running_daemon() {
    let (folder, receiver) = (Folder::new(), receive([]));
    receiver.otherwise(Reply::status(500));
    let mut daemon = daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&[]).start();
    daemon.until("both attempts", |_| receiver.count() == 2);
    daemon.until("a dead letter", |_| states(&folder) == ["dead"]);

    let listed = ask(&daemon, &["deliveries"]).expect(0).stdout;
    assert!(listed.contains("dead") && listed.contains("HTTP 500"), "{listed}");
    receiver.otherwise(Reply::status(200));
    ask(&daemon, &["deliveries", "retry", "--dead"]).expect(0);
    daemon.until("the delivered state", |_| states(&folder) == ["delivered"]);

    let listing = ask(&daemon, &["list"]).expect(78).logged("PINECONE_API_KEY is not set");
    listing.logged("or use the key of the running daemon: restore-watch list --config /");

    let meaning = ask(&daemon, &["check"]).expect(0).stdout;
    let place = if is_on_postgres() { "" } else { "state.db, " };
    assert!(
        meaning.contains(&format!("{place}by the running daemon (process {})\n", daemon.id())),
        "{meaning}"
    );
    if is_on_postgres() {
        // pg_dump copies a database, and `backup` a file.
        return;
    }

    let copy = folder.path().join("copy.db").to_string_lossy().into_owned();
    let printed = ask(&daemon, &["backup", &copy]).expect(0).stdout;
    assert!(printed.ends_with(&format!(" copied to {copy}\n")), "{printed}");
    ask(&daemon, &["backup", &copy]).expect(1).logged("the file exists");
    let of_copy =
        Watch::new(["deliveries", "--all", "--output", "json", "--state-file", &copy]).run().expect(0);
    assert_eq!(of_copy.json()[0]["state"], "delivered");
}

#[test]
fn sinks_are_tested_by_the_running_daemon() {
    let (folder, receiver) = (Folder::new(), receive([]));
    let mut daemon = daemon(&folder, &receiver, &[("rj-1", "pending")]).run(&[]).start();
    daemon.until_logged("watching 1 restore");

    let done = ask(&daemon, &["notify-test"]).expect(0);
    assert!(done.stdout.contains("ops") && done.stdout.contains(" ok "), "{}", done.stdout);
    done.logged(&format!("the sinks of the running daemon (process {})", daemon.id()));
    let types = receiver.received().iter().map(|post| post_type(&post.body)).collect::<Vec<_>>();
    assert_eq!(types, ["restore_watch.test"]);

    receiver.otherwise(Reply::status(400));
    let failed = ask(&daemon, &["notify-test", "ops", "--output", "json"]).expect(1);
    assert_eq!(failed.json()[0]["ok"], false);
    ask(&daemon, &["notify-test", "opss"])
        .expect(2)
        .logged("the daemon has no sink `opss`")
        .logged("it has: ");
}

fn post_type(body: &[u8]) -> String {
    let event: Value = serde_json::from_slice(body).expect("JSON");
    event["type"].as_str().expect("a type").to_owned()
}
