//! A status as a text for people.
//!
//! Invariant: the text follows from the status and the surface alone. On a terminal no line is
//! longer than it is wide, and what is repeated is no longer than it is high.

use anstyle::{AnsiColor, Style};
use console::truncate_str;

use super::jobs;
use crate::adapters::report::{
    ClusterStatus, OutboxStatus, ProjectStatus, ReloadStatus, SinkStatus, Status, shown_minute,
};
use crate::platform::lines::wrap_at_spaces;
use crate::platform::locale;

/// What a report is written on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surface {
    /// The columns of the terminal, if it is one.
    pub(super) width: Option<usize>,
    /// The rows that there are for the report, if it must not scroll.
    pub(super) height: Option<usize>,
    pub(super) color: bool,
}

impl Surface {
    pub(super) fn painted(self, text: &str, style: Style) -> String {
        if self.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Less important than the rest.
    pub(super) fn faint(self, text: &str) -> String {
        self.painted(text, Style::new().dimmed())
    }

    /// A text on lines that fit the terminal, if it is one.
    pub(super) fn wrapped(self, text: &str) -> Vec<String> {
        self.wrapped_below(text, 0)
    }

    /// The same for lines that are indented by so many columns.
    pub(super) fn wrapped_below(self, text: &str, indent: usize) -> Vec<String> {
        let lines = match self.width {
            Some(width) => wrap_at_spaces(text, width.saturating_sub(indent)),
            None => vec![text.to_owned()],
        };
        lines.into_iter().map(|line| format!("{}{line}", " ".repeat(indent))).collect()
    }
}

/// The whole report.
pub(super) fn of(status: &Status, surface: Surface) -> String {
    let mut lines = head(status, surface);
    let jobs = jobs::lines(status, surface);
    if !jobs.is_empty() {
        lines.push(String::new());
        lines.extend(jobs);
    }

    let mark = locale::shown("…");
    if let Some(height) = surface.height
        && lines.len() >= height
    {
        // The last row is for the cursor, and the one before says that there is more.
        let shown = height.saturating_sub(2);
        let left_out = lines.len() - shown;
        lines.truncate(shown);
        lines.push(surface.faint(&format!("{mark} {left_out} more lines")));
    }
    if let Some(width) = surface.width {
        for line in &mut lines {
            *line = truncate_str(line, width, &mark).into_owned();
        }
    }
    lines.join("\n") + "\n"
}

/// How the daemon, its projects and its sinks are.
fn head(status: &Status, surface: Surface) -> Vec<String> {
    let Status { daemon, outbox, .. } = status;
    let mut lines = surface.wrapped(&daemon.summary);
    if let Some(cluster) = &daemon.cluster {
        lines.extend(surface.wrapped(&cluster.line(daemon.timestamp)));
    }
    let trouble = AnsiColor::Yellow.on_default();
    let of_reload = daemon.last_reload.as_ref().and_then(ReloadStatus::trouble);
    let differences: Vec<_> = daemon.cluster.iter().flat_map(ClusterStatus::differences).collect();
    let troubles = daemon.trouble.iter().chain(&of_reload).chain(&differences);
    let troubles = troubles.flat_map(|text| surface.wrapped(&format!("trouble: {text}")));
    lines.extend(troubles.map(|line| surface.painted(&line, trouble)));
    for project in &daemon.projects {
        lines.extend(of_project(project).iter().flat_map(|text| surface.wrapped(text)));
    }
    lines.extend(of_sinks(outbox).iter().flat_map(|text| surface.wrapped(text)));
    let silences = outbox.silences.iter().map(|silence| silence.line(daemon.timestamp));
    lines.extend(silences.flat_map(|text| surface.wrapped(&text)));
    lines
}

fn of_project(project: &ProjectStatus) -> Vec<String> {
    let ProjectStatus { name, requests_per_second: rate, limited, expected, .. } = project;
    let expected = expected.as_ref().map(|expected| format!("project {name}: {expected}"));
    let limited = limited.as_ref().map(|reason| {
        format!("project {name}: polled {rate:.2} times a second, because its server refused more: {reason}")
    });
    expected.into_iter().chain(limited).collect()
}

fn of_sinks(outbox: &OutboxStatus) -> Vec<String> {
    // Trouble of the others is in the trouble of the daemon.
    let removed = outbox.sinks.iter().filter(|sink| !sink.configured);
    let of_sink = |sink: &SinkStatus| {
        format!(
            "sink {} is not in the configuration; pending: {}, dead letters: {}",
            sink.name, sink.pending, sink.dead
        )
    };
    let held = |sink: &SinkStatus| {
        let until = shown_minute(sink.held_until?);
        (sink.held > 0)
            .then(|| format!("sink {} holds {} until {until}, when its hours begin", sink.name, sink.held))
    };
    removed.map(of_sink).chain(outbox.sinks.iter().filter_map(held)).collect()
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;
    use serde_json::{Value, json};

    use super::*;

    const WIDE: Surface = Surface { width: Some(120), height: None, color: false };
    const USUAL: Surface = Surface { width: Some(80), height: None, color: false };
    const PIPE: Surface = Surface { width: None, height: None, color: false };

    #[expect(clippy::needless_pass_by_value, reason = "for calls with json!")]
    fn job(project: &str, id: &str, outcome: &str, other: Value) -> Value {
        let mut job = json!({
            "project": project, "job": { "id": id, "target_index_name": "docs" },
            "outcome": outcome, "until": "completed", "elapsed_seconds": 20.0, "polls": 3,
            "pending_deliveries": 0, "configured": true, "added": false, "discovered": false, "paused": false,
        });
        for (key, value) in other.as_object().expect("an object").clone() {
            match (&mut job[&key], value) {
                (Value::Object(before), Value::Object(more)) => before.extend(more),
                (place, value) => *place = value,
            }
        }
        job
    }

    fn status(projects: &[&str], jobs: &[Value]) -> Status {
        let project =
            |name: &&str| json!({ "name": name, "requests_per_second": 20.0, "open": 1, "ended": 1 });
        serde_json::from_value(json!({
            "version": "1.2.3", "pid": 42, "started_at": "2026-11-23T12:00:00Z",
            "timestamp": "2026-11-23T15:00:00Z",
            "summary": "watching 2 restores, 124 completed, 5 failed, 1 cancelled, 1 not found; next poll in 2s; 3 deliveries pending",
            "trouble": "sink ops takes nothing since 14:05 (HTTP 400 invalid_payload); see: restore-watch deliveries",
            "projects": projects.iter().map(project).collect::<Vec<_>>(), "jobs": jobs,
            "outcomes": { "open": 12, "completed": 124, "failed": 5, "not_found": 1 },
            "sinks": [], "deliveries": { "pending": 3 },
        }))
        .expect("a status")
    }

    /// A job of each kind, not in the order in which they are shown.
    fn mixed() -> Vec<Value> {
        let ended = |seconds| json!({ "end_observed_at": format!("2026-11-23T14:59:{seconds}Z") });
        vec![
            job(
                "one",
                "9857add2-99d4-4399-870e-aa7f15d8d326",
                "completed",
                json!({
                    "status": "Completed", "job": { "completed_at": "2026-11-23T12:10:00Z" },
                    "end_observed_at": "2026-11-23T12:10:02Z",
                }),
            ),
            job(
                "one",
                "rj-10",
                "open",
                json!({
                    "status": "Pending", "elapsed_seconds": 250.0, "next_poll_at": "2026-11-23T15:00:02Z",
                    "job": { "percent_complete": 49.4 },
                }),
            ),
            job(
                "one",
                "rj-2",
                "open",
                json!({ "next_poll_at": "2026-11-23T15:00:00.5Z", "last_error":
                "cannot connect to https://api.pinecone.io (from [project.api] endpoint): connection refused" }),
            ),
            job("one", "94a63aeb-efae-4f7a-b059-75d32c27ca57", "failed", {
                let mut failed = ended(18);
                failed["status"] = json!("Failed");
                failed["elapsed_seconds"] = Value::Null;
                failed["elapsed_upper_bound_seconds"] = json!(20.0);
                failed["job"] =
                    json!({ "name": "orders-nightly", "target_index_name": "orders-of-all-our-shops-v2" });
                failed
            }),
            job(
                "one",
                "rj-1",
                "not_found",
                json!({ "last_error": "HTTP 404: Restore job rj-1 not found.",
                "next_poll_at": "2026-11-23T15:00:42Z" }),
            ),
        ]
    }

    #[test]
    fn a_usual_terminal_shows_all_that_matters() {
        insta::assert_snapshot!(of(&status(&["one"], &mixed()), USUAL), @r#"
        watching 2 restores, 124 completed, 5 failed, 1 cancelled, 1 not found; next
        poll in 2s; 3 deliveries pending
        trouble: sink ops takes nothing since 14:05 (HTTP 400 invalid_payload); see:
        restore-watch deliveries

          JOB             INDEX      STATUS         TIME         ENDED         NEXT POLL
        ✘ orders-nightly  orders-o…  failed         at most 20s  seen 42s ago
        ✘ rj-1            docs       not found      20s                        in 42s
            HTTP 404: Restore job rj-1 not found.
        … 4 more failed: --failed
        • rj-2            docs       not seen yet   20s                        in 1s
            cannot connect to https://api.pinecone.io (from [project.api] endpoint):
            connection refused
        • rj-10           docs       Pending, 49 %  4m 10s                     in 2s
        … 10 more running: --open
        ✔ 9857add2        docs       completed      20s          2h ago
        … 123 more completed: --all
        "#);
    }

    #[test]
    fn a_wide_terminal_shows_full_ids() {
        insta::assert_snapshot!(of(&status(&["one", "two"], &mixed()), WIDE), @r#"
        watching 2 restores, 124 completed, 5 failed, 1 cancelled, 1 not found; next poll in 2s; 3 deliveries pending
        trouble: sink ops takes nothing since 14:05 (HTTP 400 invalid_payload); see: restore-watch deliveries

          JOB                        PROJECT  INDEX                       STATUS         TIME         ENDED         NEXT POLL
        ✘ orders-nightly (94a63aeb)  one      orders-of-all-our-shops-v2  failed         at most 20s  seen 42s ago
        ✘ rj-1                       one      docs                        not found      20s                        in 42s
            HTTP 404: Restore job rj-1 not found.
        … 4 more failed: --failed
        • rj-2                       one      docs                        not seen yet   20s                        in 1s
            cannot connect to https://api.pinecone.io (from [project.api] endpoint): connection refused
        • rj-10                      one      docs                        Pending, 49 %  4m 10s                     in 2s
        … 10 more running: --open
        ✔ 9857add2                   one      docs                        completed      20s          2h ago
        … 123 more completed: --all
        "#);
    }

    #[test]
    fn nothing_is_cut_on_a_pipe() {
        let text = of(&status(&["one"], &mixed()), PIPE);

        assert!(text.contains("orders-nightly (94a63aeb-efae-4f7a-b059-75d32c27ca57)"), "{text}");
        assert!(text.lines().any(|line| line.ends_with("connection refused")), "{text}");
        assert!(!text.contains("rs-…"), "{text}");
    }

    #[test]
    fn lines_fit_terminals_of_any_width() {
        for width in 1..130 {
            let text = of(&status(&["one", "two"], &mixed()), Surface { width: Some(width), ..USUAL });
            let widest = text.lines().map(measure_text_width).max();
            assert!(widest <= Some(width), "{width}: {text}");
        }
    }

    #[test]
    fn a_repeated_report_fits_the_terminal_and_keeps_its_head() {
        let jobs: Vec<_> = (0..400).map(|n| job("one", &format!("rj-{n}"), "open", json!({}))).collect();
        for height in [3, 24, 40] {
            let text = of(&status(&["one"], &jobs), Surface { height: Some(height), ..USUAL });

            assert_eq!(text.lines().count(), height - 1, "{text}");
            assert!(text.starts_with("watching 2 restores") && text.ends_with(" more lines\n"), "{text}");
        }
    }

    #[test]
    fn colors_change_no_text() {
        let status = status(&["one"], &mixed());
        let colored = of(&status, Surface { color: true, ..USUAL });

        assert!(colored.contains("\u{1b}[31m✘\u{1b}[0m"), "{colored}");
        assert_eq!(console::strip_ansi_codes(&colored), of(&status, USUAL));
    }

    #[test]
    fn ids_that_begin_alike_are_shown_apart() {
        let ids = ["670e8400-e29b-41d4-a716-446655440001", "670e8400-e29b-99d4-a716-446655440002"];
        let jobs = ids.map(|id| {
            job("one", id, "open", json!({ "job": { "target_index_name": "a-long-name-of-an-index-here" } }))
        });

        let text = of(&status(&["one"], &jobs), USUAL);

        assert!(text.contains("• 670e8400-e29b-4 ") && text.contains("• 670e8400-e29b-9 "), "{text}");
    }

    #[test]
    fn a_daemon_without_jobs_has_no_table() {
        let mut status = status(&["one"], &[]);
        status.outcomes = crate::model::OutcomeCounts::default();

        assert_eq!(of(&status, PIPE).lines().count(), 2);
    }
}
