//! The restores that ended.

use super::content::Content;
use super::html::{Html, html};
use super::query::{List, PageQuery};
use super::table::{heading, pages, row, table};
use super::times;
use crate::adapters::report::History;
use crate::model::EndedRestore;

pub(super) fn section(content: &Content, asked: &PageQuery) -> Html {
    let (total, list) = match &content.past {
        Ok(past) => (Some(past.ended.total), list(&past.ended, content, asked)),
        Err(fault) => {
            let help = fault.help.as_ref().map(|help| html!("<small>" (help) "</small>"));
            (None, html!("<p class=\"problem\">The history cannot be read: " (&fault.error) (help) "</p>"))
        }
    };
    html!(
        "<section id=\"ended\" aria-labelledby=\"ended-title\" tabindex=\"-1\">"
        (heading("ended", "Ended restores", total)) (list)
        (total.map(|total| pages(asked, List::Ended, total, "Pages of ended restores"))) "</section>"
    )
}

fn list(ended: &History, content: &Content, asked: &PageQuery) -> Html {
    if ended.restores.is_empty() {
        return match ended.total {
            0 if asked.is_filtered() => html!("<p class=\"empty\">No ended restore matches the filter.</p>"),
            0 => html!("<p class=\"empty\">No restore has ended yet.</p>"),
            _ => html!("<p class=\"empty\">This page of the list is empty.</p>"),
        };
    }

    let has_projects = content.daemon.projects.len() > 1 && asked.project.is_none();
    let mut columns = vec!["Restore", "Outcome", "Took", "Ended", "Began"];
    if has_projects {
        columns.insert(1, "Project");
    }
    let rows = ended.restores.iter().map(|restore| {
        let project = has_projects.then(|| ("Project", times::name(Some(restore.project.as_str()))));
        row(times::job(&restore.job), project.into_iter().chain(cells(restore, content)))
    });
    table("Ended restores, the last one first", &columns, rows.collect())
}

fn cells(restore: &EndedRestore, content: &Content) -> [(&'static str, Html); 4] {
    let now = content.daemon.timestamp;
    let facts = &restore.job.facts;
    // A failed restore has no end time.
    let ended = if let Some(at) = facts.completed_at {
        times::ago(at, now)
    } else {
        html!("noticed "(times::ago(restore.end_observed_at, now)))
    };
    [
        ("Outcome", html!((times::outcome(restore.outcome, &restore.outcome.label()))(deliveries(restore)))),
        ("Took", times::name(restore.elapsed.in_words().as_deref())),
        ("Ended", ended),
        ("Began", facts.created_at.map_or_else(|| times::name(None), |at| times::ago(at, now))),
    ]
}

/// What became of its notifications, unless all were delivered.
fn deliveries(restore: &EndedRestore) -> Option<Html> {
    let counts = &restore.deliveries;
    let words: Vec<_> = [(counts.dead, "dead"), (counts.pending, "pending")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{state}: {count}"))
        .collect();
    (!words.is_empty()).then(|| html!("<small>deliveries " (words.join(", ")) "</small>"))
}
