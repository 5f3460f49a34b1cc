//! The page without a pointer.

use serde_json::Value;

use crate::page::Page;
use crate::site::Site;

/// What can be operated and is seen, in the order of the page, as texts.
const OPERABLE: &str =
    "[...document.querySelectorAll('a[href], button, input, select, summary, [tabindex=\"0\"]')]
    .filter(it => it.checkVisibility() && !it.disabled && it.type !== 'hidden').map(nameOf)";

/// What has the focus, whether that is seen, and where it is.
const FOCUS: &str = "(() => {
    const it = document.activeElement;
    const style = getComputedStyle(it);
    const box = it.getBoundingClientRect();
    return {
        name: it === document.body ? null : nameOf(it),
        isMarked: it.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        isInView: box.width > 0 && box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth,
    };
})()";

/// Names an element for a message.
const NAME_OF: &str = "window.nameOf = it => [it.localName, it.id || it.name || '',
    it.getAttribute('href') || '', it.textContent.trim().slice(0, 40)].join(' ').trim()";

#[test]
fn tab_reaches_all_that_can_be_operated_in_order() {
    let Some(mut page) = Page::new() else { return };
    let site = Site::busy();
    page.open(&site.url("/"));
    page.evaluate(NAME_OF);
    let operable = page.evaluate(OPERABLE);
    let operable: Vec<&str> = operable.as_array().unwrap().iter().filter_map(Value::as_str).collect();

    let mut walked = Vec::new();
    for _ in 0..=operable.len() {
        page.press("Tab");
        let focus = page.evaluate(FOCUS);
        let Some(name) = focus["name"].as_str() else { break };
        assert_eq!(focus["isMarked"], true, "the focus on {name} is not seen");
        assert_eq!(focus["isInView"], true, "{name} has the focus and is not in view");
        walked.push(name.to_owned());
    }

    assert_eq!(walked, operable);
}

#[test]
fn skip_link_leads_past_the_header() {
    let Some(mut page) = Page::new() else { return };
    let site = Site::busy();
    page.open(&site.url("/"));

    page.press("Tab");
    let link = page.text("document.activeElement.getAttribute('href')");
    page.picture("skip-link");
    page.press("Enter");

    assert!(link.starts_with('#'), "the first thing that has the focus is a link to {link}");
    page.until("the place that it leads to", &format!("location.hash === '{link}'"));
    page.evaluate(NAME_OF);
    page.press("Tab");
    let follows = format!(
        "document.querySelector('{link}').compareDocumentPosition(document.activeElement)
            & (Node.DOCUMENT_POSITION_FOLLOWING | Node.DOCUMENT_POSITION_CONTAINED_BY)"
    );
    assert_ne!(page.evaluate(&follows), 0, "{}", page.evaluate(FOCUS));
}

#[test]
fn restores_are_filtered_by_keyboard() {
    let Some(mut page) = Page::new() else { return };
    let site = Site::busy();
    page.open(&site.url("/"));
    assert!(page.shown().contains("staging-copy"));

    page.evaluate("document.querySelector('input[name=index]').focus()");
    page.type_text("support-*");
    page.press("Enter");

    page.until("the filter in the address", "location.search.includes('index=support-')");
    page.until("the whole page", "document.readyState === 'complete'");
    let shown = page.shown();
    assert!(shown.contains("support-tickets"), "{shown}");
    assert!(!shown.contains("staging-copy"), "{shown}");
    assert_eq!(page.text("document.querySelector('input[name=index]').value"), "support-*");
}
