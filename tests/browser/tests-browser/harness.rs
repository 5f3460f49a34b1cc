//! Whether the tests would notice: pages with faults of each kind.

use restore_watch::simulate::{Receiver, Reply};

use crate::page::Page;
use crate::support::receive;

#[test]
fn faults_of_a_page_are_noticed() {
    let Some(mut page) = Page::new() else { return };
    for (body, noticed) in [
        ("<script>console.error('one')</script>", "console: "),
        ("<script>throw new Error('two')</script>", "exception: "),
        ("<script>alert('three')</script>", "dialog: "),
        ("<img src='http://127.0.0.2:9/four.png'>", "request to another origin: http://127.0.0.2:9/four.png"),
        ("<p style='color: red'>five</p>", "ContentSecurityPolicyIssue"),
    ] {
        let server = serve(body);

        page.open(&format!("{}/", server.url()));

        let faults = page.take_faults().join("\n");
        assert!(faults.contains(noticed), "{body}: {faults}");
    }
}

#[test]
fn page_without_fault_has_none() {
    let Some(mut page) = Page::new() else { return };
    let server = serve("<p>fine</p><script>console.log('fine')</script>");

    page.open(&format!("{}/", server.url()));

    assert_eq!(page.shown().trim(), "fine");
    assert_eq!(page.requests(), [format!("{}/", server.url())]);
}

/// A server of one page, whose scripts may run.
fn serve(body: &str) -> Receiver {
    let server = receive([]);
    server.otherwise(
        Reply::status(200)
            .header("content-type", "text/html; charset=utf-8")
            .header("content-security-policy", "default-src 'none'; script-src 'unsafe-inline'; img-src *")
            .body(format!(
                "<!doctype html><html lang=en><title>A page</title><link rel=icon href=/icon>{body}"
            )),
    );
    server
}
