//! What a page costs: what is requested, and how much of it there is.

use crate::page::Page;
use crate::site::{Project, Site};

/// The largest page.
const MAX_BYTES: usize = 250_000;

#[test]
fn first_load_requests_only_the_page_and_its_parts() {
    let Some(mut page) = Page::new() else { return };
    let site = Site::busy();

    page.open(&site.url("/"));
    page.until("the stream of events", "performance.getEntriesByType('resource').length >= 2");

    let mut requests = page.requests();
    requests.iter_mut().for_each(|url| *url = url.split('?').next().unwrap().to_owned());
    requests.sort();
    let parts = ["/", "/favicon.svg", "/script.js", "/style.css", "/v1/events"].map(|path| site.url(path));
    let unexpected: Vec<_> = requests.iter().filter(|url| !parts.contains(url)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    assert_eq!(page.evaluate("document.cookie"), "");
}

#[test]
fn thousands_of_restores_make_a_page_of_moderate_size() {
    let Some(mut page) = Page::new() else { return };
    let jobs = |takes: &str| {
        format!(
            "[[job]]\nid = \"open\"\nindex = \"an-index-with-a-name-of-usual-length\"\nage = \"10m\"\ncount = 1000\n\
             [[job]]\nid = \"ended\"\nindex = \"an-index-with-a-name-of-usual-length\"\nage = \"10m\"\ncount = 10000\n{takes}"
        )
    };
    let shop = Project { name: "shop", scenario: &jobs(""), settings: "discover = { max_jobs = 11000 }" };
    let mut site = Site::new(&[shop], "");
    site.until("all restores", |status| status["projects"][0]["open"] == 11_000);
    site.play(&jobs("takes = \"10m\"\n"));
    site.until("all ends", |status| status["projects"][0]["ended"] == 10_000);

    page.open(&site.url("/"));

    let bytes =
        page.evaluate("fetch('/').then(answer => answer.arrayBuffer()).then(body => body.byteLength)");
    assert!(bytes.as_u64().is_some_and(|bytes| bytes < MAX_BYTES as u64), "{bytes} bytes");
    let shown = page.shown();
    for number in ["1000", "10000"] {
        assert!(shown.contains(number), "{number}:\n{shown}");
    }
    page.picture("thousands");
}
