//! One text of a template, compiled.
//!
//! Invariant: a text that is one expression and nothing else keeps the type of its value.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Environment, Error, ErrorKind, Expression};
use serde_json::Value;

use super::Variables;
use super::environment::ENVIRONMENT;

/// The name of a text in its environment; of no consequence.
const NAME: &str = "text";

/// A text of a template.
#[derive(Clone)]
pub struct Leaf {
    source: String,
    compiled: Arc<Compiled>,
}

enum Compiled {
    /// A text with expressions in it.
    Text(Environment<'static>),
    /// A single expression.
    Expression { expression: Expression<'static, 'static>, at: usize },
}

/// Why a text is no template, or cannot be rendered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fault {
    /// What is wrong, without any value of a variable.
    pub message: String,
    /// Where in the text, in bytes.
    pub range: Option<Range<usize>>,
}

impl Leaf {
    /// Compiles a text.
    pub fn parse(source: &str) -> Result<Self, Fault> {
        let compiled = match expression(source) {
            Some((inner, at))
                if let Ok(expression) = ENVIRONMENT.compile_expression_owned(inner.to_owned()) =>
            {
                Compiled::Expression { expression, at }
            }
            _ => {
                let mut environment = ENVIRONMENT.clone();
                let added = environment.add_template_owned(NAME, source.to_owned());
                added.map_err(|error| Fault::new(&error, 0))?;
                Compiled::Text(environment)
            }
        };
        Ok(Self { source: source.to_owned(), compiled: Arc::new(compiled) })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is one expression and nothing else.
    pub fn is_expression(&self) -> bool {
        matches!(*self.compiled, Compiled::Expression { .. })
    }

    /// The variables that it names; those within a table with a dot, such as `job.id`.
    pub fn variables(&self) -> BTreeSet<String> {
        let found = match &*self.compiled {
            Compiled::Expression { expression, .. } => expression.undeclared_variables(true),
            Compiled::Text(environment) => environment
                .get_template(NAME)
                .map(|template| template.undeclared_variables(true))
                .unwrap_or_default(),
        };
        found.into_iter().collect()
    }

    /// The name behind the dot if it is `{{ table.name }}`, alone.
    pub fn entry_of(&self, table: &str) -> Option<&str> {
        let (inner, _) = expression(&self.source)?;
        let name = inner.trim().strip_prefix(table)?.strip_prefix('.')?;
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        (is_name && !name.is_empty()).then_some(name)
    }

    /// Its value: a text, or what its only expression is. It takes from `room`, in bytes.
    pub fn render(&self, variables: &Variables, room: &mut usize) -> Result<Value, Fault> {
        let mut bytes = Bounded { bytes: Vec::new(), room: *room, is_full: false };
        let rendered = match &*self.compiled {
            Compiled::Text(environment) => environment
                .get_template(NAME)
                .and_then(|template| template.render_captured_to(variables.0.clone(), &mut bytes))
                .map(drop)
                .map_err(|error| Fault::new(&error, 0)),
            Compiled::Expression { expression, at } => {
                evaluate(expression, variables, &mut bytes).map_err(|error| Fault::new(&error, *at))
            }
        };
        if bytes.is_full {
            return Err(Fault::of(format!("is longer than {room} bytes")));
        }
        rendered?;

        *room = bytes.room;
        let value = match &*self.compiled {
            Compiled::Text(_) => String::from_utf8(bytes.bytes).ok().map(Value::from),
            Compiled::Expression { .. } => serde_json::from_slice(&bytes.bytes).ok(),
        };
        value.ok_or_else(|| Fault::of("its value cannot be written as JSON"))
    }
}

/// Writes the value of an expression as JSON. Values can be lazy, so they are never looked at in
/// another way: the writer says when it is enough.
fn evaluate(
    expression: &Expression<'_, '_>,
    variables: &Variables,
    bytes: &mut Bounded,
) -> Result<(), Error> {
    let value = expression.eval(variables.0.clone())?;
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    let written = serde_json::to_writer(bytes, &value);
    written.map_err(|error| Error::new(ErrorKind::BadSerialization, error.to_string()))
}

/// The text between `{{` and `}}` if that is all there is, and where it begins.
fn expression(source: &str) -> Option<(&str, usize)> {
    let inner = source.strip_prefix("{{")?.strip_suffix("}}")?;
    let begin = usize::from(inner.starts_with(['-', '+']));
    let end = inner.len() - usize::from(inner.len() > begin && inner.ends_with(['-', '+']));
    Some((inner.get(begin..end)?, 2 + begin))
}

impl Fault {
    fn of(message: impl Into<String>) -> Self {
        Self { message: message.into(), range: None }
    }

    /// Of an error in a text that begins `at` bytes behind that of the leaf.
    fn new(error: &Error, at: usize) -> Self {
        let message = match (error.kind(), error.detail()) {
            (ErrorKind::OutOfFuel, _) => "takes too many steps or too much memory".to_owned(),
            (ErrorKind::UndefinedError, None) => "a value is undefined".to_owned(),
            (ErrorKind::UndefinedError, Some(detail)) => format!("a value is undefined: {detail}"),
            (_, Some(detail)) => detail.to_owned(),
            (kind, None) => kind.to_string(),
        };
        Self { message, range: error.range().map(|range| range.start + at..range.end + at) }
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

/// Bytes up to a limit: what would exceed it is an error, before it takes memory.
struct Bounded {
    bytes: Vec<u8>,
    room: usize,
    is_full: bool,
}

impl Write for Bounded {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(more.len()) else {
            self.is_full = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        };
        self.room = room;
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
