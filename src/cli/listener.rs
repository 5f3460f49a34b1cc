//! The HTTP listener of `run`: where it listens, and what it shows.

use std::path::Path;

use tracing::{info, warn};

use super::Failure;
use crate::adapters::report::{Reader, Readers};
use crate::adapters::store::OpenError;
use crate::adapters::web;
use crate::config::{HttpSettings, ListenAddress};
use crate::model::Exit;
use crate::platform::clock::Clock;

/// The settings of the configuration, with the addresses of the command line if it names some.
/// `socket` is where the control socket is going to be.
pub(super) fn settings(
    named: &[ListenAddress],
    configured: &HttpSettings,
    socket: Option<&Path>,
) -> Result<HttpSettings, Failure> {
    let socket =
        socket.map(|path| ListenAddress::Unix(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())));
    let is_socket = |address: &&ListenAddress| socket.as_ref() == Some(*address);
    if named.is_empty() {
        return match configured.listen.iter().find(is_socket) {
            None => Ok(configured.clone()),
            Some(address) => {
                let error = format!("[http] listen: {address} is the control socket");
                Err(Failure::new(Exit::Config, error).with_help("name another socket"))
            }
        };
    }

    let refused = |fault: &str, help: &str| Err(Failure::usage(format!("--http: {fault}")).with_help(help));
    if let Some(address) = named.iter().find(|address| address.is_remote() && !configured.allow_remote) {
        let help = "name a loopback address such as 127.0.0.1:9115, or set `allow_remote = true` in [http]";
        return refused(&format!("other machines can reach {address}"), help);
    }
    if let Some(address) = named.iter().find(is_socket) {
        return refused(&format!("{address} is the control socket"), "name another socket");
    }
    let is_repeated = |at: usize| named[..at].iter().any(|known| known.is_same_place(&named[at]));
    if let Some(at) = (1..named.len()).find(|at| is_repeated(*at)) {
        return refused(&format!("{} is there twice", named[at]), "name each address once");
    }

    let settings = HttpSettings { listen: named.to_vec(), ..configured.clone() };
    if let Some(warning) = settings.warning() {
        warn!("{warning}");
    }
    Ok(settings)
}

/// Makes the listener, if it has an address.
pub(super) fn serve(
    settings: HttpSettings,
    token: Option<web::Token>,
    read: &dyn Fn() -> Result<Box<dyn Reader>, OpenError>,
    clock: Clock,
) -> Result<Option<web::Server>, Failure> {
    if settings.listen.is_empty() {
        return Ok(None);
    }
    let access = web::Access { token, hosts: settings.hosts };
    let server = start(&settings.listen, access, read, clock)?;
    for address in server.addresses() {
        info!(%address, "listening on {address}");
    }
    Ok(Some(server))
}

/// Listens at these addresses, over readers of their own.
pub(super) fn start(
    listen: &[ListenAddress],
    access: web::Access,
    read: &dyn Fn() -> Result<Box<dyn Reader>, OpenError>,
    clock: Clock,
) -> Result<web::Server, Failure> {
    let [readers, events] = [read()?, read()?].map(Readers::new);
    let sources = web::Sources { readers, events, clock };
    web::Server::start(listen, access, sources)
        .map_err(|error| Failure::new(Exit::State, error.to_string()).with_help(error.help()))
}
