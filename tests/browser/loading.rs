//! What a page costs: what is requested, and how much of it there is.

use crate::page::Page;
use crate::site::{Project, Site};

/// The largest page.
const MAX_BYTES: usize = 250_000;

#[test]
fn first_load_requests_only_the_page_and_its_parts() {
    let Some((site, mut page)) = Page::of(Site::busy) else { return };
    page.until("the stream of events", "document.getElementById('connection').className === 'live'");

    let requests = page.requests().into_iter().map(|url| url.split('?').next().unwrap().to_owned());
    let mut requests: Vec<String> = requests.collect();
    requests.sort();
    // A browser requests the icon when it has time.
    requests.retain(|url| *url != site.url("/favicon.svg"));
    assert_eq!(requests, ["/", "/script.js", "/style.css", "/v1/events"].map(|path| site.url(path)));
    assert_eq!(page.cookies(), 0);
}

#[test]
fn thousands_of_restores_make_a_page_of_moderate_size() {
    let jobs = |takes: &str| {
        format!(
            "[[job]]\nid = \"open\"\nindex = \"an-index-with-a-name-of-usual-length\"\nage = \"10m\"\ncount = 1000\n\
             [[job]]\nid = \"ended\"\nindex = \"an-index-with-a-name-of-usual-length\"\nage = \"10m\"\ncount = 10000\n{takes}"
        )
    };
    let with_thousands = || {
        let shop = Project { name: "shop", scenario: &jobs(""), settings: "discover = { max_jobs = 11000 }" };
        // A delivery for each takes longer than all the rest, and is no part of this.
        let log = "[[sink]]\ntype = \"log\"\nevents = [\"restore_job.failed\"]\n";
        let mut site = Site::new(&[shop], log);
        site.until("all restores", |status| status["projects"][0]["open"] == 11_000);
        site.play(&jobs("takes = \"10m\"\n"));
        site.until("all ends", |status| status["projects"][0]["ended"] == 10_000);
        site
    };
    let Some((_site, mut page)) = Page::of(with_thousands) else { return };

    let bytes =
        page.evaluate("fetch('/').then(answer => answer.arrayBuffer()).then(body => body.byteLength)");
    assert!(bytes.as_u64().is_some_and(|bytes| bytes < MAX_BYTES as u64), "{bytes} bytes");
    let shown = page.shown();
    for number in ["1000", "10000"] {
        assert!(shown.contains(number), "{number}:\n{shown}");
    }
    page.picture("thousands");
}
