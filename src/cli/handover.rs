//! `restore-watch handover`

use clap::Parser;

use super::output::print;
use super::socket::SocketArgs;
use super::{Done, Failure};
use crate::model::{Exit, duration};

/// Make another replica the active one, such as before maintenance of this machine
///
/// Of the replicas that share a state in a database, one is active. It finishes deliveries that are
/// under way, gives its lease back and stays as a standby; another replica takes over. Any replica
/// can be asked. It is refused if no other replica is there. Exits with 5 if no other replica took
/// the lease: then the one that was active is active again.
#[derive(Debug, Parser)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let handover = args.socket.ask(async |client| client.handover().await)?;
    let took = std::time::Duration::try_from_secs_f64(handover.seconds).unwrap_or_default();
    print(&format!(
        "{} is active now, and {} stands by; that took {}\n",
        handover.active,
        handover.from,
        duration::human(took)
    ))?;
    Ok(Done::Exit(Exit::Success))
}
