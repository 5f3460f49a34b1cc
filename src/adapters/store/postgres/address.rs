//! The address of a database, as the client library takes it.

use tokio_postgres::Config;
use tokio_postgres::config::{self, SslMode};

use crate::config::{ChannelBinding, ConnectionString, DatabaseHost, Encryption};

/// What an address says of one of its hosts; what the program decides itself is not in it.
pub(super) fn config(address: &ConnectionString, host: &DatabaseHost) -> Config {
    let mut config = Config::new();
    config.user(address.role()).dbname(address.database());
    if let Some(password) = address.password() {
        config.password(password);
    }
    if let Some(options) = address.options() {
        config.options(options);
    }

    match host {
        DatabaseHost::Tcp { name, port } => config.host(name).port(*port),
        DatabaseHost::Unix { directory, port } => config.host_path(directory).port(*port),
    };
    config.ssl_mode(match address.encryption() {
        Encryption::Off => SslMode::Disable,
        Encryption::IfOffered => SslMode::Prefer,
        Encryption::Required => SslMode::Require,
    });
    config.channel_binding(match address.channel_binding() {
        ChannelBinding::Off => config::ChannelBinding::Disable,
        ChannelBinding::IfOffered => config::ChannelBinding::Prefer,
        ChannelBinding::Required => config::ChannelBinding::Require,
    });
    config
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use super::*;

    /// The library reads addresses as well: where both accept one, they agree.
    #[test]
    fn library_reads_the_same_address_alike() {
        for text in [
            "postgresql://rw:p%40%3A%2f@db.example/restores?sslmode=require",
            "postgresql://rw@a:1,[::1]:2/r?sslmode=require&channel_binding=require",
            "postgresql://rw@%2Frun%2Fpostgresql/r?sslmode=disable",
            "postgresql://db/r?user=rw&password=a%26b&options=-c%20a%3Db&sslmode=require",
            "host=a,b port=6432 user=rw dbname='a b' sslmode=require",
            r"host=db user=rw dbname=r password='it\'s \\' sslmode=require",
        ] {
            let address = ConnectionString::parse(text, false).unwrap();
            let ours: Vec<_> = address.hosts().iter().map(|host| config(&address, host)).collect();
            let theirs = Config::from_str(text).unwrap();

            let hosts: Vec<_> = ours.iter().flat_map(Config::get_hosts).cloned().collect();
            assert_eq!(hosts, theirs.get_hosts(), "{text}");
            let ports: Vec<_> = ours.iter().flat_map(Config::get_ports).copied().collect();
            let port_of = |at| theirs.get_ports().get(at).or(theirs.get_ports().first()).copied();
            let theirs_of_each: Vec<_> = (0..hosts.len()).map(|at| port_of(at).unwrap_or(5432)).collect();
            assert_eq!(ports, theirs_of_each, "{text}");
            let ours = &ours[0];
            assert_eq!(ours.get_password(), theirs.get_password(), "{text}");
            let rest = |config: &Config| {
                let names = [config.get_user(), config.get_dbname(), config.get_options()];
                format!("{names:?} {:?} {:?}", config.get_ssl_mode(), config.get_channel_binding())
            };
            assert_eq!(rest(ours), rest(&theirs), "{text}");
        }
    }
}
