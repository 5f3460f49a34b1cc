//! Reads a configuration file: TOML to [`Settings`].
//!
//! Invariant: a file is either understood whole or refused with every problem it has; nothing in it
//! is ignored. No secret is read here, and none that stands in the file is repeated.

mod layers;
mod monitor;
mod project;
mod report;
mod section;
mod sink;
mod source;
mod state;
#[cfg(test)]
mod tests;
mod value;
mod webhook;

use std::path::Path;

use toml::Spanned;
use toml::de::DeTable;

pub(super) use self::state::usual_path as usual_state_path;
#[cfg(test)]
pub(super) use self::tests::{FULL, uncommented};

use self::report::{Finding, Report};
use self::section::Section;
use super::environment::{self, Variables};
use super::excerpt::Source;
use super::keys::TOP;
use super::{Problems, Settings, masks};

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
    // Editors on Windows put a byte order mark there, which is no part of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document = document(text).map_err(|errors| syntax(&errors, &Source::new(text, None), file))?;

    let report = Report::default();
    let base = file.parent().unwrap_or(Path::new(""));
    let mut top = Section::new(document.get_ref(), &TOP, document.span(), &report);

    let projects = project::read(&mut top, base, variables);
    let sinks = sink::read(&mut top, base);
    let state = state::read(&mut top, base, variables);
    let monitor = monitor::read(&mut top, base);
    let drain_timeout = top.duration("drain_timeout").unwrap_or(Settings::DRAIN_TIMEOUT);
    top.finish();

    if report.len() == 0 {
        return Ok(Settings { projects, sinks, state, monitor, drain_timeout });
    }
    let masks = masks::of_document(document.get_ref(), text);
    Err(report.into_problems(&Source::new(text, Some(masks)), file))
}

/// Parses a text, or returns its syntax errors: all of them, or the first one of a long text.
fn document(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<toml::de::Error>> {
    if text.len() > LONG_TEXT {
        return DeTable::parse(text).map_err(|error| vec![error]);
    }
    let (document, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() { Ok(document) } else { Err(errors) }
}

/// The syntax errors, the first of each line: the others mostly follow from it.
fn syntax(errors: &[toml::de::Error], source: &Source<'_>, file: &Path) -> Problems {
    let report = Report::default();
    let mut errors: Vec<_> = errors.iter().map(|error| (error.span().unwrap_or_default(), error)).collect();
    errors.sort_by_key(|(span, _)| span.start);

    let mut last = 0;
    for (span, error) in errors {
        let line = source.line(source.settle(span.start));
        if line == last {
            continue;
        }
        last = line;

        let (message, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let finding = Finding::new(&span, message);
        report.push(match (message, expected) {
            // No key takes a date, so what looks like one is a text.
            ("string values must be quoted" | "invalid date", _) => finding.help("put the value in quotes"),
            (_, "`\"`" | "`'`") => finding.help(format!("end the text with {expected}")),
            (_, "" | "nothing") => finding,
            _ => finding.help(format!("expected {expected}")),
        });
    }
    report.into_problems(source, file)
}
