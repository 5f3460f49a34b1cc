//! Links between pages resolve, and the book is complete. Nothing is fetched.

use std::path::{Component, Path, PathBuf};

use crate::markdown::{Page, pages, read, root};

/// A path without `..`.
fn resolved(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir => drop(path.pop()),
            part => path.push(part),
        }
        path
    })
}

/// Why a link does not resolve.
fn broken(pages: &[Page], page: &Page, link: &str) -> Option<String> {
    if link.contains("://") {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.path.clone(),
        file => resolved(&page.path.parent().unwrap().join(file)),
    };

    if !root().join(&target).exists() {
        return Some(format!("{link}: no such file"));
    }
    if page.path.starts_with("docs") && !target.starts_with("docs") {
        return Some(format!("{link}: not in the book"));
    }
    let known = pages.iter().find(|page| page.path == target);
    let is_there = anchor.is_empty() || known?.anchors().iter().any(|known| known == anchor);
    (!is_there).then(|| format!("{link}: no such heading"))
}

#[test]
fn links_resolve_within_the_repository() {
    let pages = pages();

    let broken: Vec<_> = pages
        .iter()
        .flat_map(|page| page.links().into_iter().map(move |link| (page, link)))
        .filter_map(|(page, link)| Some(format!("{}: {}", page.path.display(), broken(&pages, page, &link)?)))
        .collect();

    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn broken_links_are_found() {
    let page = |path: &str, text: &str| Page { path: path.into(), text: text.to_owned() };
    let pages = [page("docs/index.md", "# Title\n"), page("docs/glossary.md", "# Glossary\n")];
    let why = |link: &str| broken(&pages, &pages[0], link);

    assert_eq!(why("glossary.md#glossary"), None);
    assert_eq!(why("https://example.com/#x"), None);
    assert_eq!(why("#title"), None);
    assert!(why("#titel").unwrap().ends_with("no such heading"));
    assert!(why("glossary.md#title").unwrap().ends_with("no such heading"));
    assert!(why("none.md").unwrap().ends_with("no such file"));
    assert!(why("../README.md").unwrap().ends_with("not in the book"));
}

#[test]
fn contents_of_the_book_name_each_page_once() {
    let contents = Page { path: "docs/SUMMARY.md".into(), text: read("docs/SUMMARY.md") };
    let mut named: Vec<_> = contents.links().into_iter().map(|link| Path::new("docs").join(link)).collect();
    let mut there: Vec<_> =
        pages().into_iter().map(|page| page.path).filter(|path| path.starts_with("docs")).collect();
    there.retain(|path| *path != contents.path);
    named.sort();
    there.sort();

    assert_eq!(named, there);
}

#[test]
fn developers_find_the_glossary() {
    for path in ["CONTRIBUTING.md", "docs/architecture.md"] {
        let page = Page { path: path.into(), text: read(path) };

        assert!(page.links().iter().any(|target| target.ends_with("glossary.md")), "{path}");
    }
}

#[test]
fn readme_has_at_most_200_lines() {
    let lines = read("README.md").lines().count();

    assert!(lines <= 200, "{lines} lines: move something to docs/");
}
