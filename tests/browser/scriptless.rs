//! The page in a browser that runs no scripts.

use crate::page::Page;
use crate::site::Site;

/// The rows of all tables, without times, which pass.
const ROWS: &str = "[...document.querySelectorAll('main li, main tr, main dl, main figure')].map(row => {
    const copy = row.cloneNode(true);
    copy.querySelectorAll('time, [data-label=\"Next poll\"]').forEach(time => time.remove());
    return copy.textContent.replace(/\\s+/g, ' ').trim();
})";

#[test]
fn page_shows_the_same_without_scripts() {
    let Some((site, mut page)) = Page::of(Site::busy) else { return };
    let with_scripts = page.evaluate(ROWS);

    page.disable_scripts();
    page.open(&site.url("/"));

    let without = page.evaluate(ROWS);
    assert!(without.as_array().is_some_and(|rows| rows.len() > 10), "{without}");
    assert_eq!(without, with_scripts);
    let blank = "[...document.querySelectorAll('time')].filter(time => !time.textContent.trim()).length";
    assert_eq!(page.evaluate(blank), 0);
    page.picture("without-scripts");
}
