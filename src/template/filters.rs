//! The filters that templates have beside those of the template language.
//!
//! Invariant: `null` passes through each filter, so that a filter can stand behind any variable.

use std::time::Duration;

use minijinja::{Environment, Error, ErrorKind, Value};

use crate::model::duration;
use crate::model::markup::{Markup, markdown, plain, utf16};

/// What follows a character that begins a mention or a link: it has no width, and no service takes
/// what follows for a name.
const BREAK: char = '\u{200b}';

/// Each filter as it is written, and what it does: for the documentation.
pub const FILTERS: &[(&str, &str)] = &[
    (
        "truncate(N)",
        "Cuts a text to N UTF-16 code units, `…` included: the largest count that a service can mean by \"characters\".",
    ),
    ("escape_markdown", "Puts a backslash before each character that has a meaning in Markdown."),
    (
        "break_mentions",
        "Puts a space of no width behind each `@` and `<`, so that a name can mention no user and make no link.",
    ),
    ("duration", "Writes seconds as people do, such as `12m 5s`."),
];

pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.add_filter("truncate", truncate);
    environment.add_filter("escape_markdown", |value: &Value| each_text(value, escape_markdown));
    environment.add_filter("break_mentions", |value: &Value| each_text(value, break_mentions));
    environment.add_filter("duration", duration_in_words);
}

fn truncate(value: &Value, length: usize) -> Result<Value, Error> {
    const TEXT: Markup = Markup { escape: plain, measure: utf16 };
    if length == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "truncate(N) needs room for one character"));
    }
    each_text(value, |text| TEXT.fit(text, length))
}

fn escape_markdown(text: &str) -> String {
    let mut escaped = String::new();
    text.chars().for_each(|c| markdown(&mut escaped, c));
    escaped
}

fn break_mentions(text: &str) -> String {
    let mut broken = String::new();
    for c in text.chars() {
        broken.push(c);
        if matches!(c, '@' | '<') {
            broken.push(BREAK);
        }
    }
    broken
}

fn duration_in_words(value: &Value) -> Result<Value, Error> {
    if value.is_none() {
        return Ok(Value::from(()));
    }
    let seconds = f64::try_from(value.clone())?;
    let known = Duration::try_from_secs_f64(seconds);
    let known = known.map_err(|_| Error::new(ErrorKind::InvalidOperation, "duration needs seconds"))?;
    Ok(duration::human(known).into())
}

/// What `change` makes of the text of a value.
fn each_text(value: &Value, change: impl Fn(&str) -> String) -> Result<Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if value.is_none() {
        return Ok(Value::from(()));
    }
    Ok(match value.as_str() {
        Some(text) => change(text).into(),
        None => change(&value.to_string()).into(),
    })
}
