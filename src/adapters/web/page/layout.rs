//! The frame of the page: its head, its order, and what is around the sections.

use super::assets::{FAVICON, SCRIPT, STYLE};
use super::content::Content;
use super::html::{Html, Value, html};
use super::query::PageQuery;
use super::{banner, ended, filter, open, projects, sinks, times};
use crate::model::EventKind;
use crate::model::time::published;

const ICONS: &str = include_str!("icons.svg");

/// The page.
pub(super) fn page(content: &Content, asked: &PageQuery) -> String {
    let daemon = &content.daemon;
    let types: Vec<_> = EventKind::ALL.iter().map(ToString::to_string).collect();
    let body = html!(
        "<a class=\"skip\" href=\"#open\">Skip to the restores</a>"
        "<header><h1>restore-watch</h1><p id=\"connection\" role=\"status\"></p>"
        "<p id=\"news\" aria-live=\"polite\">" (news(content)) "</p></header>"
        "<main id=\"main\" data-now=\"" (published(daemon.timestamp)) "\" data-last=\"" (content.last_event.to_string())
        "\" data-types=\"" (Value(types.join(" "))) "\">"
        (banner::section(content)) (filter::form(content, asked)) (open::section(content, asked))
        (ended::section(content, asked)) (projects::section(content, asked)) (sinks::section(content))
        "</main>" (footer(content))
    );
    let live = html!(
        "<script src=\"" (SCRIPT.address()) "\" defer=\"\"></script>"
        "<noscript><meta http-equiv=\"refresh\" content=\"30\"/></noscript>"
    );
    document(&title(content), live, body)
}

/// What is shown while the daemon does not answer.
pub(super) fn unavailable(fault: &str) -> String {
    let body = html!(
        "<header><h1>restore-watch</h1></header><main id=\"main\"><section class=\"banner bad\">"
        "<h2>" (times::icon("alert")) "The daemon does not answer</h2><p>" (fault) "</p>"
        "<p>This page is loaded again in 10 seconds.</p></section></main>"
    );
    document("no answer – restore-watch", html!("<meta http-equiv=\"refresh\" content=\"10\"/>"), body)
}

/// `live` keeps the page as the daemon is.
fn document(title: &str, live: Html, body: Html) -> String {
    let mut html = html!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>"
        "<meta name=\"color-scheme\" content=\"light dark\"/><title>" (title) "</title>"
        "<link rel=\"icon\" type=\"image/svg+xml\" href=\"" (FAVICON.address()) "\"/>"
        "<link rel=\"stylesheet\" href=\"" (STYLE.address()) "\"/>"
        (live)
    );
    html.markup("</head><body>");
    html.markup(ICONS.trim_ascii_end());
    html.add(body);
    html.markup("</body></html>\n");
    html.into_string()
}

/// The state in a few words, for the tab of the browser.
fn title(content: &Content) -> String {
    let trouble = if content.daemon.troubles.is_empty() { "" } else { "trouble, " };
    let failed = content.past.as_ref().map_or(0, |past| past.failed.count(|_| true));
    let failed = if failed > 0 { format!(", {failed} failed in 24h") } else { String::new() };
    format!("{trouble}{} open{failed} – restore-watch", content.open.all)
}

/// The last of what happened since the script has shown it, in sentences.
fn news(content: &Content) -> Html {
    let has_projects = content.daemon.projects.len() > 1;
    let for_people: Vec<_> = content.news.iter().filter(|event| event.kind.is_for_people()).collect();
    let last = &for_people[for_people.len().saturating_sub(3)..];
    let sentence = |event: &&std::sync::Arc<crate::model::Event>| {
        let sentence = if has_projects { event.summary_with_project() } else { event.summary() };
        html!("<span>" (sentence) ".</span> ")
    };
    last.iter().map(sentence).collect()
}

fn footer(content: &Content) -> Html {
    let daemon = &content.daemon;
    html!(
        "<footer><p>restore-watch " (&daemon.version) ", running since "
        (times::at(daemon.started_at)) ". As of " (times::second(daemon.timestamp))
        ".</p><nav aria-label=\"Data\"><a href=\"metrics\">Metrics</a> <a href=\"v1/status\">Status</a> "
        "<a href=\"v1/history\">History</a></nav></footer>"
    )
}
