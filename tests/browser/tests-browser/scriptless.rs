//! The page in a browser that runs no scripts.

use crate::page::Page;
use crate::site::Site;

/// The rows of all tables, without times, which a script shows in other words.
const ROWS: &str = "[...document.querySelectorAll('main li, main tr, main dl, main figure')].map(row => {
    const copy = row.cloneNode(true);
    copy.querySelectorAll('time').forEach(time => time.remove());
    return copy.textContent.replace(/\\s+/g, ' ').trim();
})";

#[test]
fn page_shows_the_same_without_scripts() {
    let Some(mut page) = Page::new() else { return };
    let site = Site::busy();
    page.open(&site.url("/"));
    let with_scripts = page.evaluate(ROWS);

    page.disable_scripts();
    page.open(&site.url("/"));

    let without = page.evaluate(ROWS);
    assert!(without.as_array().is_some_and(|rows| rows.len() > 10), "{without}");
    assert_eq!(without, with_scripts);
    page.picture("without-scripts");
}
