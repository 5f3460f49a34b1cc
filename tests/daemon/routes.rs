//! Sinks that get the events of some projects and indexes only.

use restore_watch::simulate::{Receiver, Reply};
use serde_json::Value;

use crate::support::{Running, play, receive};
use crate::{Daemon, ask, status};

/// A webhook with further keys.
fn sink(name: &str, receiver: &Receiver, keys: &str) -> String {
    let url = receiver.url();
    format!("[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

/// What a receiver got: the project of each event, its type and the index.
fn received(receiver: &Receiver) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let event = |body: &[u8]| -> Value { serde_json::from_slice(body).expect("an event") };
    let posts = receiver.received();
    let mut found: Vec<_> = posts
        .iter()
        .map(|post| event(&post.body))
        .map(|event| {
            (text(&event["project"]), text(&event["type"]), text(&event["job"]["target_index_name"]))
        })
        .collect();
    found.sort_unstable();
    found
}

/// The sinks of all deliveries that the state knows of, but for the log, which gets all.
fn recipients(daemon: &Running) -> Vec<String> {
    let rows = ask(daemon, &["deliveries", "list", "--all", "--output", "json"]).expect(0).json();
    let rows = rows.as_array().expect("an array");
    let mut sinks: Vec<_> = rows.iter().map(|row| row["sink"].as_str().expect("a sink").to_owned()).collect();
    sinks.retain(|sink| sink != "log");
    sinks.sort_unstable();
    sinks
}

fn ended(id: &str, index: &str) -> String {
    format!("[[job]]\nid = \"{id}\"\nindex = \"{index}\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"failed\"\n")
}

#[test]
fn each_receiver_gets_the_events_of_its_route_only() {
    let plane = play(&(ended("rj-1", "prod-docs") + &ended("rj-2", "tmp-docs") + &ended("rj-3", "docs")));
    let [pager, chat] = [receive([]), receive([])];
    pager.otherwise(Reply::status(400));
    let only_failed = "events = [\"restore_job.failed\"]\nretry_schedule = [\"10ms\"]\n";
    let daemon = Daemon::new("")
        .project("prod eu", &plane, &["rj-1", "rj-2"])
        .project("staging", &plane, &["rj-3"])
        .with(&format!("[sink_defaults]\n{only_failed}exclude_indexes = [\"tmp-*\"]\n"))
        .with(&sink("pager", &pager, "projects = [\"prod ??\"]"))
        .with(&sink("chat", &chat, "projects = [\"staging\"]"));

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 3 restores");
    daemon.until("one dead letter", |daemon| status(daemon)["deliveries"]["dead"] == 1);
    daemon.until("nothing pending", |daemon| status(daemon)["deliveries"]["pending"] == 0);

    let failed =
        |project: &str, index: &str| [project, "restore_job.failed", index].map(str::to_owned).into();
    assert_eq!(received(&pager), vec![failed("prod eu", "prod-docs"); 2], "two attempts");
    assert_eq!(received(&chat), [failed("staging", "docs")]);
    assert_eq!(recipients(&daemon), ["chat", "pager"]);
    assert!(daemon.stderr().contains("tmp-docs"), "the log gets all");
}

#[test]
fn reload_leaves_the_recipients_of_earlier_events() {
    let plane = play(&(ended("rj-1", "prod-docs") + &ended("rj-2", "prod-faq")));
    let [old, new] = [receive([]), receive([])];
    old.otherwise(Reply::status(503));
    let with_routes = |of_old: &str, of_new: &str, jobs: &[&str]| {
        let keys =
            "events = [\"restore_job.failed\"]\nretry_schedule = [\"100ms\", \"100ms\", \"100ms\", \"1h\"]";
        let filter = |indexes: &str| format!("{keys}\nindexes = [\"{indexes}\"]");
        let daemon = Daemon::new("").project("one", &plane, jobs);
        daemon.with(&sink("old", &old, &filter(of_old))).with(&sink("new", &new, &filter(of_new)))
    };

    let mut daemon = with_routes("prod-*", "none", &["rj-1"]).run(&[]).start();
    daemon.until("the first attempt", |_| old.count() > 0);
    with_routes("none", "prod-*", &["rj-1", "rj-2"]).rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(0);
    daemon.until("the event of the second job", |_| new.count() > 0);
    old.otherwise(Reply::status(200));
    daemon.until("nothing pending", |daemon| status(daemon)["deliveries"]["pending"] == 0);

    let of = |receiver| received(receiver).into_iter().map(|(_, _, index)| index).collect::<Vec<_>>();
    assert!(of(&old).iter().all(|index| index == "prod-docs"), "{:?}", of(&old));
    assert_eq!(of(&new), ["prod-faq"]);
    assert_eq!(recipients(&daemon), ["new", "old"]);
}
