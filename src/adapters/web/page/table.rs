//! Tables that are lists of cards on narrow screens, and links between their pages.

use super::html::{Html, html};
use super::query::{List, PageQuery, ROWS};

/// A table with a caption for readers who do not see its heading. Its roles are written out,
/// because rows that are cards would lose them.
pub(super) fn table(caption: &'static str, columns: &[&'static str], rows: Html) -> Html {
    let heads: Html = columns
        .iter()
        .map(|column| html!("<th scope=\"col\" role=\"columnheader\">" (*column) "</th>"))
        .collect();
    html!(
        "<table role=\"table\"><caption>" (caption) "</caption><thead role=\"rowgroup\"><tr role=\"row\">"
        (heads) "</tr></thead><tbody role=\"rowgroup\">" (rows) "</tbody></table>"
    )
}

/// A row: what it is about, then a cell for each further column.
pub(super) fn row(about: Html, cells: impl IntoIterator<Item = (&'static str, Html)>) -> Html {
    let cells: Html = cells
        .into_iter()
        .map(|(column, cell)| html!("<td role=\"cell\" data-label=\"" (column) "\">" (cell) "</td>"))
        .collect();
    html!("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">" (about) "</th>" (cells) "</tr>")
}

/// Links to the pages before and after this one, if the list has several.
pub(super) fn pages(asked: &PageQuery, list: List, total: usize, label: &'static str) -> Option<Html> {
    let (pages, skipped) = (asked.pages(list), asked.skipped(list));
    if total <= ROWS && pages == 0 {
        return None;
    }
    let link = |to: Option<usize>, text: &'static str| {
        let Some(pages) = to else { return html!("<span class=\"none\">" (text) "</span>") };
        html!("<a href=\"" (asked.link(list, pages)) "\">" (text) "</a>")
    };
    let end = total.saturating_sub(1) / ROWS;
    let before = pages.checked_sub(1).map(|before| before.min(end));
    let next = (pages < end).then(|| pages + 1);
    let range = if skipped < total {
        html!((skipped + 1) "–" (total.min(skipped.saturating_add(ROWS))) " of " (total))
    } else {
        html!("none of "(total))
    };
    Some(html!(
        "<nav class=\"pages\" aria-label=\"" (label) "\">" (link(before, "← Previous")) "<span>" (range) "</span>"
        (link(next, "Next →")) "</nav>"
    ))
}

/// A heading with the number of what is below it, if that is known.
pub(super) fn heading(id: &'static str, text: &'static str, count: Option<usize>) -> Html {
    let count = count.map(|count| html!(" <span class=\"count\">" (count) "</span>"));
    html!("<h2 id=\"" (id) "-title\">" (text) (count) "</h2>")
}
