//! Whether texts for people have colors.

use std::ffi::OsString;
use std::io::IsTerminal;

/// Whether colors are wanted on this stream: on a terminal, unless the environment is against it.
pub fn is_wanted_on(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && environment_wants(&|name| std::env::var_os(name))
}

/// Whether the environment permits colors, by `NO_COLOR` (no-color.org), `CLICOLOR`
/// (bixense.com/clicolors) and `TERM`.
fn environment_wants(variable: &dyn Fn(&'static str) -> Option<OsString>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && variable("CLICOLOR").is_none_or(|value| value != "0")
        && variable("TERM").is_some_and(|value| value != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_variable_can_turn_colors_off() {
        for (variables, wanted) in [
            (&[("TERM", "xterm")][..], true),
            (&[], false),
            (&[("TERM", "dumb")], false),
            (&[("TERM", "xterm"), ("NO_COLOR", "")], true),
            (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            (&[("TERM", "xterm"), ("CLICOLOR", "1")], true),
            (&[("TERM", "xterm"), ("CLICOLOR", "0")], false),
        ] {
            let found = environment_wants(&|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
            });

            assert_eq!(found, wanted, "{variables:?}");
        }
    }
}
