//! The exit codes in the help of `restore-watch wait`.
//!
//! Invariant: codes, meanings and order are those of [`Exit`]; only what a wait has to add to a
//! meaning is written here.

use std::borrow::Cow;

use crate::model::Exit;

/// The table, and which code wins if several apply.
pub(super) fn table() -> String {
    let row = |exit: Exit| format!("  {:<3}  {}\n", exit.code(), meaning(exit));
    // The row of SIGINT's code has that of SIGTERM, too.
    let rows: String = Exit::OF_WAIT.into_iter().filter(|exit| *exit != Exit::Terminated).map(row).collect();
    format!("Exit codes:\n{rows}Several apply: the first of {} wins.\n", precedence())
}

/// The codes as they win over each other, such as `1, 4, 3`.
fn precedence() -> String {
    Exit::PRECEDENCE.map(|exit| exit.code().to_string()).join(", ")
}

fn meaning(exit: Exit) -> Cow<'static, str> {
    let meaning = exit.meaning();
    match exit {
        Exit::Success => {
            format!("{meaning}: every job completed (--any: one did; --until ready: and is ready)").into()
        }
        Exit::Unauthorized => "the API refuses the key (401) or the permission (403)".into(),
        Exit::Internal => format!("{meaning} (a bug)").into(),
        Exit::Config => format!("{meaning}, or a certificate, proxy or scheme that cannot work").into(),
        Exit::Interrupted => format!("{meaning}; {} by SIGTERM", Exit::Terminated.code()).into(),
        _ => meaning.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_in_the_help() {
        insta::assert_snapshot!(table(), @"
        Exit codes:
          0    condition met: every job completed (--any: one did; --until ready: and is ready)
          1    a job failed or was cancelled, or its index did not become ready
          2    wrong usage
          3    a job was not found, or was lost
          4    the API refuses the key (401) or the permission (403)
          5    the API was unreachable for too long
          6    a job ended in a state that this program does not know
          70   internal error (a bug)
          71   the system gives this process too few threads or open files
          78   bad configuration, or a certificate, proxy or scheme that cannot work
          124  timeout
          130  interrupted by SIGINT; 143 by SIGTERM
        Several apply: the first of 1, 4, 3, 6, 78, 5, 124 wins.
        ");
    }

    #[test]
    fn the_documentation_states_the_same_order() {
        let documentation = include_str!("../../../docs/reference/exit-codes.md");

        assert!(documentation.contains(&format!("the first of {} wins", precedence())));
    }
}
