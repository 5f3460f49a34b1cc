//! Whether a log has colors.

use std::ffi::OsString;
use std::io::IsTerminal as _;

use super::style::Stream;

/// Whether colors are wanted on this stream.
pub(super) fn is_wanted_on(stream: &Stream) -> bool {
    let terminal = match stream {
        Stream::Stdout => std::io::stdout().is_terminal(),
        Stream::Stderr | Stream::Detached | Stream::Buffer(_) => std::io::stderr().is_terminal(),
    };
    terminal && environment_wants(&|name| std::env::var_os(name))
}

/// Whether the environment permits colors, by `NO_COLOR` (no-color.org), `CLICOLOR`
/// (bixense.com/clicolors) and `TERM`.
fn environment_wants(variable: &dyn Fn(&'static str) -> Option<OsString>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && variable("CLICOLOR").is_none_or(|value| value != "0")
        && variable("TERM").is_some_and(|value| value != "dumb")
}
