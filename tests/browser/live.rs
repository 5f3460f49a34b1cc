//! The page while things happen: it follows events, without being loaded again.

use crate::page::Page;
use crate::site::Site;

/// A restore that runs, and how it ends.
const RUNNING: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\nage = \"10m\"\n";
const COMPLETED: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\nage = \"10m\"\ntakes = \"10m\"\n";
const FAILED: &str =
    "[[job]]\nid = \"rj-1\"\nindex = \"docs-search\"\nage = \"10m\"\ntakes = \"10m\"\nends = \"failed\"\n";

/// A daemon that watches it.
fn running() -> Site {
    let mut site = Site::of(RUNNING);
    site.until("the restore", |status| status["projects"][0]["open"] == 1);
    site
}

/// Whether the restore is in a section of the page.
fn listed(section: &str) -> String {
    format!("document.querySelector('section#{section}').innerText.includes('docs-search')")
}

/// What is read out to people who do not see the page.
const ANNOUNCED: &str = "[...document.querySelectorAll('[aria-live]')].map(it => it.textContent).join(' ')";

/// Whether the page says that it is cut off.
const LOST: &str = "/does not answer/.test(document.getElementById('connection').innerText)";

/// Whether the page follows the events.
const LIVE: &str = "document.getElementById('connection').innerText === 'Live'";

/// Whether the page says that nothing needs a person.
const WELL: &str = "document.body.innerText.includes('All is well')";

/// Which events the page got over the stream, but for the first of the restore: whether the page was there when that one was
/// committed is chance.
fn streamed(page: &mut Page) -> Vec<String> {
    page.streamed().into_iter().filter(|event| event != "restore_job.watched").collect()
}

/// Has the page believe that its tab is hidden, or is not.
fn hidden(is_hidden: bool) -> String {
    format!(
        "Object.defineProperty(document, 'hidden', {{ value: {is_hidden}, configurable: true }});
        document.dispatchEvent(new Event('visibilitychange'))"
    )
}

#[test]
fn end_of_a_restore_appears_without_a_reload() {
    let Some((mut site, mut page)) = Page::of(running) else { return };
    page.until("the open restore", &listed("open"));
    page.evaluate("window.isTheSame = true");

    site.play(COMPLETED);

    page.until("the ended restore", &listed("ended"));
    page.until("no open restore", &format!("!{}", listed("open")));
    page.until("an announcement", &format!("{ANNOUNCED}.includes('docs-search')"));
    assert_eq!(page.evaluate("window.isTheSame"), true);
    // It is loaded again now and then without an event, too.
    assert_eq!(streamed(&mut page), ["restore_job.completed"]);
}

#[test]
fn end_while_the_daemon_is_away_is_made_up_for() {
    let Some((mut site, mut page)) = Page::of(running) else { return };
    page.allow_lost_connections();
    page.until("the open restore", &listed("open"));
    page.evaluate("window.isTheSame = true");

    site.stop();
    page.until("word of the loss", LOST);
    page.picture("connection-lost");
    site.play(FAILED);
    site.start();

    page.until("the ended restore", &listed("ended"));
    page.until("an announcement", &format!("{ANNOUNCED}.includes('docs-search')"));
    page.until("no word of the loss", &format!("!{LOST}"));
    assert_eq!(page.evaluate("window.isTheSame"), true);
    assert_eq!(streamed(&mut page), ["restore_job.failed"]);
}

#[test]
fn page_of_a_daemon_that_hangs_does_not_look_well() {
    let Some((mut site, mut page)) = Page::of(running) else { return };
    page.allow_lost_connections();
    page.until("the stream of events", LIVE);
    page.until("the word that all is well", WELL);

    // Its connections stay open.
    site.signal("STOP");
    page.until("word of the loss", LOST);

    assert_eq!(page.evaluate(WELL), false);
    assert_eq!(page.text("document.title"), "no answer – restore-watch");
    page.picture("daemon-hangs");

    site.signal("CONT");
    page.until("the stream of events", LIVE);
    page.until("the word that all is well", WELL);
    assert_eq!(page.text("document.title"), "1 open – restore-watch");
}

#[test]
fn hidden_tab_leaves_its_connection_to_others() {
    let Some((mut site, mut page)) = Page::of(running) else { return };
    page.until("the stream of events", LIVE);

    page.evaluate(&hidden(true));
    assert_eq!(page.evaluate("source.readyState === EventSource.CLOSED"), true);
    site.play(COMPLETED);
    site.until("the end", |status| status["projects"][0]["ended"] == 1);
    assert_eq!(page.evaluate(&listed("ended")), false);

    page.evaluate(&hidden(false));
    page.until("the ended restore", &listed("ended"));
    page.until("the stream of events", LIVE);
}
