//! The service manager: it is told how the service is doing (`sd_notify(3)`).
//!
//! The protocol is a datagram with lines of text. The crate `sd-notify` sends them by calls that block while the manager
//! does not read, and nothing may hold up the loop that calls this.
//!
//! Invariant: nothing here waits, fails or does anything without a manager that asked to be told.

use std::collections::VecDeque;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use tracing::debug;

/// How much the manager may be told late.
const MOST_UNSENT: usize = 8;

/// The shortest time between two signs of life. No manager expects them more often; a loop that gave them as often as a
/// `WATCHDOG_USEC` of a few microseconds asks would do nothing else.
const MOST_OFTEN: Duration = Duration::from_millis(10);

/// Speaks to the manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    manager: Option<Manager>,
    watchdog: Option<Duration>,
    /// The line of status that was sent last.
    status: String,
    /// What the manager must know and had no room for yet.
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
    /// A name that is in no directory (`unix(7)`).
    #[cfg(target_os = "linux")]
    Abstract(Vec<u8>),
}

impl Notifier {
    /// For the manager that this process was started by: `NOTIFY_SOCKET` says where it listens, `WATCHDOG_USEC` and
    /// `WATCHDOG_PID` whether it expects signs of life.
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

    /// Whether there is a manager to tell.
    pub fn is_active(&self) -> bool {
        self.manager.is_some()
    }

    /// How often a sign of life is to be given, where one is expected: twice as often as it must be, within reason.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| (limit / 2).max(MOST_OFTEN))
    }

    /// The service is at work.
    pub fn ready(&mut self) {
        self.must_tell("READY=1".to_owned());
    }

    /// The service reads its configuration again; [`Notifier::ready`] ends that.
    pub fn reloading(&mut self) {
        self.must_tell(format!("RELOADING=1\nMONOTONIC_USEC={}", monotonic().as_micros()));
    }

    /// The service stops.
    pub fn stopping(&mut self) {
        self.must_tell("STOPPING=1".to_owned());
    }

    /// How the service is doing, in one line. The same line again is not sent.
    pub fn status(&mut self, line: &str) {
        if self.status != line && self.tell(&format!("STATUS={}", line.replace('\n', " "))) {
            line.clone_into(&mut self.status);
        }
    }

    /// A sign of life.
    pub fn watchdog(&mut self) {
        self.tell("WATCHDOG=1");
    }

    /// A start or a stop that is under way takes up to this long from now, whatever the unit says.
    pub fn extend_timeout(&mut self, time: Duration) {
        self.tell(&format!("EXTEND_TIMEOUT_USEC={}", time.as_micros()));
    }

    /// Tells what must not be lost: where there is no room for it, it is told before anything else.
    fn must_tell(&mut self, text: String) {
        if self.is_active() {
            self.unsent.push_back(text);
            self.catch_up();
        }
    }

    /// Returns whether nothing is left to be told first.
    fn catch_up(&mut self) -> bool {
        while let Some(text) = self.unsent.front() {
            if !self.send(text) {
                // Of more than that, the manager has nothing left to learn.
                self.unsent.truncate(MOST_UNSENT);
                return false;
            }
            self.unsent.pop_front();
        }
        true
    }

    /// Tells something that may be lost. Returns whether it was told.
    fn tell(&mut self, text: &str) -> bool {
        self.catch_up() && self.send(text)
    }

    fn send(&self, text: &str) -> bool {
        let Some(manager) = &self.manager else { return false };
        match manager.send(text) {
            Ok(_) => true,
            Err(error) => {
                debug!("the service manager could not be told {text:?}: {error}");
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

/// What the manager compares the time of a reload with: `CLOCK_MONOTONIC`.
fn monotonic() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::try_from(now).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a manager at this address receives.
    fn told(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 512];
        manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let length = manager.recv(&mut buffer).expect("something was told");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn at(address: &str, further: &[(&str, &str)]) -> Notifier {
        Notifier::new(&|name| match name {
            "NOTIFY_SOCKET" => Some(address.to_owned()),
            _ => further.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        })
    }

    #[test]
    fn a_manager_is_told_line_by_line() {
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
        assert_eq!(told(&manager), "READY=1");
        assert_eq!(told(&manager), "STATUS=watching 1 restore");
        assert_eq!(told(&manager), "STATUS=watching 2 restores");
        assert_eq!(told(&manager), "EXTEND_TIMEOUT_USEC=1500000");
        let reloading = told(&manager);
        let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").expect(&reloading);
        assert!(time.parse::<u128>().unwrap() <= monotonic().as_micros());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_manager_may_have_a_name_that_is_in_no_directory() {
        use std::os::linux::net::SocketAddrExt as _;

        let name = format!("restore-watch-test-{}", std::process::id());
        let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        at(&format!("@{name}"), &[]).watchdog();
        assert_eq!(told(&manager), "WATCHDOG=1");
    }

    #[test]
    fn signs_of_life_are_given_twice_as_often_as_they_must_be_and_only_where_they_are_expected() {
        let limit = ("WATCHDOG_USEC", "3000000");
        assert_eq!(at("/nowhere", &[limit]).watchdog_interval(), Some(Duration::from_millis(1500)));
        let absurd = at("/nowhere", &[("WATCHDOG_USEC", "1")]).watchdog_interval();
        assert_eq!(absurd, Some(MOST_OFTEN), "the loop has other things to do");
        assert_eq!(at("/nowhere", &[limit, ("WATCHDOG_PID", "1")]).watchdog_interval(), None);
        assert_eq!(at("/nowhere", &[]).watchdog_interval(), None);
        let without = Notifier::new(&|name| (name == "WATCHDOG_USEC").then(|| "1".to_owned()));
        assert!(!without.is_active() && without.watchdog_interval().is_none());
    }

    #[test]
    fn a_manager_that_does_not_read_holds_nothing_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let mut notifier = at(path.to_str().unwrap(), &[]);
        // More than any queue takes: this test would not end.
        (0..100_000).for_each(|_| notifier.watchdog());
        notifier.ready();
        notifier.status("late");
        // What must be known comes later, before anything else.
        manager.set_nonblocking(true).unwrap();
        while manager.recv(&mut [0; 64]).is_ok() {}
        manager.set_nonblocking(false).unwrap();
        notifier.status("late");
        assert_eq!([told(&manager), told(&manager)], ["READY=1", "STATUS=late"]);
    }
}
