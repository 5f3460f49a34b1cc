//! What the daemon sends to its service manager, received by a fake one.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use restore_watch::simulate::Reply;

use crate::support::{Folder, Running, Watch, done, play, receive};
use crate::{Daemon, ask};

#[test]
fn service_manager_is_notified_of_reloads_and_the_stop() {
    let plane = play(&format!("{}[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n", done(&[("rj-1", "completed")])));
    let manager = ServiceManager::new();
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]);

    let mut daemon = manager.start(daemon.run(&[]));
    daemon.until("READY=1", |_| manager.count("READY=1") == 1);
    daemon.until("a line of status", |_| {
        manager
            .received()
            .iter()
            .any(|text| text.starts_with("STATUS=watching 1 restore, 1 completed; next poll in "))
    });

    for (text, code) in [("jobs = [", 78), ("", 0)] {
        let before = manager.received().len();
        match code {
            0 => Daemon::new("drain_timeout = \"3s\"\n").project("one", &plane, &["rj-2"]).rewrite(&daemon),
            _ => Daemon::new(text).rewrite(&daemon),
        }
        ask(&daemon, &["reload"]).expect(code);
        let received = manager.received()[before..].to_vec();
        let begins = received.iter().position(|text| text.starts_with("RELOADING=1\nMONOTONIC_USEC="));
        let ends = received.iter().position(|text| text == "READY=1");
        assert!(begins.is_some() && begins < ends, "{received:?}");
    }
    daemon.signal("TERM");
    daemon.finish().expect(0);

    let received = manager.received();
    let stops = received.iter().position(|text| text == "STOPPING=1").expect("the stop");
    assert_eq!(received[stops + 1], "EXTEND_TIMEOUT_USEC=13000000");
}

#[test]
fn watchdog_pings_stop_when_the_loop_stalls() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let manager = ServiceManager::new();
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).env("WATCHDOG_USEC", "200000");
    let mut daemon = manager.start(daemon.env("RESTORE_WATCH_FAILPOINT", "stall_loop:100"));
    daemon.until("signs of life", |_| manager.count("WATCHDOG=1") >= 3);
    daemon.until_logged("stalled at stall_loop");
    let signs = manager.count("WATCHDOG=1");
    assert!(!daemon.ends_within(Duration::from_secs(1)), "it is there all the same");
    assert_eq!(manager.count("WATCHDOG=1"), signs, "a stalled loop gives no sign of life");
    daemon.kill();
}

#[test]
fn hanging_deliveries_do_not_stop_watchdog_pings() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let manager = ServiceManager::new();
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink).run(&[]);
    let mut daemon = manager.start(daemon.env("WATCHDOG_USEC", "100000"));
    daemon.until("a delivery", |_| receiver.count() == 1);
    let signs = manager.count("WATCHDOG=1");
    daemon.until("further signs of life", |_| manager.count("WATCHDOG=1") > signs + 10);
}

#[test]
fn drain_timeout_bounds_the_stop() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let daemon = Daemon::new("drain_timeout = \"300ms\"\n").project("one", &plane, &["rj-1"]).with(&sink);
    let mut daemon = daemon.run(&[]).start();
    daemon.until("a delivery", |_| receiver.count() == 1);
    daemon.signal("TERM");
    let done = daemon.finish().expect(0).logged("stopped; deliveries still pending: 2");
    assert!(done.took >= Duration::from_millis(300) && done.took < Duration::from_secs(5), "{:?}", done.took);
}

/// Records the notifications it receives.
struct ServiceManager {
    received: Arc<Mutex<Vec<String>>>,
    address: String,
    _folder: Folder,
}

impl ServiceManager {
    fn new() -> Self {
        let folder = Folder::new();
        let address = folder.path().join("notify").to_string_lossy().into_owned();
        let socket = UnixDatagram::bind(&address).expect("a free place");
        let received = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn({
            let received = Arc::clone(&received);
            move || {
                let mut buffer = [0; 4096];
                while let Ok(length) = socket.recv(&mut buffer) {
                    received
                        .lock()
                        .expect("no panic")
                        .push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                }
            }
        });
        Self { received, address, _folder: folder }
    }

    fn start(&self, daemon: Watch) -> Running {
        daemon.env("NOTIFY_SOCKET", &self.address).start()
    }

    fn received(&self) -> Vec<String> {
        self.received.lock().expect("no panic").clone()
    }

    fn count(&self, text: &str) -> usize {
        self.received().iter().filter(|received| *received == text).count()
    }
}
