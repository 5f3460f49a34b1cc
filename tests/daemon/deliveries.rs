//! `restore-watch deliveries`, beside a daemon and without one.

use restore_watch::simulate::{Receiver, Reply};
use serde_json::Value;

use crate::Daemon;
use crate::support::{Done, Folder, Watch, done, play, receive};

#[test]
fn dead_letter_is_listed_and_sent_again_by_a_running_daemon() {
    let (folder, receiver) = (Folder::new(), receive([Reply::status(500), Reply::status(503)]));
    let mut daemon = daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&[]).start();
    daemon.until_logged(
        " (rj-1) after attempt 2 of 2: HTTP 503; to send it again: restore-watch deliveries retry ",
    );
    daemon.until("a dead letter", |_| states(&folder) == ["dead"]);
    let row = rows(&folder, &[]).remove(0);
    for (key, value) in [("sink", "ops"), ("job", "rj-1"), ("type", "restore_job.completed")] {
        assert_eq!(row[key], value);
    }
    assert_eq!(row["attempts"], 2);
    let id = row["id"].as_str().expect("an id");
    let table = deliveries(&folder, &[]).expect(0).stdout;
    assert!(table.starts_with("ID  ") && table.contains(id) && table.contains("HTTP 503"), "{table}");

    // The command in the log works as it stands.
    let logged = daemon.stderr();
    let (_, command) = logged.split_once("; to send it again: restore-watch ").expect("a command");
    let words: Vec<_> = command.lines().next().expect("a line").split(' ').collect();
    assert!(words.contains(&id), "{words:?}");
    let printed = Watch::new(words).run().expect(0).stdout;
    let by = format!("tried again by the running daemon (process {}), within seconds: 1\n", daemon.id());
    assert!(printed.ends_with(&by), "{printed}");
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
    deliveries(&folder, &["--limit", "2"]).expect(0).logged("there are older ones");
    assert_eq!(rows(&folder, &["--state", "pending", "--state", "dropped"]), Vec::<Value>::new());

    let dropped = deliveries(&folder, &["drop", "--dead", "--job", "rj-2"]).expect(0).stdout;
    assert_eq!(dropped, "deliveries dropped: 1\n");
    let printed = deliveries(&folder, &["retry", "--all", "--sink", "ops"]).expect(0).stdout;
    assert_eq!(printed, "deliveries to be tried again once a daemon runs: 2\n");
    receiver.otherwise(Reply::status(200));
    daemon(&folder, &receiver, &jobs).run(&["--exit-when-done"]).run().expect(0);
    assert_eq!(receiver.count(), 8);
    let of_second = rows(&folder, &["--all", "--job", "rj-2"]);
    assert_eq!(
        (&of_second[0]["state"], &of_second[0]["reason"]),
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
fn wrong_delivery_requests_are_refused() {
    let folder = Folder::new();
    deliveries(&folder, &[]).expect(74).logged("there is no state at ").logged("--state-file");
    deliveries(&folder, &["retry"]).expect(2).logged("<ID|--dead|--all>");
    deliveries(&folder, &["retry", "nonsense"]).expect(2);
    let receiver = receive([]);
    daemon(&folder, &receiver, &[("rj-1", "completed")]).run(&["--exit-when-done"]).run().expect(0);
    let unknown = "01a20962-64c8-7f0e-9d51-224b8933e678";
    deliveries(&folder, &["retry", unknown]).expect(1).logged("there is no delivery 01a20962");
    folder.write("state.db", "no database at all, but a text of some length, and so no state of any version");
    deliveries(&folder, &[]).expect(74).logged("is damaged");
}

/// A configuration whose receiver is given up after two attempts.
fn daemon(folder: &Folder, receiver: &Receiver, jobs: &[(&str, &str)]) -> Daemon {
    let plane = play(&done(jobs));
    let ids: Vec<_> = jobs.iter().map(|(id, _)| *id).collect();
    let state = folder.path().join("state.db");
    // The plane is needed as long as the test runs.
    let daemon =
        Daemon::new(format!("[state]\npath = \"{}\"\n", state.display())).project("one", &plane, &ids);
    std::mem::forget(plane);
    daemon.with(&format!(
        "[[sink]]\ntype = \"log\"\nevents = []\n\
         [[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}/canary-of-a-path\"\n\
         events = [\"restore_job.completed\"]\nretry_schedule = [\"10ms\"]\n",
        receiver.url()
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
