//! A table of a file, key by key.
//!
//! Invariant: a key that was not asked for is reported when the section is finished, so no key is
//! ever ignored; and none can be asked for that is not declared.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Finding, Report, Span};
use super::value::Value;
use crate::config::keys::{self, Key, TOP, Table};
use crate::config::quote::quoted;
use crate::config::typo::nearest;
use crate::config::{Rate, sinks};
use crate::model::Keyword;

/// What to write in place of `api_key` at the top.
const KEY_OF_DEFAULT: &str = "the key of the project `default` is read from $PINECONE_API_KEY; from elsewhere with:\n\
                              [[project]]\n\
                              name = \"default\"\n\
                              api_key = { file = \"PATH\" }";

/// A table that is being read. Every method named after a type takes one key, with the bounds of
/// its declaration. It returns nothing if the key is absent, or if its value was refused, which is
/// then reported.
#[derive(Debug)]
pub(in crate::config) struct Section<'a> {
    /// The header of the table, or all of it if it stands in line.
    pub(in crate::config) span: Span,
    pub(in crate::config) report: &'a Report,
    table: &'a DeTable<'a>,
    /// What to read in place of keys that the table lacks, and which keys may be there.
    defaults: Option<(&'a DeTable<'a>, &'static Table)>,
    /// Where its keys are declared.
    declared: Vec<&'static Table>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(in crate::config) fn new(
        table: &'a DeTable<'a>,
        declared: &'static Table,
        span: Span,
        report: &'a Report,
    ) -> Self {
        Self { span, report, table, defaults: None, declared: vec![declared], asked: Vec::new() }
    }

    /// `value` as a table with these keys; `expected` names the kind for the problem if it is none.
    pub(in crate::config) fn of(
        value: &Value<'a>,
        declared: &'static Table,
        expected: &str,
        help: &str,
    ) -> Option<Self> {
        let DeValue::Table(table) = value.inner else {
            value.mistyped(expected, Some(help.to_owned()));
            return None;
        };
        Some(Self::new(table, declared, value.span.clone(), value.report))
    }

    /// From now on, the keys of this table may be asked for, too.
    pub(in crate::config) fn extend(&mut self, declared: &'static Table) {
        self.declared.push(declared);
    }

    /// From now on, a key that this table lacks is read in `defaults` if it may be there, too.
    /// Problems are then shown there; its unknown keys are reported when it is finished itself.
    pub(in crate::config) fn fall_back_on(&mut self, defaults: &Section<'a>) {
        self.defaults = defaults.declared.first().map(|declared| (defaults.table, *declared));
    }

    /// The value at `key`.
    pub(in crate::config) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        // Whether it is declared is checked even if it is absent.
        self.declaration(key);
        self.asked.push(key);
        let value = self.entry(key)?;
        let title = format!("`{key}`");
        Some(Value { title, span: value.span(), inner: value.get_ref(), report: self.report })
    }

    /// Whether the table has this key, asked for or not.
    pub(in crate::config) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// Whether the table has this key although the defaults have it as well.
    pub(in crate::config) fn overrides(&self, key: &str) -> bool {
        self.table.contains_key(key) && self.default_of(key).is_some()
    }

    /// Where the value at `key` is.
    pub(in crate::config) fn span_of(&self, key: &str) -> Option<Span> {
        self.entry(key).map(toml::Spanned::span)
    }

    fn entry(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key).or_else(|| self.default_of(key))
    }

    fn default_of(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        let (table, declared) = self.defaults?;
        declared.find(key).and_then(|_| table.get(key))
    }

    /// Whether it has neither this key nor one that will be taken for a typo of it: then, and only
    /// then, it is missing.
    pub(in crate::config) fn lacks(&self, key: &str) -> bool {
        let means = |name: &str| name == key || nearest(name, [key]).is_some();
        !self.table.keys().any(|name| means(name.get_ref()))
    }

    pub(in crate::config) fn label(&mut self, key: &'static str) -> Option<(&'a str, Span)> {
        let longest = self.declaration(key).most();
        let value = self.take(key)?;
        Some((value.label(longest)?, value.span))
    }

    pub(in crate::config) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.take(key)?.boolean()
    }

    pub(in crate::config) fn integer(&mut self, key: &'static str) -> Option<u32> {
        let bounds = self.declaration(key).integer_bounds();
        self.take(key)?.integer(bounds)
    }

    pub(in crate::config) fn rate(&mut self, key: &'static str) -> Option<Rate> {
        self.take(key)?.rate()
    }

    pub(in crate::config) fn duration(&mut self, key: &'static str) -> Option<Duration> {
        let bounds = self.declaration(key).duration_bounds();
        self.take(key)?.duration(bounds)
    }

    /// One of the words of a type.
    pub(in crate::config) fn choice<T: Keyword>(&mut self, key: &'static str) -> Option<T> {
        self.take(key)?.choice()
    }

    pub(in crate::config) fn path(&mut self, key: &'static str, base: &Path) -> Option<PathBuf> {
        self.take(key)?.path(base)
    }

    /// The table at `key`, to be written as `[key]` or in line.
    pub(in crate::config) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let declared = self.declaration(key).table();
        let help = format!("write [{key}], or {key} = {{ … }}");
        Section::of(&self.take(key)?, declared, "a table", &help)
    }

    /// The tables at `key`, each to be written under `[[key]]`.
    pub(in crate::config) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let declared = self.declaration(key).table();
        let help = format!("write [[{key}]] above each");
        let entries = self.take(key).and_then(|value| value.array(&help)).unwrap_or_default();
        entries.iter().filter_map(|entry| Section::of(entry, declared, "a table", &help)).collect()
    }

    /// How `key` is declared.
    pub(in crate::config) fn declaration(&self, key: &str) -> &'static Key {
        let declaration = self.declared.iter().find_map(|table| table.find(key));
        declaration
            .unwrap_or_else(|| unreachable!("`{key}` is asked for, and so declared: a test reads every key"))
    }

    /// Reports every key that was not asked for.
    pub(in crate::config) fn finish(self) {
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            if self.asked.contains(&name) {
                continue;
            }

            let is_top = self.declared.iter().any(|table| std::ptr::eq(*table, &raw const TOP));
            let help = match (nearest(name, self.asked.iter().copied()), keys::home(name)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(home)) if is_top && name == "api_key" => {
                    format!("`{name}` belongs to {home}\n{KEY_OF_DEFAULT}")
                }
                (None, Some(home)) => format!("`{name}` belongs to {home}"),
                (None, None) if is_top && let Some(help) = sinks::help_for_table(name) => help,
                (None, None) => {
                    let mut known: Vec<_> = self.asked.iter().map(|key| format!("`{key}`")).collect();
                    known.sort_unstable();
                    format!("the keys known here are {}", known.join(", "))
                }
            };

            let span = if key.span().is_empty() { value.span() } else { key.span() };
            self.report.push(Finding::new(&span, format!("unknown key {}", quoted(name))).help(help));
        }
    }

    /// Reports every key that is in no table of keys: which of them apply is unknown.
    pub(in crate::config) fn finish_undecided(mut self) {
        self.asked = self.declared.iter().flat_map(|table| table.names()).collect();
        self.finish();
    }
}
