//! `CHANGELOG.md` has the form of Keep a Changelog.

use crate::markdown::read;

const KINDS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

#[test]
fn changelog_keeps_its_form() {
    let text = read("CHANGELOG.md");
    let (_, releases) = text.split_once("\n## [Unreleased]\n").expect("a section of what is not released");

    assert!(text.starts_with("# Changelog\n"));
    for line in releases.lines() {
        let kind = line.strip_prefix("### ");
        let is_known = kind.is_none_or(|kind| KINDS.contains(&kind));
        let is_form =
            line.is_empty() || ["## [", "### ", "- ", "  "].iter().any(|form| line.starts_with(form));

        assert!(is_known && is_form, "{line}");
    }
}

#[test]
fn changelog_entries_are_short() {
    let text = read("CHANGELOG.md");
    for entry in text.split("\n- ").skip(1) {
        let entry = entry.split("\n\n").next().unwrap();

        assert!(entry.lines().count() <= 3, "say it in three lines: {entry}");
    }
}
