//! Promise: everything wrong with a file is reported. Every key and every value of a full file is
//! made wrong, one by one, and random changes are made to the shipped one.

use std::ops::Range;
use std::path::Path;

use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

use super::{FULL, FULL_DATABASE, SAMPLE, read};
use crate::config::reader::parse_in;
use crate::config::{Problems, ProjectSettings};

/// The spans of all keys, and of all values that can be replaced in place.
fn spans(table: &DeTable<'_>, text: &str, keys: &mut Vec<Range<usize>>, values: &mut Vec<Range<usize>>) {
    for (key, value) in table {
        keys.push(key.span());
        // Whatever is in it is a good tree.
        if key.get_ref() == "payload" {
            continue;
        }
        spans_of_value(value.get_ref(), value.span(), text, keys, values);
    }
}

fn spans_of_value(
    value: &DeValue<'_>,
    span: Range<usize>,
    text: &str,
    keys: &mut Vec<Range<usize>>,
    values: &mut Vec<Range<usize>>,
) {
    // The value of `[table]` and `[[array]]` is its header.
    let is_header = text[..span.start].chars().next_back().is_none_or(|c| c == '\n')
        && text[span.clone()].starts_with('[');
    if !is_header {
        values.push(span);
    }
    match value {
        DeValue::Table(table) => spans(table, text, keys, values),
        DeValue::Array(items) => {
            for item in items {
                spans_of_value(item.get_ref(), item.span(), text, keys, values);
            }
        }
        _ => {}
    }
}

fn assert_refused(full: &str, span: &Range<usize>, replacement: &str) {
    let text = format!("{}{replacement}{}", &full[..span.start], &full[span.end..]);
    let line = full[..span.start].lines().count().max(1)
        + usize::from(full[..span.start].ends_with('\n') && span.start > 0);
    let Err(problems) = read(&text) else { panic!("accepted at line {line}:\n{text}") };
    assert!(
        problems.iter().any(|problem| problem.line() == Some(line)),
        "nothing was said about line {line}: {}\n\n{problems}",
        text.lines().nth(line - 1).unwrap_or_default(),
    );
}

#[test]
fn every_wrong_key_or_value_is_reported_at_its_line() {
    assert_changes_are_refused(FULL, 50);
}

#[test]
#[cfg(feature = "postgres")]
fn every_wrong_key_or_value_of_a_database_is_reported() {
    assert_changes_are_refused(FULL_DATABASE, 10);
}

/// Makes each key and each value of a file with at least this many wrong.
fn assert_changes_are_refused(full: &str, least: usize) {
    let document = DeTable::parse(full).unwrap();
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    spans(document.get_ref(), full, &mut keys, &mut values);
    assert!(keys.len() > least && values.len() >= least, "{} keys, {} values", keys.len(), values.len());
    for key in &keys {
        let name = &full[key.clone()];
        let quoted = |text: &str| if name.starts_with('"') { format!("\"{text}\"") } else { text.to_owned() };
        let bare = name.trim_matches('"');
        // Names of headers are free.
        if bare.starts_with("X-") {
            continue;
        }
        for typo in [format!("{bare}x"), format!("x{bare}"), bare[1..].to_owned(), bare.to_uppercase()] {
            assert_refused(full, key, &quoted(&typo));
        }
    }
    for value in &values {
        for wrong in [
            "1979-05-27",
            "-1",
            "\"\"",
            "{ zz = 1 }",
            "[[1]]",
            "[{}]",
            "nan",
            "99999999999999999999",
            "\"\\u0000\"",
        ] {
            assert_refused(full, value, wrong);
        }
    }
}

/// The keys of an array of tables are found once; its further headers are tried here.
#[test]
fn every_wrong_header_is_reported_at_its_line() {
    for (start, header) in FULL.match_indices("[[").chain(FULL.match_indices("\n[")) {
        let start = start + usize::from(header.starts_with('\n'));
        let end = start + FULL[start..].find(']').unwrap();
        if FULL[start..end] == *"[[project" {
            // Its sub-tables then belong to another project: they are refused at their own lines.
            assert!(read(&format!("{}x{}", &FULL[..end], &FULL[end..])).is_err());
        } else {
            assert_refused(FULL, &(end..end), "x");
        }
    }
}

fn bits() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[\\PC\\t\\n]{0,6}",
        "[\\[\\]{}=\"'#,.\\n\\\\ a-z0-9_é日\u{0}\u{1b}-]{0,8}",
        prop::sample::select(
            &[
                "\"\"\"",
                "'''",
                "[[project]]\n",
                "api_key = ",
                "[api]\n",
                "jobs = [",
                "{ id = ",
                "\r\n",
                "\u{feff}",
                "1e999",
                "= nan"
            ][..]
        )
        .prop_map(str::to_owned),
    ]
}

/// Reads `text` and prints what is wrong with it, in every way there is.
fn read_or_refuse(text: &str) {
    match parse_in(text, Path::new("config.toml"), &|_| None) {
        Ok(settings) => {
            assert!(!settings.sinks.is_empty() && !settings.projects.is_empty());
            let has_jobs = |project: &ProjectSettings| !project.jobs.is_empty() || project.discover.is_some();
            assert!(settings.projects.iter().all(has_jobs) || text.contains("jobs"));
        }
        Err(problems) => assert_printable(text, &problems),
    }
}

fn assert_printable(text: &str, problems: &Problems) {
    assert!(problems.iter().next().is_some());
    let printed = problems.to_string();
    assert!(!printed.contains(|c: char| c.is_control() && c != '\n'), "{printed:?}");
    for problem in problems {
        assert!(problem.line().is_none_or(|line| line <= text.split('\n').count()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(text in "[\\PC\\s]{0,200}", bits in prop::collection::vec(bits(), 0..20)) {
        read_or_refuse(&text);
        read_or_refuse(&bits.concat());
    }

    #[test]
    fn any_change_of_a_good_file_is_read_or_refused(
        full in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0..8_usize, bits()), 1..6),
    ) {
        let mut text: Vec<char> = if full { FULL } else { SAMPLE }.chars().collect();
        for (at, length, with) in changes {
            let at = at.index(text.len() + 1);
            let end = text.len().min(at + length);
            text.splice(at..end, with.chars());
        }
        read_or_refuse(&text.into_iter().collect::<String>());
    }
}
