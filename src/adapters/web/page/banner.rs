//! What needs a person, or that nothing does.

use super::content::Content;
use super::html::{Html, html};
use super::query::link_to_outcome;
use super::times;
use crate::adapters::report::DaemonStatus;
use crate::model::Outcome;

pub(super) fn section(content: &Content) -> Html {
    let troubles = &content.daemon.troubles;
    let failed = failed(content);
    if !troubles.is_empty() {
        let items: Html = troubles.iter().map(|text| html!("<li>" (text) "</li>")).collect();
        return html!(
            "<section id=\"trouble\" class=\"banner bad\" aria-labelledby=\"trouble-title\">"
            "<h2 id=\"trouble-title\">" (times::icon("alert")) "Needs attention</h2><ul>" (items) "</ul>"
            (failed.map(|failed| html!("<p>" (failed) "</p>"))) "</section>"
        );
    }

    let summary = headline(&content.daemon);
    let (tone, symbol, words) = match failed {
        Some(failed) => ("banner warn", "bad", html!("<b>" (failed) "</b>; now " (summary))),
        None if content.past.is_err() => {
            ("banner warn", "alert", html!("<b>The history cannot be read</b>; now "(summary)))
        }
        None => ("banner", "good", html!("<b class=\"well\">All is well:</b> "(summary))),
    };
    html!(
        "<section id=\"trouble\" class=\"" (tone) "\" aria-label=\"State\"><p><span class=\"outcome " (symbol)
        "\">" (times::icon(symbol)) "</span>" (words) ".</p></section>"
    )
}

/// The restores that failed of late, with links to them.
fn failed(content: &Content) -> Option<Html> {
    let counts = content.past.as_ref().ok()?.failed;
    let link = |(outcome, restores): (Outcome, usize)| html!("<a href=\"" (link_to_outcome(outcome)) "\">" (restores) " " (outcome.label()) "</a> ");
    let links: Html = counts.iter().map(link).collect();
    (counts.count(|_| true) > 0).then(|| html!((links) "in the last 24 hours"))
}

/// A summary without what is older than its next second.
fn headline(daemon: &DaemonStatus) -> String {
    match daemon.cluster.as_ref().filter(|_| daemon.stands_by()) {
        Some(cluster) => cluster.standing(),
        None => daemon.summary.split(';').next().unwrap_or_default().to_owned(),
    }
}
