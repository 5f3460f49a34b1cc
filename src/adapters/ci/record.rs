//! The files in which GitHub Actions keeps the summary and the outputs of a step.
//!
//! Invariant: earlier contents stay; a file that cannot be used is named, and the other one is
//! written all the same.

use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write as _};

use super::{Ending, outputs, summary};

/// A larger file is not shown at all (`AttachmentSizeLimit` in
/// `src/Runner.Worker/FileCommandManager.cs` of `actions/runner`).
const SUMMARY_LIMIT: u64 = 1024 * 1024;

/// Writes both; returns a warning for each that could not be written.
pub(super) fn write(ending: &Ending) -> Vec<String> {
    write_to(ending, |name| std::env::var_os(name))
}

fn write_to(ending: &Ending, variable: impl Fn(&str) -> Option<OsString>) -> Vec<String> {
    let summary = append(variable("GITHUB_STEP_SUMMARY"), |used| summarise(ending, used));
    let outputs = append(variable("GITHUB_OUTPUT"), |_| Ok(outputs::of(ending)));
    [("the job summary", "GITHUB_STEP_SUMMARY", summary), ("the outputs", "GITHUB_OUTPUT", outputs)]
        .into_iter()
        .filter_map(|(what, name, written)| {
            let why = written.err()?;
            Some(format!("warning: {what} could not be written to ${name}: {why}"))
        })
        .collect()
}

/// Appends a text, which may depend on the size of the file, and creates the file if there is none.
fn append(path: Option<OsString>, text: impl FnOnce(u64) -> Result<String, String>) -> Result<(), String> {
    let path = path.filter(|path| !path.is_empty()).ok_or("it is not set")?;
    let cannot = |error: io::Error| format!("{}: {error}", path.display());
    let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(cannot)?;
    let used = file.metadata().map_or(0, |metadata| metadata.len());
    // What is there may lack the end of its last line; an empty one means nothing in either file.
    let before = if used > 0 { "\n" } else { "" };
    file.write_all(format!("{before}{}", text(used)?).as_bytes()).map_err(cannot)
}

fn summarise(ending: &Ending, used: u64) -> Result<String, String> {
    let room = usize::try_from(SUMMARY_LIMIT.saturating_sub(used + 1)).unwrap_or(usize::MAX);
    summary::of(ending, room).ok_or_else(|| "there is no room left in it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::ci::samples::{ending, job};
    use crate::model::Outcome;

    #[test]
    fn files_are_appended_and_failures_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let ending = ending(0, false, vec![job("rj-1", Outcome::Completed)]);
        std::fs::write(path("outputs"), "before=1").unwrap();
        std::fs::write(path("full"), vec![b'x'; 1024 * 1024 - 100]).unwrap();
        let write = |summary: Option<&str>, outputs: Option<&str>| {
            write_to(&ending, |name| match name {
                "GITHUB_STEP_SUMMARY" => summary.map(|name| path(name).into()),
                _ => outputs.map(|name| path(name).into()),
            })
        };

        assert_eq!(write(Some("summary"), Some("outputs")), Vec::<String>::new());

        let text = std::fs::read_to_string(path("outputs")).unwrap();
        assert!(text.starts_with("before=1\noutcome<<ghadelimiter_"), "{text}");

        let text = std::fs::read_to_string(path("summary")).unwrap();
        assert!(text.contains("| `rj-1` | `docs` | completed |"), "{text}");

        let warnings = write(Some("full"), None).join("\n");
        insta::assert_snapshot!(warnings, @"
        warning: the job summary could not be written to $GITHUB_STEP_SUMMARY: there is no room left in it
        warning: the outputs could not be written to $GITHUB_OUTPUT: it is not set
        ");
        let warnings = write(Some(""), Some("no/such"));

        assert_eq!(warnings.len(), 2, "a directory, and a file in no directory: {warnings:?}");
        assert!(warnings.iter().all(|line| line.contains("(os error ")), "{warnings:?}");
    }
}
