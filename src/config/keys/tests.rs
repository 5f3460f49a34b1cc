//! Everything that follows from the declarations has each key, and no other.
//!
//! With UPDATE set, the sample and the reference page are written instead of compared.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::page::page;
use super::sample::sample;
use super::*;
use crate::config::Problems;
use crate::config::SinkType;
use crate::config::reader::{FULL, FULL_DATABASE, parse_in, uncommented};
use crate::model::Keyword as _;

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

fn read(text: &str) -> Result<(), Problems> {
    parse_in(text, Path::new("config.toml"), &|_| None).map(drop)
}

/// The tables whose keys may stand below a key; those of a sink depend on its type.
fn below(key: &Key) -> Vec<&'static Table> {
    match key.kind {
        Kind::Sinks => [&SINK].into_iter().chain(SinkType::ALL.iter().map(|kind| kind.table())).collect(),
        Kind::Table(_)
        | Kind::Tables(_)
        | Kind::Jobs
        | Kind::Discover
        | Kind::Hours
        | Kind::Secret
        | Kind::Secrets { .. }
        | Kind::InLine(_)
        | Kind::OrTable(_)
        | Kind::Url => vec![key.table()],
        _ => Vec::new(),
    }
}

/// A declared key, by the title of its table and its name.
type Declared = (&'static str, &'static str);

/// The declared keys that a document has.
fn found(text: &str) -> BTreeSet<Declared> {
    let mut found = BTreeSet::new();
    of_table(DeTable::parse(text).unwrap().get_ref(), &[&TOP], &mut found);
    found
}

fn of_table(document: &DeTable<'_>, tables: &[&'static Table], found: &mut BTreeSet<Declared>) {
    let kind = document.get("type").and_then(|kind| SinkType::from_word(kind.get_ref().as_str()?));
    let is_of_other_type = |table: &Table| {
        kind.is_some_and(|kind| !std::ptr::eq(table, &raw const SINK) && !std::ptr::eq(table, kind.table()))
    };
    for table in tables.iter().filter(|table| !is_of_other_type(table)) {
        for key in table.keys {
            if let Some(value) = document.get(key.name) {
                found.insert((table.title, key.name));
                of_value(value.get_ref(), &below(key), found);
            }
        }
    }
}

fn of_value(value: &DeValue<'_>, tables: &[&'static Table], found: &mut BTreeSet<Declared>) {
    match value {
        DeValue::Table(table) => of_table(table, tables, found),
        DeValue::Array(items) => items.iter().for_each(|item| of_value(item.get_ref(), tables, found)),
        _ => {}
    }
}

fn declared() -> BTreeSet<Declared> {
    tables().flat_map(|table| table.names().map(|name| (table.title, name))).collect()
}

#[test]
fn sample_is_up_to_date() {
    const NOTE: &str = "# Generated from src/config/keys/declared. Regenerate with: UPDATE=1 cargo test --lib config::keys\n#\n";
    compare("config/restore-watch.toml", &format!("{NOTE}{}", sample()));
}

#[test]
fn reference_page_is_up_to_date() {
    compare("docs/reference/configuration.md", &page());
}

#[test]
fn sample_has_every_key_and_is_valid() {
    let in_force = uncommented(&sample());

    let missing: BTreeSet<_> = declared().difference(&found(&in_force)).copied().collect();

    // What excludes another key is only mentioned.
    let keys = tables().flat_map(|table| table.keys.iter().map(move |key| (table.title, key)));
    let exclusive = keys.filter(|(_, key)| key.is_exclusive);
    let mut expected: BTreeSet<_> = exclusive.map(|(title, key)| (title, key.name)).collect();
    let of_exclusive = "`basic` of a webhook";
    expected.extend([(SECRET.title, "env"), (of_exclusive, "password"), (of_exclusive, "user")]);
    assert_eq!(missing, expected, "which the text explains");
    for (title, name) in &expected {
        let is_nested = [SECRET.title, of_exclusive].contains(title);
        let mentions = [format!("\n# {name} = "), format!("\n# [{name}]\n")];
        assert!(mentions.iter().any(|text| sample().contains(text)) || is_nested, "{name}");
    }
    for text in [sample(), in_force] {
        if let Err(problems) = read(&text) {
            panic!("{problems}");
        }
    }
}

/// The groups of lines that are commented out, each as a file has it once it is in force.
fn blocks_in_force(text: &str) -> Vec<String> {
    let is_off =
        |line: &str| line.strip_prefix('#').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(' '));
    let lines: Vec<_> = text.lines().collect();
    let groups = lines.chunk_by(|one, other| is_off(one) == is_off(other));
    let groups: Vec<_> = groups.map(|lines| lines.join("\n")).collect();
    let off = (0..groups.len()).filter(|at| groups[*at].lines().all(is_off));
    off.map(|at| {
        let mut groups = groups.clone();
        groups[at] = uncommented(&groups[at]);
        groups.join("\n")
    })
    .collect()
}

#[test]
fn first_files_are_valid_with_each_of_their_blocks() {
    for text in [first_file(), &first_file_of_service()] {
        is_valid_with_each_of_its_blocks(text);
    }
}

#[test]
fn first_file_of_the_service_reads_credentials() {
    let text = first_file_of_service();

    assert_eq!(text.matches("= { credential = \"").count(), 2, "{text}");
    assert!(text.contains("LoadCredential=slack-url:"), "{text}");
    assert!(!text.contains("env = ") && !text.contains("file = ") && !text.contains("FILE"), "{text}");
}

fn is_valid_with_each_of_its_blocks(text: &str) {
    let blocks = blocks_in_force(text);

    assert_eq!(blocks.len(), 3, "jobs, Slack and the state");
    for text in blocks.iter().map(String::as_str).chain([text, &uncommented(text)]) {
        let settings = parse_in(text, Path::new("config.toml"), &|_| None)
            .unwrap_or_else(|problems| panic!("{problems}"));
        assert!(settings.warnings.is_empty(), "{text}");
    }
}

#[test]
fn reference_page_has_every_key_once() {
    let page = page();
    for table in tables() {
        let rows = |key: &Key| page.matches(&format!("\n| `{}` |", key.name)).count();
        for key in table.keys {
            assert_eq!(rows(key), find(key.name).count(), "{} {}", table.title, key.name);
        }
    }
}

/// The reader reports a key that it does not ask for: since it accepts the full files, it reads
/// every key.
#[test]
fn full_files_have_every_key_and_are_valid() {
    let found: BTreeSet<_> = [FULL, FULL_DATABASE].into_iter().flat_map(found).collect();

    assert_eq!(found, declared());
    assert!(read(FULL).is_ok());
    assert_eq!(read(FULL_DATABASE).is_ok(), cfg!(feature = "postgres"));
}

#[test]
fn every_table_can_be_in_a_file() {
    let mut reachable = vec!["Top level"];
    reachable.extend(tables().flat_map(|table| table.keys).flat_map(below).map(|table| table.title));

    for table in tables() {
        assert!(reachable.contains(&table.title), "{}", table.title);
    }
    assert!(reachable.iter().all(|title| tables().any(|table| table.title == *title)));
}

#[test]
fn declarations_of_one_name_show_the_same() {
    for (_, name) in declared() {
        let shown: Vec<_> = find(name).map(|(_, key)| key.kind.shown()).collect();
        assert!(shown.windows(2).all(|pair| pair[0] == pair[1]), "{name}: {shown:?}");
    }
}

#[test]
fn every_key_is_explained_and_has_a_value_to_show() {
    for table in tables() {
        assert!(table.about.ends_with('.'), "{}", table.title);
        for key in table.keys {
            let fits_a_cell = !key.about.contains(['|', '\n']);
            assert!(key.about.ends_with('.') && fits_a_cell, "{} {}", table.title, key.name);
            let is_table = matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Sinks);
            assert!(is_table || key.default().is_some() || !key.example.is_empty(), "{}", key.name);
        }
    }
}
