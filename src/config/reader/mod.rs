//! Reads a configuration file: TOML to [`Settings`].
//!
//! Invariant: a file is either understood whole or refused with every problem it has; nothing in it
//! is ignored. No secret is read here, and none that stands in the file is repeated.

mod http;
mod layers;
mod monitor;
mod project;
mod report;
mod section;
pub(super) mod source;
mod state;
mod syntax;
#[cfg(test)]
mod tests;
pub(super) mod url;
mod value;

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

pub(super) use self::http::host_name;
pub(super) use self::report::{Finding, Report, Span};
pub(super) use self::section::Section;
pub(super) use self::state::{path_of_user as state_path_of_user, usual_path as usual_state_path};
#[cfg(test)]
pub(super) use self::tests::{FULL, FULL_DATABASE, uncommented};
pub(super) use self::value::Value;

use super::environment::{self, Variables};
use super::excerpt::Source;
use super::keys::TOP;
use super::{Problems, Settings, StateSettings, masks, sinks};

/// Of a text with more bytes, only the first syntax error is reported: each takes memory, and what
/// is no TOML may have one per byte.
const LONG_TEXT: usize = 1024 * 1024;

/// Reads `text`, the content of `file`, with the environment of this process. `file` need not
/// exist: it is named in problems, and relative paths in the text start at its directory.
///
/// ```
/// use std::path::Path;
///
/// let settings = restore_watch::config::parse(r#"jobs = ["rj-1"]"#, Path::new("config.toml"))?;
/// assert_eq!(settings.projects[0].jobs[0].id.as_str(), "rj-1");
/// # Ok::<(), restore_watch::config::Problems>(())
/// ```
pub fn parse(text: &str, file: &Path) -> Result<Settings, Problems> {
    parse_in(text, file, &environment::of_process)
}

/// Reads `text` as [`parse`] does, with another environment: if no endpoint is given,
/// `PINECONE_CONTROLLER_HOST` replaces the default one, and `STATE_DIRECTORY`, `XDG_STATE_HOME` and
/// `HOME` say where state is kept unless the text does.
pub(super) fn parse_in(text: &str, file: &Path, variables: &Variables<'_>) -> Result<Settings, Problems> {
    let text = without_mark(text);
    let document = document(text).map_err(|errors| syntax::problems(text, &errors, file))?;

    let report = Report::default();
    let base = &base_of(file);
    let mut top = Section::new(document.get_ref(), &TOP, document.span(), &report);

    let projects = project::read(&mut top, base, variables);
    // Beside a project that was refused, it is unknown which projects there are.
    let names: Vec<_> = projects.iter().map(|project| project.name.as_str()).collect();
    let names = (report.len() == 0).then_some(&names[..]);
    let surroundings = sinks::Surroundings::new(text, document.get_ref(), variables, base, names);
    let sinks = sinks::read(&mut top, &surroundings);
    let state = state::read(&mut top, base, variables);
    let monitor = monitor::read(&mut top, base);
    let http = http::read(&mut top, base);
    let drain_timeout = top.duration("drain_timeout").unwrap_or(Settings::DRAIN_TIMEOUT);
    top.finish();

    let source = || Source::new(text, Some(masks::of_document(document.get_ref(), text)));
    if report.len() > 0 {
        return Err(report.into_problems(&source(), file));
    }
    // To mask a large file takes time, and most have no warnings.
    let warnings = if report.has_warnings() { report.into_warnings(&source(), file) } else { Vec::new() };
    Ok(Settings { projects, sinks, state, monitor, http, drain_timeout, warnings })
}

/// Reads only the place of the state from `text`, as [`parse_in`] does.
pub(super) fn parse_state_in(
    text: &str,
    file: &Path,
    variables: &Variables<'_>,
) -> Result<StateSettings, Problems> {
    let text = without_mark(text);
    let document = document(text).map_err(|errors| syntax::problems(text, &errors, file))?;

    let report = Report::default();
    let mut top = Section::new(document.get_ref(), &TOP, document.span(), &report);
    let state = state::read(&mut top, &base_of(file), variables);
    if report.len() > 0 {
        let source = Source::new(text, Some(masks::of_document(document.get_ref(), text)));
        return Err(report.into_problems(&source, file));
    }
    Ok(state)
}

/// Editors on Windows put a byte order mark there, which is no part of the first line.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Where relative paths in a file start: absolute, so that what is shown of them is, too.
fn base_of(file: &Path) -> PathBuf {
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    absolute.parent().unwrap_or(Path::new("")).to_owned()
}

/// Parses a text, or returns its syntax errors: all of them, or the first one of a long text.
fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<toml::de::Error>> {
    if text.len() > LONG_TEXT {
        return DeTable::parse(text).map_err(|error| vec![error]);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() { Ok(document) } else { Err(errors) }
}
