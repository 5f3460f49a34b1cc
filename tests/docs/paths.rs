//! What the documents name exists: files, tests, benches, types of events.

use std::path::Path;

use restore_watch::model::EventKind;

use crate::markdown::{pages, read, root};
use crate::yaml;

/// The documents whose paths are checked.
const NAMING_PATHS: [&str; 2] = ["CONTRIBUTING.md", "docs/architecture.md"];

/// A text in backticks that begins like this is a path.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "config/", "benches/", "systemd/", ".ci/"];

/// The texts in single backticks, outside of fenced blocks.
fn code(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.lines().flat_map(|line| line.split('`').skip(1).step_by(2))).collect()
}

/// The names of the targets that follow `flag` in the tasks, such as `layers` after `--test`.
fn targets<'a>(tasks: &'a str, flag: &str) -> Vec<&'a str> {
    let words: Vec<_> = tasks.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[0] == flag).map(|pair| pair[1]).collect()
}

/// Whether a test or bench of this name is in a folder.
fn is_target(folder: &str, name: &str) -> bool {
    [format!("{folder}/{name}.rs"), format!("{folder}/{name}/main.rs")]
        .iter()
        .any(|path| root().join(path).exists())
}

/// The files that a document names in backticks and that are not there. Of a path with a placeholder, the folder above
/// it is looked for; a source may be named from `src`, if a folder is part of its name.
fn missing(text: &str) -> Vec<&str> {
    let is_path = |name: &&str| {
        let is_source =
            name.contains('/') && Path::new(name).extension().is_some_and(|extension| extension == "rs");
        !name.contains(' ') && (is_source || FOLDERS.iter().any(|folder| name.starts_with(folder)))
    };
    let exists = |name: &str| {
        let certain = match name.find(['<', '*']).map(|at| &name[..at]) {
            Some(before) => before.rfind('/').map_or("", |end| &before[..end]),
            None => name,
        };
        [root().join(certain), root().join("src").join(certain)].iter().any(|path| path.exists())
    };
    code(text).into_iter().filter(is_path).filter(|name| !exists(name)).collect()
}

#[test]
fn paths_that_documents_name_exist() {
    for page in NAMING_PATHS {
        let text = read(page);

        assert!(code(&text).iter().any(|name| name.starts_with("src/")), "{page} names no path");
        assert_eq!(missing(&text), Vec::<&str>::new(), "{page}");
    }
}

#[test]
fn the_check_of_paths_finds_a_missing_one() {
    let text = "`src/lib.rs`, `src/cli/<command>.rs`, `tests/*/main.rs`, `model/event.rs`, `src/none.rs`, \
                `none/<command>.rs`, `a word`\n```\n`src/fenced.rs`\n```\n`docs/none.md`";

    assert_eq!(missing(text), ["src/none.rs", "none/<command>.rs", "docs/none.md"]);
}

#[test]
fn tasks_name_tests_and_benches_that_exist() {
    let tasks = read("justfile");
    let tests = targets(&tasks, "--test");

    assert!(!tests.is_empty());
    assert!(tests.iter().all(|name| is_target("tests", name)), "{tests:?}");

    let cargo: toml::Table = read("Cargo.toml").parse().unwrap();
    let benches = cargo["bench"].as_array().unwrap().iter().map(|bench| bench["name"].as_str().unwrap());
    let comment = tasks.lines().find(|line| line.starts_with("# One benchmark: ")).unwrap();
    for name in benches {
        assert!(is_target("benches", name) && comment.contains(name), "{name}: {comment}");
    }
}

#[test]
fn every_type_of_event_is_explained() {
    let pages: Vec<_> = pages().into_iter().map(|page| page.text).collect();
    for kind in EventKind::ALL_AND_TEST {
        let written = [format!("`{kind}`"), format!("`.{}`", kind.verb())];

        assert!(pages.iter().any(|page| written.iter().any(|name| page.contains(name))), "{kind}");
    }
}

#[test]
fn every_alert_is_explained() {
    let rules = yaml::read(&read("config/prometheus/alerts.yml"));
    let groups = rules["groups"].as_array().expect("groups").iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().expect("rules"));
    let page = read("docs/guides/monitoring.md");

    let unexplained: Vec<_> = rules
        .filter_map(|rule| rule["alert"].as_str())
        .filter(|name| !page.contains(&format!("`{name}`")))
        .collect();

    assert_eq!(unexplained, Vec::<&str>::new());
}

/// The texts of the first column of the table at 3 a.m. that has this heading, without what varies.
fn explained(heading: &str) -> Vec<String> {
    let page = read("docs/guides/at-3am.md");
    let (_, table) = page.split_once(&format!("\n| {heading} |")).expect("the table");
    let rows = table.lines().skip(2).map_while(|row| row.strip_prefix("| ")?.split(" | ").next());
    let texts = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let parts = texts.flat_map(|text| text.split('…')).map(str::trim).filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}

/// The text of every source below a folder, without the tests.
fn sources(folder: &Path) -> String {
    let entries =
        folder.read_dir().expect("a folder of sources").map(|entry| entry.expect("an entry").path());
    entries
        .filter(|path| path.file_stem().is_none_or(|name| name != "tests"))
        .map(|path| if path.is_dir() { sources(&path) } else { read(&path) })
        .collect()
}

#[test]
fn lines_that_are_explained_at_3_am_exist() {
    let sources = sources(&root().join("src"));

    for heading in ["it says", "line"] {
        let texts = explained(heading);

        assert!(texts.len() > 10, "{texts:?}");
        let unknown: Vec<_> = texts.iter().filter(|text| !sources.contains(text.as_str())).collect();
        assert!(unknown.is_empty(), "no text has: {unknown:?}");
    }
}
