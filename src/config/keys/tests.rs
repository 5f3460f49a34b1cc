//! Everything that follows from the declarations has each key, and no other.
//!
//! With UPDATE set, the sample and the reference page are written instead of compared.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::page::page;
use super::sample::sample;
use super::*;
use crate::config::parse;
use crate::config::reader::{FULL, uncommented};

/// Compares a file of the repository with what it should be, or makes it that.
fn compare(file: &str, wanted: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "{file} is out of date: run UPDATE=1 cargo test --lib config::keys");
}

/// The tables that can be reached from the top of the file.
fn reachable() -> Vec<&'static Table> {
    let mut found: Vec<&'static Table> = vec![&TOP];
    let mut at = 0;
    while at < found.len() {
        for key in found[at].keys {
            let below = match key.kind {
                Kind::Sinks => vec![&SINK, &LOG, &DESKTOP, &WEBHOOK],
                Kind::Table(_)
                | Kind::Tables(_)
                | Kind::Jobs
                | Kind::Discover
                | Kind::Secret
                | Kind::Secrets { .. }
                | Kind::Url => vec![key.table()],
                _ => Vec::new(),
            };
            for table in below {
                if !found.iter().any(|known| std::ptr::eq(*known, table)) {
                    found.push(table);
                }
            }
        }
        at += 1;
    }
    found
}

/// The names of all keys of a document, but not the event types in `levels`.
fn names(table: &DeTable<'_>, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let name = key.get_ref().to_string();
        if name != "levels" {
            names_below(value.get_ref(), found);
        }
        found.insert(name);
    }
}

fn names_below(value: &DeValue<'_>, found: &mut BTreeSet<String>) {
    match value {
        DeValue::Table(table) => names(table, found),
        DeValue::Array(items) => items.iter().for_each(|item| names_below(item.get_ref(), found)),
        _ => {}
    }
}

fn declared() -> BTreeSet<String> {
    TABLES.iter().flat_map(|table| table.names()).map(str::to_owned).collect()
}

#[test]
fn sample_is_up_to_date() {
    compare("config/restore-watch.toml", &sample());
}

#[test]
fn reference_page_is_up_to_date() {
    compare("docs/configuration.md", &page());
}

#[test]
fn sample_has_every_key_and_is_valid() {
    let text = uncommented(&sample());
    let mut found = BTreeSet::new();
    names(DeTable::parse(&text).unwrap().get_ref(), &mut found);

    assert_eq!(declared().difference(&found).collect::<Vec<_>>(), ["env"], "and it says so in its text");
    for text in [sample(), text] {
        if let Err(problems) = parse(&text, Path::new("config.toml")) {
            panic!("{problems}");
        }
    }
}

#[test]
fn reference_page_has_every_key_once() {
    let page = page();
    for table in TABLES {
        let rows = |key: &Key| page.matches(&format!("\n| `{}` |", key.name)).count();
        for key in table.keys {
            assert_eq!(rows(key), find(key.name).count(), "{} {}", table.title, key.name);
        }
    }
}

#[test]
fn full_file_has_every_key() {
    let mut found = BTreeSet::new();
    names(DeTable::parse(FULL).unwrap().get_ref(), &mut found);

    assert_eq!(found, declared(), "so that the reader's tests show that each is read");
}

#[test]
fn tables_are_those_of_the_file() {
    let addresses = |tables: &[&'static Table]| {
        tables.iter().map(|table| std::ptr::from_ref(*table) as usize).collect::<BTreeSet<_>>()
    };

    assert_eq!(addresses(&reachable()), addresses(TABLES));
}

#[test]
fn declarations_of_one_name_show_the_same() {
    for name in declared() {
        let shown: Vec<_> = find(&name).map(|(_, key)| key.kind.shown()).collect();
        assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {shown:?}");
    }
}

#[test]
fn every_key_is_explained_and_has_a_value_to_show() {
    for table in TABLES {
        assert!(table.about.ends_with('.'), "{}", table.title);
        for key in table.keys {
            assert!(key.about.ends_with('.'), "{} {}", table.title, key.name);
            let is_table = matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Sinks);
            assert!(is_table || key.default().is_some() || !key.example.is_empty(), "{}", key.name);
        }
    }
}
