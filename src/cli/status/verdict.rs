//! `restore-watch status --check`: one line and an exit code, for probes.
//!
//! Invariant: there is exactly one line on standard output, however it ends, and it ends within
//! seconds, with 0, 1 or 5.

use crate::adapters::report::DaemonStatus;
use crate::cli::output::print;
use crate::cli::socket::SocketArgs;
use crate::cli::{Done, Failure};
use crate::model::Exit;

/// How many troubles the line names, which must fit the notification of a monitor.
const SHOWN: usize = 5;

/// Asks the daemon and prints whether all is well.
pub(super) fn run(socket: &SocketArgs) -> Result<Done, Failure> {
    let (exit, line) = match socket.ask(async |client| client.daemon().await) {
        Ok(daemon) => verdict(&daemon),
        Err(failure) => without_answer(&failure),
    };
    print(&(line + "\n"))?;
    Ok(Done::Exit(exit))
}

fn verdict(daemon: &DaemonStatus) -> (Exit, String) {
    let mut troubles: Vec<_> = daemon.troubles.iter().map(String::as_str).collect();
    if troubles.is_empty() {
        // An earlier daemon has no list.
        troubles.extend(daemon.trouble.as_deref());
    }
    if troubles.is_empty() {
        return (Exit::Success, format!("ok: {}", daemon.summary));
    }

    let more = match troubles.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    troubles.truncate(SHOWN);
    (Exit::Failed, format!("trouble: {}{more}", troubles.join("; ")))
}

/// A standby that cannot read the state runs. To a probe, all other reasons are the same.
fn without_answer(failure: &Failure) -> (Exit, String) {
    match failure.exit() {
        Exit::State => (Exit::Failed, format!("trouble: {}", failure.reason())),
        _ => (Exit::Unreachable, format!("down: {}", failure.reason())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict_on(trouble: Option<&str>, troubles: &[&str]) -> (Exit, String) {
        let daemon = serde_json::from_value(json!({
            "version": "1.2.3", "pid": 42, "started_at": "2026-11-23T12:00:00Z",
            "timestamp": "2026-11-23T15:00:00Z", "summary": "watching 3 restores; next poll in 4s",
            "trouble": trouble, "troubles": troubles, "projects": [],
        }));
        verdict(&daemon.unwrap())
    }

    #[test]
    fn the_line_names_what_is_wrong() {
        for (trouble, troubles, exit, line) in [
            (None, &[][..], Exit::Success, "ok: watching 3 restores; next poll in 4s"),
            (Some("a"), &["a", "b"], Exit::Failed, "trouble: a; b"),
            (None, &["b"], Exit::Failed, "trouble: b"),
            (Some("of an earlier daemon"), &[], Exit::Failed, "trouble: of an earlier daemon"),
            (None, &["1", "2", "3", "4", "5", "6", "7"], Exit::Failed, "trouble: 1; 2; 3; 4; 5; and 2 more"),
        ] {
            assert_eq!(verdict_on(trouble, troubles), (exit, line.to_owned()));
        }
    }

    #[test]
    fn a_standby_without_its_state_is_not_down() {
        for (answer, exit, line) in [
            (Exit::State, Exit::Failed, "trouble: this replica stands by"),
            (Exit::Unreachable, Exit::Unreachable, "down: this replica stands by"),
        ] {
            let failure = Failure::new(answer, "this replica stands by").with_help("see the log");
            assert_eq!(without_answer(&failure), (exit, line.to_owned()));
        }
    }
}
