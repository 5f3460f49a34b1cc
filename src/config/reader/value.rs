//! One value of a file, read as what it should be.
//!
//! Invariant: a refused value is reported once, at the value; the caller only learns that there is
//! nothing.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::{DeString, DeValue};

use super::report::{Finding, Report, Span};
use crate::config::quote::quoted;
use crate::config::surprise::Surprise;
use crate::config::typo::nearest;
use crate::config::{IndexPattern, Rate, label_fault};
use crate::model::{Keyword, Placeholder, duration, is_invisible};

/// A value, with what is needed to complain about it.
#[derive(Debug, Clone)]
pub(in crate::config) struct Value<'a> {
    /// How messages call it, such as `` `burst` ``.
    pub(in crate::config) title: String,
    pub(in crate::config) span: Span,
    pub(in crate::config) inner: &'a DeValue<'a>,
    pub(in crate::config) report: &'a Report,
}

impl<'a> Value<'a> {
    /// Begins a problem at this value; `fault` continues its name.
    pub(in crate::config) fn fault(&self, fault: impl std::fmt::Display) -> Finding {
        Finding::new(&self.span, format!("{} {fault}", self.title))
    }

    /// Reports a problem at this value; `fault` continues its name.
    pub(in crate::config) fn refuse(&self, fault: impl std::fmt::Display, help: impl Into<String>) {
        self.report.push(self.fault(fault).help(help));
    }

    /// Reports that this should be something else, namely `expected`.
    pub(in crate::config) fn mistyped(&self, expected: &str, help: Option<String>) {
        let found = match self.inner {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        let finding = self.fault(format_args!("must be {expected}, found {found}"));
        self.report.push(match help {
            Some(help) => finding.help(help),
            None => finding,
        });
    }

    /// The help for a value that stands in quotes without need.
    pub(in crate::config) fn unquote(&self, fits: impl Fn(&str) -> bool) -> Option<String> {
        let text = self.inner.as_str().filter(|text| fits(text))?;
        Some(format!("write it without quotes: {text}"))
    }

    /// A text; `help` says what to write instead of anything else.
    pub(in crate::config) fn string_or(&self, expected: &str, help: &str) -> Option<&'a str> {
        let DeValue::String(text) = self.inner else {
            self.mistyped(expected, (!help.is_empty()).then(|| help.to_owned()));
            return None;
        };
        Some(text)
    }

    pub(in crate::config) fn string(&self) -> Option<&'a str> {
        self.string_or("a string", "")
    }

    /// A name for people, see [`label_fault`].
    pub(in crate::config) fn label(&self, longest: usize) -> Option<&'a str> {
        let text = self.string()?;
        if let Some(placeholder) = Placeholder::find(text).filter(|found| found.is_unmistakable()) {
            self.refuse(
                format_args!("has a placeholder like {placeholder}, which is not replaced"),
                "write the name itself",
            );
            return None;
        }
        if let Some(fault) = label_fault(text, longest) {
            self.refuse(fault, "give a short name that people will recognise");
            return None;
        }
        if text.trim() != text {
            self.report.warn(&self.span, &Surprise::BlankInName { name: text });
        }
        Some(text)
    }

    /// A pattern for names of indexes.
    pub(in crate::config) fn index_pattern(&self) -> Option<IndexPattern> {
        const HELP: &str =
            "write it like the name of an index; `*` stands for any characters or none, `?` for one";

        IndexPattern::parse(self.string()?).map_err(|fault| self.refuse(fault, HELP)).ok()
    }

    pub(in crate::config) fn boolean(&self) -> Option<bool> {
        let DeValue::Boolean(value) = self.inner else {
            self.mistyped("true or false", self.unquote(|text| matches!(text, "true" | "false")));
            return None;
        };
        Some(*value)
    }

    /// A whole number within `bounds`.
    pub(in crate::config) fn integer(&self, bounds: &RangeInclusive<u32>) -> Option<u32> {
        let DeValue::Integer(number) = self.inner else {
            self.mistyped("a whole number", self.unquote(|text| text.parse::<u32>().is_ok()));
            return None;
        };
        let value = u32::from_str_radix(number.as_str(), number.radix()).ok();
        let value = value.filter(|value| bounds.contains(value));
        if value.is_none() {
            let shown = quoted(&number.to_string());
            self.refuse(format_args!("is {shown}"), format!("give {} to {}", bounds.start(), bounds.end()));
        }
        value
    }

    /// A rate in requests a second.
    pub(in crate::config) fn rate(&self) -> Option<Rate> {
        let (number, shown): (Option<f64>, _) = match self.inner {
            DeValue::Integer(number) if number.radix() == 10 => {
                (number.as_str().parse().ok(), number.to_string())
            }
            DeValue::Integer(number) => (None, number.to_string()),
            DeValue::Float(number) => (number.as_str().parse().ok(), number.to_string()),
            _ => {
                self.mistyped("a number", self.unquote(|text| text.parse::<f64>().is_ok()));
                return None;
            }
        };

        let rate = number.and_then(Rate::new);
        if rate.is_none() {
            let help = format!("give {} to {} requests a second", Rate::MIN, Rate::MAX);
            self.refuse(format_args!("is {}", quoted(&shown)), help);
        }
        rate
    }

    /// A duration within `bounds`.
    pub(in crate::config) fn duration(&self, bounds: &RangeInclusive<Duration>) -> Option<Duration> {
        let DeValue::String(text) = self.inner else {
            let help = match self.inner {
                DeValue::Integer(number) if number.as_str().len() <= 9 && number.radix() == 10 => {
                    format!("write \"{number}s\" for seconds")
                }
                _ => "write it like \"90s\", \"10m\" or \"1h30m\"".to_owned(),
            };
            self.mistyped("a duration", Some(help));
            return None;
        };

        let range =
            || format!("give {} to {}", duration::written(*bounds.start()), duration::written(*bounds.end()));

        match duration::parse_up_to(text, duration::MAX.max(*bounds.end())) {
            Ok(value) if bounds.contains(&value) => return Some(value),
            Ok(_) => self.refuse(format_args!("is {}", quoted(text)), range()),
            Err(duration::DurationError::TooLong(..)) => {
                self.refuse(format_args!("is {}, which is too long", quoted(text)), range());
            }
            Err(duration::DurationError::Malformed(_)) => self.refuse(
                format_args!("is {}, which is not a duration", quoted(text)),
                "write it like \"90s\", \"10m\" or \"1h30m\" (units: ms, s, m, h, d, y)",
            ),
        }
        None
    }

    /// The path of a file; a relative one starts at `base`.
    pub(in crate::config) fn path(&self, base: &Path) -> Option<PathBuf> {
        let text = self.string()?;
        let Some((fault, help)) = path_fault(text) else { return Some(base.join(text)) };
        self.refuse(fault, help);
        None
    }

    /// One of a few words.
    pub(in crate::config) fn choice<T: Keyword>(&self) -> Option<T> {
        let words = || T::ALL.iter().map(|value| value.as_str());
        let all = words().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ");
        let text = self.string_or(&all, "")?;
        let found = T::from_word(text);
        if found.is_none() {
            let help = match nearest(text, words()) {
                Some(word) => format!("did you mean \"{word}\"?"),
                None => format!("write {all}"),
            };
            self.refuse(format_args!("cannot be {}", quoted(text)), help);
        }
        found
    }

    /// The entries of an array; messages call them "an entry of" it.
    pub(in crate::config) fn array(&self, help: &str) -> Option<Vec<Value<'a>>> {
        let DeValue::Array(items) = self.inner else {
            self.mistyped("an array", Some(help.to_owned()));
            return None;
        };
        let entry = |item: &'a toml::Spanned<DeValue<'a>>| Value {
            title: format!("an entry of {}", self.title),
            span: item.span(),
            inner: item.get_ref(),
            report: self.report,
        };
        Some(items.iter().map(entry).collect())
    }

    /// The entries of a table whose keys are free, each with its key and where that is.
    pub(in crate::config) fn entries(&self, help: &str) -> Option<Vec<(&'a str, Span, Value<'a>)>> {
        let DeValue::Table(table) = self.inner else {
            self.mistyped("a table", Some(help.to_owned()));
            return None;
        };
        let entry = |(key, value): (&'a toml::Spanned<DeString<'a>>, &'a toml::Spanned<DeValue<'a>>)| {
            let title = quoted(key.get_ref());
            let value = Value { title, span: value.span(), inner: value.get_ref(), report: self.report };
            (key.get_ref().as_ref(), key.span(), value)
        };
        Some(table.iter().map(entry).collect())
    }
}

/// What is wrong with the path of a file, and what to do about it.
pub(in crate::config) fn path_fault(text: &str) -> Option<(String, &'static str)> {
    const GIVE: &str = "give the path of a file";
    const DATABASE: &str = "if the state is kept there, write `postgres` in [state] in place of `path`";
    const WHOLE: &str = "write the whole path, such as \"/etc/restore-watch/FILE\"; a relative one starts at the directory \
                         of this file";

    // Scripts and emoji have the others in names of files.
    let is_stray = |c: char| {
        is_invisible(c) && !matches!(c, '\u{200c}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}') && !c.is_control()
    };
    let of_unit = text.strip_prefix('%').is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic())
            && rest.get(1..).is_some_and(|rest| rest.starts_with('/'))
    });

    let fault = |fault: &str, help| Some((fault.to_owned(), help));

    match text {
        _ if text.trim().is_empty() => fault("is empty", GIVE),
        _ if text.contains('\0') => fault("has a NUL character in it", GIVE),
        _ if text == "~" || (text.starts_with('~') && text.contains('/')) => {
            fault("starts with `~`, which is not replaced here", "write the whole path")
        }
        _ if of_unit => fault("starts with a specifier of systemd, which is not replaced here", WHOLE),
        _ if (text.starts_with("postgres") && text.contains("://")) || text.contains("dbname=") => {
            fault("is the address of a database, not a path", DATABASE)
        }
        _ if text.contains("://") => fault("is an address, not a path", GIVE),
        _ if text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']) => {
            fault("is in quotes twice", GIVE)
        }
        _ if text.contains(is_stray) => fault("has an invisible character in it", "type the path again"),
        _ => {
            let placeholder = Placeholder::find(text)?;
            Some((format!("has a placeholder like {placeholder}, which is not replaced"), WHOLE))
        }
    }
}
