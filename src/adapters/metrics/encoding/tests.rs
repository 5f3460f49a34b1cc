//! What a scrape looks like, in both formats.

use super::*;
use crate::adapters::metrics::{ClusterReading, Code, Counters, DaemonReading, Endpoint, Exchange};
use crate::config::{ProjectSettings, Retention};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Engine, Plan};
use crate::model::ProjectName;
use crate::model::time::{Instant, Now};
use std::time::Duration;

fn now() -> Now {
    Now { instant: Instant::default(), wall: "2026-11-23T12:00:00.250Z".parse().unwrap() }
}

/// What a daemon with this project shows.
fn reading(project: &str, counters: &Counters) -> Reading {
    let project = ProjectSettings { name: ProjectName::new(project), ..ProjectSettings::default() };
    let plan = Plan { projects: vec![project], sinks: Vec::new(), keep: Retention::FOREVER };
    let engine = Engine::from_snapshot(plan, Snapshot::default(), 1, now());
    let daemon = DaemonReading {
        started_at: now().wall,
        configured_at: now().wall,
        reload_failed: false,
        log_lines_lost: 3,
        cluster: Some(ClusterReading { is_active: true, epoch: 7, ..ClusterReading::default() }),
    };
    counters.read(daemon, engine.projects(), engine.sinks(), now())
}

fn encoded(format: Format, project: &str, counters: &Counters) -> String {
    format.encode(reading(project, counters), Usage::default()).unwrap()
}

/// The lines about a family.
fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.split([' ', '{']).any(|word| word.starts_with(name))).collect()
}

#[test]
fn a_counter_is_named_by_each_format_as_it_wants() {
    let counters = Counters::default();

    let text = encoded(Format::Text, "prod", &counters);
    assert_eq!(
        lines(&text, "restore_watch_log_lines_lost"),
        [
            "# HELP restore_watch_log_lines_lost_total Lines of the log that were lost, because its reader is slow.",
            "# TYPE restore_watch_log_lines_lost_total counter",
            "restore_watch_log_lines_lost_total 3",
        ]
    );

    let open_metrics = encoded(Format::OpenMetrics, "prod", &counters);
    assert_eq!(
        lines(&open_metrics, "restore_watch_log_lines_lost"),
        [
            "# HELP restore_watch_log_lines_lost Lines of the log that were lost, because its reader is slow.",
            "# TYPE restore_watch_log_lines_lost counter",
            "restore_watch_log_lines_lost_total 3",
        ]
    );
}

#[test]
fn units_infos_and_the_end_are_of_open_metrics_alone() {
    let counters = Counters::default();
    let (text, open_metrics) =
        (encoded(Format::Text, "prod", &counters), encoded(Format::OpenMetrics, "prod", &counters));

    assert!(open_metrics.contains("\n# UNIT process_cpu_seconds seconds\n"));
    assert!(open_metrics.contains("# TYPE restore_watch_build info\n") && open_metrics.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE restore_watch_build_info gauge\n"));
    assert!(!text.contains("# UNIT") && !text.contains("# EOF"));
    let samples = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    assert_eq!(samples(&text), samples(&open_metrics));
}

#[test]
fn a_request_is_counted_by_operation_and_code() {
    let mut counters = Counters::default();
    for code in [Code::Status(200), Code::Status(429), Code::Status(418), Code::Transport] {
        let exchange = Exchange {
            endpoint: Endpoint::ListRestoreJobs,
            code,
            took: Duration::from_millis(20),
            is_answer: code == Code::Status(200),
        };
        counters.requested(&ProjectName::new("prod"), &exchange, now().wall);
    }

    let text = encoded(Format::Text, "prod", &counters);

    let requests = |endpoint: &str| -> Vec<_> {
        let prefix =
            format!("restore_watch_api_requests_total{{project=\"prod\",endpoint=\"{endpoint}\",code=");
        text.lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
    };
    assert_eq!(
        requests("list_restore_jobs"),
        [
            "\"200\"} 1",
            "\"401\"} 0",
            "\"404\"} 0",
            "\"418\"} 1",
            "\"429\"} 1",
            "\"500\"} 0",
            "\"503\"} 0",
            "\"transport\"} 1",
        ]
    );
    assert_eq!(requests("describe_index").len(), 7);
    assert!(text.contains("restore_watch_last_answer_timestamp_seconds{project=\"prod\"} 1795435200.25\n"));
    assert!(text.contains("restore_watch_api_request_duration_seconds_bucket{le=\"0.01\"} 0\n"));
    assert!(text.contains("restore_watch_api_request_duration_seconds_bucket{le=\"0.025\"} 4\n"));
    assert!(text.contains("restore_watch_api_request_duration_seconds_bucket{le=\"+Inf\"} 4\n"));
}

#[test]
fn what_is_counted_of_a_project_is_shown_while_it_is_configured() {
    let mut counters = Counters::default();
    let exchange = Exchange {
        endpoint: Endpoint::DescribeIndex,
        code: Code::Status(200),
        took: Duration::ZERO,
        is_answer: true,
    };
    counters.requested(&ProjectName::new("gone"), &exchange, now().wall);

    assert!(!encoded(Format::Text, "prod", &counters).contains("gone"));
    assert!(
        encoded(Format::Text, "gone", &counters).contains("endpoint=\"describe_index\",code=\"200\"} 1\n")
    );
}

#[test]
fn any_name_of_a_project_is_one_label() {
    let text = encoded(Format::Text, "a\"}\n\\{", &Counters::default());

    let paused = text.lines().find(|line| line.starts_with("restore_watch_project_paused"));
    assert_eq!(paused, Some(r#"restore_watch_project_paused{project="a\"}\n\\{"} 0"#));
}

#[test]
fn what_the_system_does_not_tell_is_absent() {
    let text = encoded(Format::Text, "prod", &Counters::default());

    assert!(text.contains("process_cpu_seconds_total 0.0\n"));
    assert!(!text.contains("process_open_fds") && !text.contains("process_threads"));
}
