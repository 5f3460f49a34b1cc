//! Notifications to the service manager (`sd_notify(3)`), and whether there is one.
//!
//! The protocol is a datagram with lines of text. The crate `sd-notify` is not used: its calls
//! block while the manager does not read, and nothing may delay the loop that calls this.
//!
//! Invariant: nothing here waits or fails, and without a manager that listens nothing happens.

use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::debug;

/// The most messages that wait for the manager to read.
const MAX_UNSENT: usize = 8;

/// The shortest time between two watchdog pings. No manager expects them more often; with a
/// `WATCHDOG_USEC` of a few microseconds, the loop would do nothing else.
const MIN_PING_INTERVAL: Duration = Duration::from_millis(10);

/// Whether systemd manages this system (`sd_booted(3)`), as it does in few containers.
pub fn is_running() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The connection to the manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    manager: Option<Manager>,
    watchdog: Option<Duration>,
    /// The line of status that was sent last.
    status: String,
    /// Messages that must arrive and for which the manager had no room yet.
    unsent: VecDeque<String>,
}

#[derive(Debug)]
struct Manager {
    socket: UnixDatagram,
    address: Address,
}

#[derive(Debug)]
enum Address {
    File(PathBuf),
    /// An abstract name, in no directory (`unix(7)`).
    #[cfg(target_os = "linux")]
    Abstract(Vec<u8>),
}

impl Notifier {
    /// For the manager that started this process: `NOTIFY_SOCKET` is its address, `WATCHDOG_USEC`
    /// and `WATCHDOG_PID` say whether it expects watchdog pings.
    pub fn from_environment() -> Self {
        Self::new(&|name| std::env::var(name).ok())
    }

    fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let manager = variable("NOTIFY_SOCKET").and_then(|address| Manager::at(&address));
        let mine = variable("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let limit = variable("WATCHDOG_USEC").and_then(|limit| limit.parse().ok()).filter(|_| mine);
        let watchdog = limit.filter(|limit| *limit > 0 && manager.is_some()).map(Duration::from_micros);
        Self { manager, watchdog, status: String::new(), unsent: VecDeque::new() }
    }

    /// Whether there is a manager.
    pub fn is_active(&self) -> bool {
        self.manager.is_some()
    }

    /// The interval of watchdog pings, if they are expected: half of the limit, within reason.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| (limit / 2).max(MIN_PING_INTERVAL))
    }

    /// Reports that the service is ready.
    pub fn ready(&mut self) {
        self.send_reliably("READY=1".to_owned());
    }

    /// Reports that the configuration is read again; [`Notifier::ready`] ends that.
    pub fn reloading(&mut self) {
        self.send_reliably(format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic().as_micros()));
    }

    /// Reports that the service stops.
    pub fn stopping(&mut self) {
        self.send_reliably("STOPPING=1".to_owned());
    }

    /// Sends one line of status, unless it is the same as before.
    pub fn status(&mut self, line: &str) {
        if self.status != line && self.try_send(&format!("STATUS={}", line.replace('\n', " "))) {
            line.clone_into(&mut self.status);
        }
    }

    /// Sends a watchdog ping.
    pub fn watchdog(&mut self) {
        self.try_send("WATCHDOG=1");
    }

    /// Asks for this much time for the current start or stop, whatever the unit says.
    pub fn extend_timeout(&mut self, time: Duration) {
        self.try_send(&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
    }

    /// Sends a message that must not be lost: if there is no room for it, it goes out before any
    /// other.
    fn send_reliably(&mut self, text: String) {
        if self.is_active() {
            self.unsent.push_back(text);
            self.send_unsent();
        }
    }

    /// Sends the messages that wait. Returns whether none is left.
    fn send_unsent(&mut self) -> bool {
        while let Some(text) = self.unsent.front() {
            if !self.send(text) {
                // Further ones would add nothing to what the manager knows.
                self.unsent.truncate(MAX_UNSENT);
                return false;
            }
            self.unsent.pop_front();
        }
        true
    }

    /// Sends a message that may be lost. Returns whether it was sent.
    fn try_send(&mut self, text: &str) -> bool {
        self.send_unsent() && self.send(text)
    }

    fn send(&self, text: &str) -> bool {
        let Some(manager) = &self.manager else { return false };
        match manager.send(text) {
            Ok(_) => true,
            Err(error) => {
                debug!("cannot send {text:?} to the service manager: {error}");
                false
            }
        }
    }
}

impl Manager {
    fn at(address: &str) -> Option<Self> {
        let address = match address.strip_prefix('@') {
            None => Address::File(PathBuf::from(address)),
            #[cfg(target_os = "linux")]
            Some(name) => Address::Abstract(name.as_bytes().to_owned()),
            #[cfg(not(target_os = "linux"))]
            Some(_) => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { socket, address })
    }

    fn send(&self, text: &str) -> std::io::Result<usize> {
        match &self.address {
            Address::File(path) => self.socket.send_to(text.as_bytes(), path),
            #[cfg(target_os = "linux")]
            Address::Abstract(name) => {
                use std::os::linux::net::SocketAddrExt as _;

                let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
                self.socket.send_to_addr(text.as_bytes(), &address)
            }
        }
    }
}

/// The clock of the manager for reloads: `CLOCK_MONOTONIC`.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Receives one message.
    fn received(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let length = manager.recv(&mut buffer).expect("a message");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn at(address: &str, further: &[(&str, &str)]) -> Notifier {
        Notifier::new(&|name| match name {
            "NOTIFY_SOCKET" => Some(address.to_owned()),
            _ => further.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        })
    }

    #[test]
    fn each_message_is_one_datagram() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut notifier = at(path.to_str().unwrap(), &[]);
        notifier.ready();
        notifier.status("watching 1 restore");
        notifier.status("watching 1 restore");
        notifier.status("watching\n2 restores");
        notifier.extend_timeout(Duration::from_millis(1500));
        notifier.reloading();

        assert_eq!(received(&manager), "READY=1");
        assert_eq!(received(&manager), "STATUS=watching 1 restore");
        assert_eq!(received(&manager), "STATUS=watching 2 restores");
        assert_eq!(received(&manager), "EXTEND_TIMEOUT_USEC=1500000");

        let reloading = received(&manager);
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);

        assert!(time.parse::<u128>().unwrap() <= monotonic().as_micros());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_manager_may_have_an_abstract_name() {
        use std::os::linux::net::SocketAddrExt as _;

        let name = format!("restore-watch-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        at(&format!("@{name}"), &[]).watchdog();
        assert_eq!(received(&manager), "WATCHDOG=1");
    }

    #[test]
    fn pings_come_at_half_the_limit_and_only_if_expected() {
        let limit = ("WATCHDOG_USEC", "3000000");
        assert_eq!(at("/nowhere", &[limit]).watchdog_interval(), Some(Duration::from_millis(1500)));
        let absurd = at("/nowhere", &[("WATCHDOG_USEC", "1")]).watchdog_interval();
        assert_eq!(absurd, Some(MIN_PING_INTERVAL), "the loop has other things to do");
        assert_eq!(at("/nowhere", &[limit, ("WATCHDOG_PID", "1")]).watchdog_interval(), None);
        assert_eq!(at("/nowhere", &[]).watchdog_interval(), None);
        let without = Notifier::new(&|name| (name == "WATCHDOG_USEC").then(|| "1".to_owned()));
        assert!(!without.is_active() && without.watchdog_interval().is_none());
    }

    #[test]
    fn a_manager_that_does_not_read_delays_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut notifier = at(path.to_str().unwrap(), &[]);
        // More than any queue takes: this test would not end.
        (0..100_000).for_each(|_| notifier.watchdog());
        notifier.ready();
        notifier.status("late");
        // Messages that must arrive come later, before any other.
        manager.set_nonblocking(true).unwrap();
        while manager.recv(&mut [0; 64]).is_ok() {}
        manager.set_nonblocking(false).unwrap();
        notifier.status("late");

        assert_eq!([received(&manager), received(&manager)], ["READY=1", "STATUS=late"]);
    }
}
