//! A table of a file, key by key.
//!
//! Invariant: a key that nobody asked for is reported when the section is finished, so no key is ever ignored.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::layers;
use super::report::{Finding, Report, Span};
use super::value::Value;
use crate::config::Rate;
use crate::config::redaction::{nearest, quoted};

/// A table that is being read. Every method named after a type takes one key: nothing comes back where the key is
/// absent, and where it was refused, which is then reported.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// The header of the table, or all of it where it stands in line.
    pub(super) span: Span,
    table: &'a DeTable<'a>,
    known: Vec<&'static str>,
    pub(super) report: &'a Report,
}

impl<'a> Section<'a> {
    pub(super) fn new(table: &'a DeTable<'a>, span: Span, report: &'a Report) -> Self {
        Self { span, table, known: Vec::new(), report }
    }

    /// The value at `key`.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let value = self.table.get(key)?;
        let title = format!("`{key}`");
        Some(Value { title, span: value.span(), inner: value.get_ref(), report: self.report })
    }

    /// Whether the table has this key, asked for or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Where the value at `key` is.
    pub(super) fn span_of(&self, key: &str) -> Option<Span> {
        self.table.get(key).map(toml::Spanned::span)
    }

    /// Whether it has neither this key nor one that will be taken for a typo of it: then, and only then, it is missing.
    pub(super) fn lacks(&self, key: &str) -> bool {
        let means = |name: &str| name == key || nearest(name, [key]).is_some();
        !self.table.keys().any(|name| means(name.get_ref()))
    }

    /// Names keys that are known here, though nobody will ask for them.
    pub(super) fn expect(&mut self, keys: &[&'static str]) {
        self.known.extend(keys);
    }

    pub(super) fn label(&mut self, key: &'static str, longest: usize) -> Option<(&'a str, Span)> {
        let value = self.take(key)?;
        Some((value.label(longest)?, value.span))
    }

    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.take(key)?.boolean()
    }

    pub(super) fn integer(&mut self, key: &'static str, bounds: &RangeInclusive<u32>) -> Option<u32> {
        self.take(key)?.integer(bounds)
    }

    pub(super) fn rate(&mut self, key: &'static str) -> Option<Rate> {
        self.take(key)?.rate()
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        bounds: &RangeInclusive<Duration>,
    ) -> Option<(Duration, Span)> {
        let value = self.take(key)?;
        Some((value.duration(bounds)?, value.span))
    }

    pub(super) fn path(&mut self, key: &'static str, base: &Path) -> Option<PathBuf> {
        self.take(key)?.path(base)
    }

    /// The table at `key`, to be written as `[key]` or in line.
    pub(super) fn section(&mut self, key: &'static str) -> Option<Section<'a>> {
        let help = format!("write [{key}], or {key} = {{ … }}");
        self.take(key)?.table_or("a table", &help)
    }

    /// The tables at `key`, each to be written under `[[key]]`.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let help = format!("write [[{key}]] above each");
        let entries = self.take(key).and_then(|value| value.array(&help)).unwrap_or_default();
        entries.iter().filter_map(|entry| entry.table_or("a table", &help)).collect()
    }

    /// The keys and values, where the keys are free.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Span, Value<'a>)> {
        self.table.iter().map(move |(key, value)| {
            let title = quoted(key.get_ref());
            let inner = value.get_ref();
            (
                key.get_ref().as_ref(),
                key.span(),
                Value { title, span: value.span(), inner, report: self.report },
            )
        })
    }

    /// Reports every key that was not asked for.
    pub(super) fn finish(self) {
        for (key, value) in self.table {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let help = match (nearest(name, self.known.iter().copied()), layers::home(name)) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(home)) => format!("`{name}` belongs to {home}"),
                (None, None) => {
                    let mut known: Vec<_> = self.known.iter().map(|key| format!("`{key}`")).collect();
                    known.sort_unstable();
                    format!("the keys known here are {}", known.join(", "))
                }
            };
            let span = if key.span().is_empty() { value.span() } else { key.span() };
            self.report.push(Finding::new(&span, format!("unknown key {}", quoted(name))).help(help));
        }
    }
}
