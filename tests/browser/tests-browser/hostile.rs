//! Names that try to be more than text.

use crate::page::{LOOKS, Page};
use crate::site::{Project, Site};

const SCRIPT: &str = "</td><script>alert(1)</script><img src=x onerror=alert(2)>";
const QUOTES: &str = "\"' onmouseover=\"alert(3)\" style='display:none'";

#[test]
fn hostile_names_are_text() {
    let Some(mut page) = Page::new() else { return };
    let long = "long".repeat(75);
    let reversed = "abc\u{202e}fed";
    let names = [SCRIPT, QUOTES, reversed, &long];
    let jobs = |end: &str| -> String {
        let job = |(number, name): (usize, &&str)| {
            format!("[[job]]\nid = \"rj{end}-{number}\"\nindex = {name:?}\nage = \"10m\"\n")
        };
        names.iter().enumerate().map(job).collect()
    };
    let ended = jobs("-ended")
        .replace("age = \"10m\"", "age = \"10m\"\ntakes = \"10m\"\nextra = { backup_id = \"<b>\" }");
    let scenario = (jobs("") + &ended).replace("\\u{202e}", "\\u202e").replace("\\'", "'");
    let ids = (0..4).map(|number| format!("\"rj-ended-{number}\", ")).collect::<String>();
    let settings = format!("discover = true\njobs = [{ids}]");
    let mut site =
        Site::new(&[Project { name: "<i>shop</i>", scenario: &scenario, settings: &settings }], "");
    site.until("all restores", |status| {
        status["projects"][0]["ended"] == 4 && status["projects"][0]["open"] == 4
    });

    page.open(&site.url("/"));

    let shown = page.shown();
    for text in [SCRIPT, QUOTES, "<i>shop</i>"] {
        assert!(shown.contains(text), "{text}:\n{shown}");
    }
    assert!(shown.contains(&long[..100]), "{shown}");
    assert!(!shown.contains('\u{202e}'), "{shown}");
    assert_eq!(page.evaluate("document.scripts.length"), 1);
    assert_eq!(page.evaluate("document.querySelectorAll('i, [onerror], [onmouseover], [style]').length"), 0);
    for (width, scheme) in LOOKS {
        page.look(width, scheme);
        let wide = page.evaluate("document.documentElement.scrollWidth").as_u64();
        assert_eq!(wide, Some(width.into()), "{scheme:?}");
        page.picture(&format!("hostile-{width}-{scheme:?}").to_lowercase());
    }
}
