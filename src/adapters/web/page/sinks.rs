//! The sinks: what each has still to take, and whether it does.

use super::content::Content;
use super::html::{Html, html};
use super::table::{heading, row, table};
use super::times;
use crate::adapters::report::SinkStatus;

pub(super) fn section(content: &Content) -> Html {
    let sinks = &content.outbox.sinks;
    let rows = sinks.iter().map(|sink| {
        let count = |count: usize| html!((count));
        row(
            times::name(Some(sink.name.as_str())),
            [("State", state(sink)), ("Pending", count(sink.pending)), ("Dead", count(sink.dead))],
        )
    });
    let list = if sinks.is_empty() {
        html!("<p class=\"empty\">There is no sink: events are delivered nowhere.</p>")
    } else {
        table("Sinks with their deliveries", &["Sink", "State", "Pending", "Dead"], rows.collect())
    };
    html!(
        "<section id=\"sinks\" aria-labelledby=\"sinks-title\">" (heading("sinks", "Sinks", Some(sinks.len()))) (list)
        "</section>"
    )
}

fn state(sink: &SinkStatus) -> Html {
    let with = |symbol: &'static str, words: Html| html!("<span class=\"outcome " (symbol) "\">" (times::icon(symbol)) "<span>" (words) "</span></span>");
    let error = sink.last_error.as_ref().map(|error| html!("<small class=\"error\">" (error) "</small>"));
    match (&sink.disabled, sink.failing_since) {
        (Some(reason), _) => with("alert", html!("disabled: "(reason))),
        (None, Some(since)) => html!((with("alert", html!("takes nothing since "(times::at(since)))))(error)),
        (None, None) if !sink.configured => with("stopped", html!("not in the configuration")),
        (None, None) if sink.dead > 0 => with("alert", html!("has dead letters")),
        (None, None) => with("good", html!("fine")),
    }
}
