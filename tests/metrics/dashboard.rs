//! The shipped dashboard of Grafana.

use std::collections::BTreeSet;

use restore_watch::adapters::metrics::{Kind, Metric};
use serde_json::Value;

use crate::shipped;

fn dashboard() -> Value {
    serde_json::from_str(&std::fs::read_to_string(shipped("config/grafana/dashboard.json")).unwrap()).unwrap()
}

fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().unwrap();
    panels.iter().filter(|panel| panel["type"] != "row").collect()
}

fn expressions(dashboard: &Value) -> Vec<&str> {
    let targets = panels(dashboard).into_iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    targets.map(|target| target["expr"].as_str().unwrap()).collect()
}

/// The words of an expression that name metrics of a daemon.
fn metrics(expression: &str) -> Vec<&str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric = |word: &&str| word.starts_with("restore_watch_") || word.starts_with("process_");
    words.filter(is_metric).collect()
}

/// The names of the series that a daemon shows.
fn series() -> BTreeSet<String> {
    let of = |metric: &Metric| {
        let family = metric.family();
        let ends: &[&str] =
            if family.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        ends.iter().map(|end| format!("{}{end}", family.name)).collect::<Vec<_>>()
    };
    Metric::ALL.iter().flat_map(of).collect()
}

/// The metrics in an expression that no daemon has.
pub(crate) fn unknown_metrics(expression: &str) -> Vec<String> {
    let known = series();
    metrics(expression).into_iter().filter(|name| !known.contains(*name)).map(str::to_owned).collect()
}

#[test]
fn panels_use_metrics_that_exist() {
    let dashboard = dashboard();

    for expression in expressions(&dashboard) {
        assert!(!metrics(expression).is_empty(), "{expression}");
        assert_eq!(unknown_metrics(expression), Vec::<String>::new(), "{expression}");
    }
}

#[test]
fn every_metric_is_on_a_panel() {
    let dashboard = dashboard();
    let shown: BTreeSet<_> = expressions(&dashboard).into_iter().flat_map(metrics).collect();

    for family in Metric::ALL.iter().map(|metric| metric.family()) {
        assert!(shown.iter().any(|name| name.starts_with(family.name)), "{}", family.name);
    }
}

#[test]
fn panels_follow_the_variables_and_do_not_overlap() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["datasource", "instance", "project"]);

    let mut places = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().unwrap();
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let expression = target["expr"].as_str().unwrap();
            assert!(expression.contains("instance=~\"$instance\""), "{title}: {expression}");
        }
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(x < 24 && places.insert((x, y)), "{title} lies over another panel");
            }
        }
    }
}
