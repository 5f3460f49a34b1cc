//! What needs a person, or that nothing does.

use super::content::Content;
use super::html::{Html, html};
use super::times;

pub(super) fn section(content: &Content) -> Html {
    let troubles = troubles(content);
    let summary = &content.daemon.summary;
    if troubles.is_empty() {
        return html!(
            "<section id=\"trouble\" class=\"banner\" aria-label=\"State\"><p><span class=\"outcome good\">"
            (times::icon("good")) "All is well:</span> " (summary) "</p></section>"
        );
    }
    let items: Html = troubles.iter().map(|text| html!("<li>" (text) "</li>")).collect();
    html!(
        "<section id=\"trouble\" class=\"banner bad\" aria-labelledby=\"trouble-title\"><h2 id=\"trouble-title\">"
        (times::icon("alert")) "Needs attention</h2><ul>" (items) "</ul><p>" (summary) "</p></section>"
    )
}

/// All that needs a person, each in a sentence.
pub(super) fn troubles(content: &Content) -> Vec<String> {
    let daemon = &content.daemon;
    let refused = daemon.projects.iter().filter_map(|project| {
        let reason = project.refused.as_ref()?;
        Some(format!("project {}: the key is refused: {reason}", project.name))
    });
    let dead = match content.outbox.deliveries.dead {
        0 => None,
        dead => Some(format!("dead letters: {dead} (restore-watch deliveries)")),
    };
    daemon.trouble.clone().into_iter().chain(refused).chain(dead).collect()
}
