//! What of the daemon's work needs a person, in words.
//!
//! Invariant: a text does not change while nothing does, so that it can be logged once.

use jiff::Timestamp;

use super::status::is_watched;
use super::view::WatchView;
use crate::adapters::report::{ClusterStatus, ReloadStatus};
use crate::app::diagnostics::left_out_in_words;
use crate::app::plural::counted;
use crate::engine::{Engine, ProjectView, SinkTrouble, SinkView};
use crate::model::time::{Instant, Now};

/// Why the end of some restore would go unnoticed, or would not be delivered, if so.
pub(super) fn of_restores(view: WatchView<'_>) -> Option<String> {
    let of_sinks = of_sinks(view.engine, view.now);
    let troubles: Vec<_> = of_stuck(view).into_iter().chain(of_projects(view)).chain(of_sinks).collect();
    (!troubles.is_empty()).then(|| troubles.join("; "))
}

/// What a status has beside the watch and the deliveries.
#[derive(Debug)]
pub(super) struct Beside<'a> {
    pub(super) last_reload: Option<&'a ReloadStatus>,
    /// Whether the HTTP listener ended, which it does not as long as the daemon runs.
    pub(super) has_lost_web: bool,
    /// The replicas, if several share the state.
    pub(super) cluster: Option<ClusterStatus>,
}

/// All that needs a person, each in a text: of each project and each sink, dead letters, a reload
/// that failed, a listener that ended, and replicas with other settings.
pub(super) fn all(view: WatchView<'_>, beside: &Beside<'_>) -> Vec<String> {
    let of_sinks = of_sinks(view.engine, view.now);
    let of_reload = beside.last_reload.and_then(ReloadStatus::trouble);
    let of_web = beside.has_lost_web.then(|| "the HTTP listener ended".to_owned());
    of_stuck(view)
        .into_iter()
        .chain(of_projects(view))
        .chain(of_sinks)
        .chain(of_dead_letters(view.engine))
        .chain(of_reload)
        .chain(of_web)
        .chain(beside.cluster.iter().flat_map(ClusterStatus::differences))
        .collect()
}

/// Why the end of some restore would go unnoticed, if it would: the first reason.
pub(super) fn of_watch(view: WatchView<'_>) -> Option<String> {
    of_stuck(view).or_else(|| of_projects(view).next())
}

fn of_stuck(view: WatchView<'_>) -> Option<String> {
    view.stuck.map(|what| format!("{what} does not end"))
}

fn of_projects(view: WatchView<'_>) -> impl Iterator<Item = String> {
    let WatchView { engine, now, .. } = view;
    let watched = |project: &ProjectView<'_>| project.paused_since.is_none() && is_watched(project);
    let projects = engine.projects().filter(watched);
    projects.filter_map(move |project| of_project(engine, &project, now.instant))
}

fn of_project(engine: &Engine, project: &ProjectView<'_>, now: Instant) -> Option<String> {
    let name = project.name;
    let lasts = |since: Option<Instant>| since.is_some_and(|at| now.since(at) >= project.unreachable_after);
    let is_unanswered = lasts(project.unanswered_since);
    match project.unauthorized {
        Some(_) => Some(format!("the key of the project {name} is refused")),
        None if project.misconfigured.is_some() => {
            let reason = project.misconfigured.unwrap_or_default();
            Some(format!("the project {name} is misconfigured: {reason}"))
        }
        None if is_unanswered => Some(format!("the API of the project {name} cannot be reached")),
        None if lasts(project.list_failing_since) => {
            Some(format!("the restores of the project {name} cannot be listed"))
        }
        None if project.left_out.is_some() => project.left_out.map(|reason| {
            let reason = left_out_in_words(reason);
            format!("not all restores of the project {name} are watched: {reason}")
        }),
        None => match engine.polls().overdue(name, now) {
            0 => None,
            polls => Some(format!("polls of the project {name} are overdue: {polls}")),
        },
    }
}

/// How many dead letters there are, if any, and where they are listed.
pub(super) fn of_dead_letters(engine: &Engine) -> Option<String> {
    let count = engine.deliveries().dead_letters();
    let counted = counted(count, "dead letter", "dead letters");
    (count > 0).then(|| format!("{counted} (restore-watch deliveries)"))
}

/// Why the end of some restore would not be delivered, for each sink that is in trouble.
pub(super) fn of_sinks(engine: &Engine, now: Now) -> Vec<String> {
    engine.sinks().filter_map(|sink| of_sink(&sink, now)).collect()
}

fn of_sink(sink: &SinkView<'_>, now: Now) -> Option<String> {
    let name = sink.name;
    if let Some(reason) = sink.disabled.filter(|_| sink.is_configured) {
        return Some(format!("sink {name} is disabled ({reason})"));
    }
    Some(match sink.trouble? {
        SinkTrouble::Failing { since, reason } => {
            format!("sink {name} has taken nothing since {} ({reason})", time_of_day(since, now))
        }
        SinkTrouble::Late { since } => {
            format!("sink {name} is late: the end of a restore has waited since {}", time_of_day(since, now))
        }
    })
}

/// The time of day as the log has it, with the date unless that is today.
fn time_of_day(at: Instant, now: Now) -> String {
    let at = now.wall_at(at);
    let date = |time: Timestamp| time.strftime("%F").to_string();
    let format = if date(at) == date(now.wall) { "%H:%M UTC" } else { "%F %H:%M UTC" };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::SinkName;

    fn words(disabled: Option<&str>, trouble: Option<SinkTrouble<'_>>, hours: u64) -> Option<String> {
        let name = SinkName::new("ops");
        let view = SinkView {
            name: &name,
            is_configured: true,
            disabled,
            pending: 1,
            dead_letters: 0,
            closed_until: None,
            held: 0,
            trouble,
        };
        let passed = Duration::from_hours(hours);
        let wall: Timestamp = "2026-11-23T23:05:40Z".parse().unwrap();
        of_sink(&view, Now { instant: Instant::after_start(passed), wall: wall + passed })
    }

    #[test]
    fn the_trouble_of_a_sink_in_words() {
        let since = Instant::default();
        let failing = Some(SinkTrouble::Failing { since, reason: "HTTP 400: invalid_payload" });

        assert_eq!(words(None, None, 0), None);
        for (trouble, hours, text) in [
            (failing, 0, "sink ops has taken nothing since 23:05 UTC (HTTP 400: invalid_payload)"),
            (failing, 5, "sink ops has taken nothing since 2026-11-23 23:05 UTC (HTTP 400: invalid_payload)"),
            (
                Some(SinkTrouble::Late { since }),
                0,
                "sink ops is late: the end of a restore has waited since 23:05 UTC",
            ),
        ] {
            assert_eq!(words(None, trouble, hours).as_deref(), Some(text));
        }
        assert_eq!(words(Some("HTTP 410"), None, 0).as_deref(), Some("sink ops is disabled (HTTP 410)"));
    }
}
