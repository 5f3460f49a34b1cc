//! The restores that have not ended.

use super::bar::bar;
use super::content::Content;
use super::html::{Html, html};
use super::query::{List, PageQuery};
use super::table::{heading, pages, row, table};
use super::times;
use crate::adapters::report::JobStatus;

/// The column that a replica without the lease cannot fill.
const NEXT_POLL: &str = "Next poll";

pub(super) fn section(content: &Content, asked: &PageQuery) -> Html {
    let open = &content.open;
    html!(
        "<section id=\"open\" aria-labelledby=\"open-title\" tabindex=\"-1\">"
        (heading("open", "Open restores", Some(open.total))) (list(content, asked))
        (pages(asked, List::Open, open.total, "Pages of open restores")) "</section>"
    )
}

fn list(content: &Content, asked: &PageQuery) -> Html {
    let open = &content.open;
    if open.jobs.is_empty() {
        return match (open.all, open.total) {
            (0, _) => html!("<p class=\"empty\">No restore is open.</p>"),
            (_, 0) => html!("<p class=\"empty\">No open restore matches the filter.</p>"),
            _ => html!("<p class=\"empty\">This page of the list is empty.</p>"),
        };
    }

    let has_projects = content.daemon.projects.len() > 1 && asked.project.is_none();
    let mut columns = vec!["Restore", "Status", "Running for", NEXT_POLL, "Last answer"];
    if content.daemon.stands_by() {
        columns.retain(|column| *column != NEXT_POLL);
    }
    if has_projects {
        columns.insert(1, "Project");
    }
    let rows = open.jobs.iter().map(|job| {
        let project = has_projects.then(|| ("Project", times::name(Some(job.project.as_str()))));
        let shown = cells(job, content).into_iter().filter(|(column, _)| columns.contains(column));
        row(times::job(&job.job), project.into_iter().chain(shown))
    });
    table(
        "Open restores: those that need attention first, then the longest running",
        &columns,
        rows.collect(),
    )
}

fn cells(job: &JobStatus, content: &Content) -> [(&'static str, Html); 4] {
    let now = content.daemon.timestamp;
    let error = job.last_error.as_ref().map(|error| html!("<small class=\"error\">" (error) "</small>"));
    let expected = times::running_time(job).zip(job.expected.as_ref());
    let against = expected.map(|(elapsed, expected)| bar(elapsed, expected));
    let answered = job.answered_at.map_or_else(|| html!("none yet"), |at| times::ago(at, now));
    [
        ("Status", html!((times::outcome(job.outcome, &job.in_words()))(error))),
        ("Running for", html!("<span class=\"elapsed\">" (times::running(job, now)) "</span>" (against))),
        (NEXT_POLL, times::next_poll(job, now)),
        ("Last answer", answered),
    ]
}
