//! What a wait says of its jobs and of itself, in words: the same in the display, in progress lines
//! and in the report.

use std::time::Duration;

use super::view::{Job, Search, Trouble, View};
use crate::app::plural::counted;
use crate::engine::{Engine, IndexWatch, JobView};
use crate::model::{Elapsed, Expectation, Outcome, Status, duration};

/// `Waiting for 40 restores: 22 completed, 1 failed, 17 running`
pub(super) fn headline(view: &View<'_>) -> String {
    let any = if view.any { "any of " } else { "" };
    format!("Waiting for {any}{}: {}", restores(view.counts.total()), view.counts.words())
}

/// `40 restores`
pub(super) fn restores(count: usize) -> String {
    counted(count, "restore", "restores")
}

/// How long a job took, or has been taking: `at most 20s`; nothing if that is not known.
pub(super) fn time(job: &Job<'_>) -> String {
    match job.elapsed {
        Elapsed::Exact(elapsed) if job.outcome == Outcome::Open => duration::running(elapsed),
        // How long it was not found is no time of its own.
        _ if job.status.is_none() => String::new(),
        elapsed => elapsed.in_words().unwrap_or_default(),
    }
}

/// `about 16s left`; nothing if the API reports no progress.
pub(super) fn left(job: &Job<'_>) -> Option<String> {
    job.left.map(|left| format!("about {} left", duration::rough(left)))
}

/// What polls fail with, and when that decides the outcome.
pub(super) fn trouble(trouble: &Trouble<'_>) -> String {
    let (reason, end) = trouble_parts(trouble);
    format!("{reason}{end}")
}

/// The same in two parts: `connection refused` and `; gives up in 9m 06s`.
pub(super) fn trouble_parts<'a>(trouble: &Trouble<'a>) -> (&'a str, String) {
    let end = match trouble.gives_up_in {
        None => return (trouble.reason, String::new()),
        Some(Duration::ZERO) => "; giving up".to_owned(),
        Some(left) => format!("; gives up in {}", duration::remaining(left)),
    };
    (trouble.reason.trim_end_matches('.'), end)
}

/// That further restores are looked for, and for how much longer at least.
pub(super) fn search(search: Search) -> String {
    let lags = match search.lags {
        Duration::ZERO => String::new(),
        lags => format!(" (the list may lag; {} more)", duration::remaining(lags)),
    };
    match search.over {
        0 => format!("looking for unfinished restores …{lags}"),
        1 => format!("1 restore is over; looking for others that are unfinished …{lags}"),
        over => format!("{over} restores are over; looking for others that are unfinished …{lags}"),
    }
}

/// That restores are looked for that cannot be listed, and why.
pub(super) fn list_trouble(cause: &Trouble<'_>) -> String {
    format!("the restores cannot be listed: {}", trouble(cause))
}

/// A line for people who do not see the display.
pub(super) fn progress(view: &View<'_>) -> String {
    let list_trouble = view.list_trouble.as_ref().map(list_trouble);
    if let Some(search) = view.search.map(self::search) {
        return [Some(search), list_trouble].into_iter().flatten().collect::<Vec<_>>().join("; ");
    }

    let open = view.jobs.iter().filter(|job| job.outcome == Outcome::Open);
    let Some(oldest) = open.max_by_key(|job| age(job)) else { return headline(view) };
    let state = [Some(oldest.state()), percent(oldest), Some(time(oldest)), left(oldest)];
    let state = state.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let text = if view.counts.total() == 1 {
        format!("waiting for {}: {state}", oldest.label)
    } else {
        let waited = duration::running(view.waited);
        format!("{}, {waited}; {} {state}", headline(view).replacen('W', "w", 1), oldest.label)
    };

    let trouble = oldest.trouble.as_ref().map(trouble);
    [Some(text), trouble, list_trouble].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// `49 %`; nothing if the API reports no progress.
pub(super) fn percent(job: &Job<'_>) -> Option<String> {
    job.percent.map(|percent| format!("{percent:.0} %"))
}

fn age(job: &Job<'_>) -> Duration {
    match job.elapsed {
        Elapsed::Exact(elapsed) => elapsed,
        Elapsed::AtMost { bound, .. } => bound,
        Elapsed::Unknown => Duration::ZERO,
    }
}

/// Whether a restore, or its index, is still waited for.
pub(super) fn is_open(engine: &Engine) -> bool {
    engine.jobs().any(|job| job.outcome() == Outcome::Open)
}

/// Why the restores cannot be listed, if some are looked for and that fails.
pub(super) fn list_error(engine: &Engine) -> Option<String> {
    let mut searching = engine.projects().filter(|project| project.discovers);
    searching.find_map(|project| project.list_error).map(str::to_owned)
}

/// What to expect of the restores that are waited for, by those of their group if all are of one.
/// Their own durations are no history.
pub(super) fn expected(engine: &Engine) -> Option<Expectation> {
    let completed = |status: Option<&Status>| status == Some(&Status::Completed);
    let own = engine.jobs().filter(|job| completed(job.tracker.status())).count();
    let is_history = |past: &Expectation| past.restores > own;
    engine.projects().find_map(|project| {
        let of_group = engine.common_expectation(project.name).filter(is_history);
        of_group.or(project.expectation.filter(is_history))
    })
}

/// How a job stands, in words.
pub(super) fn outcome(job: &JobView<'_>) -> String {
    let tracker = job.tracker;
    let index_state = tracker.index().and_then(IndexWatch::state);
    job.outcome().in_words(tracker.status(), index_state, tracker.last_error())
}
