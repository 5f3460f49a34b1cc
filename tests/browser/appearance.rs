//! How the page looks, at two widths and in both schemes.

use restore_watch::simulate::Reply;

use crate::page::{LOOKS, Page, Scheme};
use crate::site::Site;
use crate::support::receive;

#[test]
fn page_fits_each_width_in_both_schemes() {
    let Some((_site, mut page)) = Page::of(Site::busy) else { return };

    let mut grounds = Vec::new();
    for (width, scheme) in LOOKS {
        page.look(width, scheme);

        grounds.push(page.text("getComputedStyle(document.body).backgroundColor"));
        page.picture(&format!("page-{width}-{scheme:?}"));
        page.fits(width);
    }
    // A telephone whose text is enlarged.
    page.look(320, Scheme::Light);
    page.picture("page-320");
    page.fits(320);
    assert_eq!(grounds[0], grounds[2]);
    assert_eq!(grounds[1], grounds[3]);
    assert_ne!(grounds[0], grounds[1], "the schemes look alike");
}

#[test]
fn drawing_of_durations_is_an_image() {
    let Some((site, mut page)) = Page::of(Site::busy) else { return };
    let drawing = site.url("/v1/durations.svg?project=shop");

    page.open(&drawing);
    page.picture("durations");
    assert_eq!(page.text("document.documentElement.localName"), "svg");

    // As in a wiki, which is another origin.
    let wiki = receive([]);
    wiki.otherwise(Reply::status(200).header("content-type", "text/html").body(format!(
        "<!doctype html><html lang=en><title>A wiki</title><img alt=\"durations\" src=\"{drawing}\">"
    )));
    page.open(&format!("{}/", wiki.url()));
    assert_eq!(page.take_faults(), [format!("request to another origin: {drawing}")]);
    assert_ne!(page.evaluate("document.images[0].naturalWidth"), 0);
}
