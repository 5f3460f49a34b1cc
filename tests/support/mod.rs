//! What the integration tests share: the program as a process, and the servers it speaks to.
//!
//! Invariant: every wait has a bound, and whatever the program prints is searched for secrets,
//! panics and escape sequences, whichever test made it print.

#![expect(
    clippy::missing_panics_doc,
    clippy::new_without_default,
    clippy::return_self_not_must_use,
    clippy::unwrap_used,
    reason = "this is no library: public so that no test must use all of it, and a panic is how a test fails"
)]

mod mail_server;
mod pgbouncer;
pub mod postgres_server;
mod process;
mod servers;
mod tls_plane;
mod tls_receiver;

pub use mail_server::MailServer;
pub use pgbouncer::Pgbouncer;
pub use postgres_server::PostgresServer;
pub use process::{Done, KEY, PATIENCE, Running, Watch, json_lines};
/// Prints why a test is skipped, past the harness's capture, so that it is seen.
pub fn skipped(why: &str) {
    use std::io::Write as _;

    writeln!(std::io::stderr(), "SKIPPED: {why}").expect("standard error");
}

/// faketime's library, if it is installed.
pub fn library_of_clocks() -> Option<String> {
    let shown =
        std::process::Command::new("faketime").args(["-m", "-f", "+0d", "printenv", "LD_PRELOAD"]).output();
    match shown {
        Ok(shown) if shown.status.success() => Some(String::from_utf8_lossy(&shown.stdout).trim().to_owned()),
        _ => {
            skipped("faketime is not here, so no clock is set");
            None
        }
    }
}

pub use servers::{Folder, done, fast, play, play_shipped, receive, replay, unused_address};
pub use tls_plane::{TlsPlane, pem as certificate};
pub use tls_receiver::TlsReceiver;
