//! The exit codes in the help of `restore-watch wait` and `restore-watch restore`.
//!
//! Invariant: codes, meanings and order are those of [`Exit`]; only what a command has to add
//! to a meaning is written here.

use std::borrow::Cow;

use crate::model::Exit;

/// The table of `wait`, and which code wins if several apply.
pub(super) fn of_wait() -> String {
    // No wait starts anything.
    let rows = rows(|exit| exit != Exit::Ambiguous, meaning);
    format!("Exit codes:\n{rows}Several apply: the first of {} wins.\n", precedence())
}

/// The table of `restore`, which has one job.
pub(in crate::cli) fn of_restore() -> String {
    let rows = rows(|_| true, meaning_for_restore);
    format!("Exit codes:\n{rows}")
}

fn rows(has: impl Fn(Exit) -> bool, meaning: impl Fn(Exit) -> Cow<'static, str>) -> String {
    // The row of SIGINT's code has that of SIGTERM, too.
    let exits = Exit::OF_WAIT.into_iter().filter(|exit| *exit != Exit::Terminated && has(*exit));
    let row = |exit: Exit| format!("  {:<3}  {}\n", exit.code(), meaning(exit));
    exits.map(row).collect()
}

/// The codes as they win over each other, such as `1, 4, 3`.
fn precedence() -> String {
    Exit::PRECEDENCE.map(|exit| exit.code().to_string()).join(", ")
}

fn meaning_for_restore(exit: Exit) -> Cow<'static, str> {
    match exit {
        Exit::Success => "the restore completed (--until ready: and its index is ready)".into(),
        Exit::Failed => {
            "the restore failed or was cancelled, or its index did not become ready; or the API refused to start it".into()
        }
        Exit::NotFound => "there is no such backup; or the job was lost".into(),
        Exit::Ambiguous => format!("{}: look before it is started again", exit.meaning()).into(),
        _ => meaning(exit),
    }
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
        insta::assert_snapshot!(of_wait(), @"
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
    fn the_table_in_the_help_of_restore() {
        insta::assert_snapshot!(of_restore(), @"
        Exit codes:
          0    the restore completed (--until ready: and its index is ready)
          1    the restore failed or was cancelled, or its index did not become ready; or the API refused to start it
          2    wrong usage
          3    there is no such backup; or the job was lost
          4    the API refuses the key (401) or the permission (403)
          5    the API was unreachable for too long
          6    a job ended in a state that this program does not know
          7    it is not known whether a restore was started: look before it is started again
          70   internal error (a bug)
          71   the system gives this process too few threads or open files
          78   bad configuration, or a certificate, proxy or scheme that cannot work
          124  timeout
          130  interrupted by SIGINT; 143 by SIGTERM
        ");
    }

    #[test]
    fn the_documentation_states_the_same_order() {
        let documentation = include_str!("../../../docs/reference/exit-codes.md");

        assert!(documentation.contains(&format!("the first of {} wins", precedence())));
    }
}
