//! What templates can do, and how much of it.

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value};

use super::filters;

/// The work that one text may cost: about as many instructions, or 64 times as many bytes of data,
/// which the engine of the templates counts before it allocates them. A message needs some hundred.
const FUEL: u64 = 50_000;

/// How deep blocks may be nested, or call themselves.
const MAX_DEPTH: usize = 50;

/// The environment of all templates. Without a loader, none can read another one or a file.
pub(super) static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // The encoder of JSON escapes, and a text needs no escapes.
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(print);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_DEPTH);
    // It would copy the source of a template into each error.
    environment.set_debug(false);
    // It prints all variables in a form that is no promise.
    environment.remove_global("debug");
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    filters::add_to(&mut environment);
    environment
});

/// Prints a value as the engine does, but nothing for a `null`: a message that says "none" puzzles
/// its reader.
fn print(output: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_none() {
        return Ok(());
    }
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if let Some(text) = value.as_str() {
        return output.write_str(text).map_err(Error::from);
    }
    minijinja::escape_formatter(output, state, value)
}
