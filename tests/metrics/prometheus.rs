//! A real Prometheus that scrapes a real daemon and fires the shipped alerts.

use std::process::{Child, Command, Stdio};

use restore_watch::platform::clock::Clock;
use serde_json::Value;

use crate::programs::is_installed;
use crate::scraped::{STEP, World, is, request};
use crate::shipped;
use crate::support::{Folder, PATIENCE, play, unused_address};

/// A server that is killed when it is dropped.
struct Prometheus {
    process: Child,
    address: String,
    _folder: Folder,
}

impl Prometheus {
    /// Scrapes this target, and evaluates the shipped alerts.
    fn start(target: &str) -> Self {
        let folder = Folder::new();
        let alerts = shipped("config/prometheus/alerts.yml");
        let alerts = alerts.to_str().unwrap();
        let config = folder.write(
            "prometheus.yml",
            format!(
                "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }}\n\
                 rule_files: [{alerts:?}]\n\
                 scrape_configs: [{{ job_name: restore-watch, static_configs: [{{ targets: [{target:?}] }}] }}]\n"
            ),
        );
        let address = unused_address().to_string();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={config}"))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Self { process, address, _folder: folder };
        prometheus.until("it is ready", |prometheus| {
            std::net::TcpStream::connect(&prometheus.address).is_ok()
                && request(&prometheus.address, "GET", "/-/ready", &[]).head.contains(" 200 ")
        });
        prometheus
    }

    /// The data of an answer of its API.
    fn ask(&self, path: &str) -> Value {
        let answer = request(&self.address, "GET", path, &[]);
        let value: Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.body));
        value["data"].clone()
    }

    /// The names of the alerts that fire.
    fn firing(&self) -> Vec<String> {
        let alerts = self.ask("/api/v1/alerts");
        let firing = alerts["alerts"].as_array().unwrap().iter().filter(|alert| alert["state"] == "firing");
        firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn until(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let clock = Clock::system();
        let start = clock.now().instant;
        while !condition(self) {
            assert!(clock.now().instant.since(start) < PATIENCE, "waited in vain: {what}");
            std::thread::sleep(STEP);
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Both fail if it has ended.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_prometheus_fires_the_shipped_alerts() {
    if !is_installed("prometheus") {
        return;
    }
    // A series has to be scraped before the restore fails.
    let plane = play(
        "[[job]]\nid = \"rj-bad\"\ntakes = \"15s\"\nends = \"failed\"\n[[job]]\nid = \"rj-good\"\nage = \"1h\"\ntakes = \"1m\"\n",
    );
    let world = World::new().project("prod", &plane, "jobs = [\"rj-bad\", \"rj-good\"]");
    let daemon = world.start();
    let prometheus = Prometheus::start(&daemon.address);

    prometheus.until("the daemon is scraped", |prometheus| {
        let targets = prometheus.ask("/api/v1/targets");
        targets["activeTargets"][0]["health"] == "up"
    });
    assert_eq!(prometheus.firing(), Vec::<String>::new());

    prometheus.until("the restore that fails is an alert", |prometheus| {
        prometheus.firing() == ["RestoreWatchRestoreFailed"]
    });
    let alerts = prometheus.ask("/api/v1/alerts");
    let annotations = &alerts["alerts"][0]["annotations"];
    assert_eq!(annotations["summary"], "A restore of project prod ended as failed");

    let types = prometheus.ask("/api/v1/metadata");
    assert_eq!(types["restore_watch_restore_duration_seconds"][0]["type"], "histogram");
}

#[test]
fn what_failed_before_the_first_scrape_is_an_alert() {
    if !is_installed("prometheus") {
        return;
    }
    let plane = play("[[job]]\nid = \"rj-bad\"\nage = \"1h\"\ntakes = \"1m\"\nends = \"failed\"\n");
    let world = World::new().project("prod", &plane, "jobs = [\"rj-bad\"]");
    let mut daemon = world.start();
    daemon.until("the failure", |samples| is(samples.sum("restores_ended_total"), 1));

    let prometheus = Prometheus::start(&daemon.address);

    prometheus.until("it is an alert", |prometheus| prometheus.firing() == ["RestoreWatchRestoreFailed"]);
}
