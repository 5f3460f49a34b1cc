//! Names that try to be more than text, wherever a page shows a name.

use serde_json::json;

use crate::page::{LOOKS, Page};
use crate::site::{Project, Site};

const MARKUP: &str = "</td></script><script>alert(1)</script><img src=x onerror=alert(2)>";
const ATTRIBUTES: &str = "\"' onmouseover=\"alert(3)\" style='display:none' x=\"&quot;";
const REVERSED: &str = "abc\u{202e}fed";

#[test]
fn hostile_names_are_text() {
    let long = "long".repeat(75);
    let names = [MARKUP, ATTRIBUTES, REVERSED, &long];
    let Some((_site, mut page)) = Page::of(|| site(&names)) else { return };

    let shown = page.shown();
    for text in
        [MARKUP, ATTRIBUTES, &long[..100], "<i>shop</i>", "<i>fails</i>", "<i>running</i>", "<i>gone</i>"]
    {
        assert!(shown.contains(text), "{text}:\n{shown}");
    }
    assert!(!shown.contains('\u{202e}'), "{shown}");
    assert_eq!(page.evaluate("document.scripts.length"), 1);
    assert_eq!(page.evaluate("document.querySelectorAll('i, img, [onmouseover], [style]').length"), 0);
    for (width, scheme) in LOOKS {
        page.look(width, scheme);
        page.picture(&format!("hostile-{width}-{scheme:?}"));
        page.fits(width);
    }
}

/// Restores into indexes of these names, one open and one ended of each, in a project, with statuses
/// and errors that are no better.
fn site(names: &[&str]) -> Site {
    let jobs = names.iter().enumerate().map(|(number, name)| {
        // What is a text of JSON is one of TOML.
        let name = json!(name);
        let job = |id: &str| format!("[[job]]\nid = \"{id}-{number}\"\nindex = {name}\nage = \"10m\"\n");
        job("open") + "pending_status = \"<i>running</i>\"\n" + &job("ended") + "takes = \"10m\"\n"
    });
    let fault =
        "[[fault]]\njob = \"fails\"\nkind = \"status\"\nstatus = 500\nbody_text = \"all is <i>gone</i>\"\n";
    let scenario = jobs.collect::<String>() + "[[job]]\nid = \"fails\"\n" + fault;
    let ended = (0..names.len()).map(|number| format!("\"ended-{number}\", ")).collect::<Vec<_>>().concat();
    let settings =
        format!("discover = true\njobs = [{ended}{{ id = \"fails\", name = \"<i>fails</i>\" }}]\n");

    let mut site =
        Site::new(&[Project { name: "<i>shop</i>", scenario: &scenario, settings: &settings }], "");
    site.until("all restores", |status| {
        let project = &status["projects"][0];
        project["ended"] == names.len() && project["open"] == names.len() + 1
    });
    site
}
