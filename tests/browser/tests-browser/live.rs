//! The page while things happen: it follows events, without being loaded again.

use crate::page::Page;
use crate::site::Site;

/// A restore that runs, and how it ends.
const RUNNING: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\nage = \"10m\"\n";
const COMPLETED: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\nage = \"10m\"\ntakes = \"10m\"\n";
const FAILED: &str =
    "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\nage = \"10m\"\ntakes = \"10m\"\nends = \"failed\"\n";

/// Whether the restore is in a section of the page.
fn listed(section: &str) -> String {
    format!("document.getElementById('{section}').innerText.includes('docs-search')")
}

/// What is read out to people who do not see the page.
const ANNOUNCED: &str = "[...document.querySelectorAll('[aria-live]')].map(it => it.textContent).join(' ')";

#[test]
fn end_of_a_restore_appears_without_a_reload() {
    let Some(mut page) = Page::new() else { return };
    let mut site = Site::of(RUNNING);
    site.until("the restore", |status| status["projects"][0]["open"] == 1);
    page.open(&site.url("/"));
    page.until("the open restore", &listed("open"));
    page.evaluate("window.isTheSame = true");

    site.play(COMPLETED);

    page.until("the ended restore", &listed("ended"));
    page.until("no open restore", &format!("!{}", listed("open")));
    page.until("an announcement", &format!("{ANNOUNCED}.includes('docs-search')"));
    assert_eq!(page.evaluate("window.isTheSame"), true);
}

#[test]
fn end_while_the_daemon_is_away_is_made_up_for() {
    let Some(mut page) = Page::new() else { return };
    page.allow_lost_connections();
    let mut site = Site::of(RUNNING);
    site.until("the restore", |status| status["projects"][0]["open"] == 1);
    page.open(&site.url("/"));
    page.until("the open restore", &listed("open"));
    let connected = page.shown();
    page.evaluate("window.isTheSame = true");

    site.stop();
    page.until("word of the loss", "/connection|reconnect/i.test(document.body.innerText)");
    page.picture("connection-lost");
    site.play(FAILED);
    site.start();

    page.until("the ended restore", &listed("ended"));
    page.until("an announcement", &format!("{ANNOUNCED}.includes('docs-search')"));
    page.until("no word of the loss", "!/connection|reconnect/i.test(document.body.innerText)");
    assert_eq!(page.evaluate("window.isTheSame"), true, "{connected}");
}
