//! Times, durations and names as the page shows them.

use std::time::Duration;

use jiff::Timestamp;

use super::html::{Html, html};
use crate::adapters::report::JobStatus;
use crate::model::time::{before, published, wall_between};
use crate::model::{Elapsed, JobRef, Outcome, Section, duration};

/// A time that has passed: `5m ago`. The script has it tick.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> Html {
    ticking("ago", at, &duration::ago(wall_between(at, now)))
}

/// A time as such, which does not tick.
pub(super) fn at(at: Timestamp) -> Html {
    let exact = at.strftime("%F %H:%M UTC").to_string();
    html!("<time datetime=\"" (published(at)) "\">" (exact) "</time>")
}

/// The same to the second.
pub(super) fn second(at: Timestamp) -> Html {
    let exact = at.strftime("%F %T UTC").to_string();
    html!("<time datetime=\"" (published(at)) "\">" (exact) "</time>")
}

/// When a job is polled next.
pub(super) fn next_poll(job: &JobStatus, now: Timestamp) -> Html {
    let words = job.next_poll_in_words(now).unwrap_or_default();
    let Some(at) = job.next_poll_at else { return html!((words)) };
    ticking("in", at, &words)
}

/// How long a restore has been running, in words.
pub(super) fn running(job: &JobStatus, now: Timestamp) -> Html {
    let Some(time) = running_time(job) else { return html!("<span class=\"none\">not known</span>") };
    ticking("run", before(now, time), &duration::running(time))
}

/// How long a restore has been running, if its start is known: without that, the time is that of
/// its watch.
pub(super) fn running_time(job: &JobStatus) -> Option<Duration> {
    job.job.facts.created_at.and_then(|_| known(job.elapsed))
}

/// A duration of which both ends are known.
pub(super) fn known(elapsed: Elapsed) -> Option<Duration> {
    if let Elapsed::Exact(time) = elapsed { Some(time) } else { None }
}

/// A time in words that change as it passes; `kind` says by which rule.
fn ticking(kind: &'static str, at: Timestamp, words: &str) -> Html {
    let exact = at.strftime("%F %T UTC").to_string();
    html!("<time class=\"" (kind) "\" datetime=\"" (published(at)) "\" title=\"" (exact) "\">" (words) "</time>")
}

/// How a restore is called: by its name and its index, or by its index, and by its id.
pub(super) fn job(job: &JobRef) -> Html {
    let id = html!("<code><bdi>" (job.id.as_str()) "</bdi></code>");
    let index = job.facts.target_index_name.as_deref();
    let into = index.filter(|_| job.name.is_some());
    let into = into.map(|index| html!("<small>into index <bdi>" (index) "</bdi></small>"));
    let Some(label) = job.name.as_deref().or(index) else {
        return html!("<bdi class=\"name\">" (job.id.as_str()) "</bdi>");
    };
    html!("<bdi class=\"name\">" (label) "</bdi>" (into) (id))
}

/// A name that may be written in either direction; a dash if there is none.
pub(super) fn name(name: Option<&str>) -> Html {
    let Some(name) = name else { return html!("<span class=\"none\">–</span>") };
    html!("<bdi>" (name) "</bdi>")
}

/// An outcome: a symbol and its words, never a color alone.
pub(super) fn outcome(outcome: Outcome, words: &str) -> Html {
    let symbol = symbol(outcome);
    html!("<span class=\"outcome " (symbol) "\">" (icon(symbol)) "<bdi>" (words) "</bdi></span>")
}

/// A symbol of those in the head of the page.
pub(super) fn icon(symbol: &'static str) -> Html {
    html!("<svg class=\"icon\" aria-hidden=\"true\"><use href=\"#i-" (symbol) "\"/></svg>")
}

fn symbol(outcome: Outcome) -> &'static str {
    match (outcome, outcome.section()) {
        (Outcome::Cancelled, _) => "stopped",
        (Outcome::Unrecognised, _) => "unknown",
        (_, Section::Running) => "open",
        (_, Section::Succeeded) => "good",
        (_, Section::Failed) if outcome.is_final() => "bad",
        (_, Section::Failed) => "alert",
    }
}
