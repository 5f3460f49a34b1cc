//! The shipped alerts and the example of a scrape configuration.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::dashboard::unknown_metrics;
use crate::programs::promtool;
use crate::{shipped, yaml};

/// The shipped rules.
fn rules() -> Vec<Value> {
    let file = yaml::read(&std::fs::read_to_string(shipped("config/prometheus/alerts.yml")).unwrap());
    let groups = file["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// Those of them that alert.
fn alerts() -> Vec<Value> {
    rules().into_iter().filter(|rule| !rule["alert"].is_null()).collect()
}

fn names(rules: &[Value], key: &str) -> BTreeSet<String> {
    rules.iter().map(|rule| rule[key].as_str().unwrap().to_owned()).collect()
}

#[test]
fn promtool_accepts_what_is_shipped() {
    let path = |name: &str| shipped(&format!("config/prometheus/{name}")).to_string_lossy().into_owned();

    promtool(&["check", "rules", &path("alerts.yml")], "");
    promtool(&["check", "config", &path("prometheus.yml")], "");
    promtool(&["test", "rules", &path("alerts_test.yml")], "");
}

#[test]
fn every_alert_is_tested() {
    let tests = yaml::read(&std::fs::read_to_string(shipped("config/prometheus/alerts_test.yml")).unwrap());
    let cases = tests["tests"].as_array().unwrap().iter();
    let cases: Vec<_> = cases.flat_map(|test| test["alert_rule_test"].as_array().unwrap().clone()).collect();
    let fired: Vec<_> = cases.iter().filter(|case| !case["exp_alerts"].is_null()).cloned().collect();

    assert_eq!(names(&fired, "alertname"), names(&alerts(), "alert"));
}

#[test]
fn every_alert_says_what_it_means_and_where_to_read_on() {
    for rule in alerts() {
        let name = rule["alert"].as_str().unwrap();
        assert!(["critical", "warning"].contains(&rule["labels"]["severity"].as_str().unwrap()), "{name}");
        for text in ["summary", "description"] {
            assert!(rule["annotations"][text].as_str().is_some_and(|text| text.len() > 20), "{name}: {text}");
        }
        let runbook = rule["annotations"]["runbook"].as_str().unwrap();
        let (page, heading) = runbook.split_once(": ").unwrap();
        assert!(has_heading(page, heading), "{name}: {runbook}");
    }
}

/// Whether the book has a page of this title with this heading.
fn has_heading(title: &str, heading: &str) -> bool {
    let pages = ["docs/guides", "docs/concepts", "docs/reference"].into_iter().flat_map(|folder| {
        std::fs::read_dir(shipped(folder))
            .unwrap()
            .map(|page| std::fs::read_to_string(page.unwrap().path()).unwrap())
    });
    let has_line = |page: &str, line: String| page.lines().any(|found| found == line);
    pages
        .into_iter()
        .any(|page| has_line(&page, format!("# {title}")) && has_line(&page, format!("## {heading}")))
}

#[test]
fn rules_use_metrics_that_exist() {
    for rule in rules() {
        let expression = rule["expr"].as_str().unwrap();
        assert_eq!(unknown_metrics(expression), Vec::<String>::new(), "{expression}");
    }
}
