//! The documents for developers: what they name exists.
//!
//! Invariant: a file, a link, a test or a bench that one of them names is there, and each type of event is explained.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

use std::fs;
use std::path::{Path, PathBuf};

use restore_watch::model::EventKind;

/// The documents whose paths are checked.
const NAMING_PATHS: [&str; 2] = ["CONTRIBUTING.md", "docs/architecture.md"];

/// A text in backticks that begins like this is a path.
const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "config/", "benches/", "systemd/", ".ci/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All Markdown files for readers, relative to the root.
fn pages() -> Vec<PathBuf> {
    let mut found = vec!["README.md".into(), "CONTRIBUTING.md".into()];
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The texts in single backticks, outside of fenced blocks.
fn code(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|part| part.lines().flat_map(|line| line.split('`').skip(1).step_by(2))).collect()
}

/// The targets of links, without what stands after `#`.
fn links(text: &str) -> Vec<&str> {
    let outside = text.split("```").step_by(2);
    let targets = outside.flat_map(|part| part.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    targets.filter_map(|target| target.split('#').next()).filter(|target| !target.is_empty()).collect()
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
fn links_between_documents_resolve() {
    for page in pages() {
        let text = read(&page);
        let folder = root().join(page.parent().unwrap());
        let of_files = links(&text).into_iter().filter(|target| !target.contains("://"));

        for target in of_files {
            assert!(folder.join(target).exists(), "{}: {target}", page.display());
        }
    }
    for page in NAMING_PATHS {
        assert!(links(&read(page)).iter().any(|target| target.ends_with("glossary.md")), "{page}");
    }
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
    let pages: Vec<_> = pages().iter().map(read).collect();
    for kind in EventKind::ALL_AND_TEST {
        let written = [format!("`{kind}`"), format!("`.{}`", kind.verb())];

        assert!(pages.iter().any(|page| written.iter().any(|name| page.contains(name))), "{kind}");
    }
}
