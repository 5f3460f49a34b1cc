//! What axe-core finds on the page.

use serde_json::{Value, json};

use crate::page::{LOOKS, Page, files};
use crate::site::Site;
use crate::skip::skipped;

#[test]
fn axe_finds_nothing_serious() {
    let Ok(axe) = std::fs::read_to_string(files().join("node_modules/axe-core/axe.min.js")) else {
        skipped("what axe-core finds", "it is not installed; tests/browser/install.sh installs it");
        return;
    };
    let Some((_site, mut page)) = Page::of(Site::busy) else { return };

    for (width, scheme) in LOOKS {
        page.look(width, scheme);
        page.evaluate(&axe);
        let found = page.evaluate("axe.run({ resultTypes: ['violations'], preload: false })");

        assert!(found["passes"].as_array().is_some_and(|passes| passes.len() > 10), "{found}");
        let violations = found["violations"].as_array().expect("a list").iter();
        let serious: Vec<Value> = violations
            .filter(|violation| ["serious", "critical"].map(Value::from).contains(&violation["impact"]))
            .map(|violation| json!({ "id": violation["id"], "help": violation["help"], "nodes": violation["nodes"] }))
            .collect();
        assert!(serious.is_empty(), "{width} {scheme:?}: {serious:#?}");
    }
}
