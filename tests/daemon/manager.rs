//! What the service manager is told, by a manager of the tests' own.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use restore_watch::simulate::Reply;

use crate::support::{Folder, Running, Watch, done, play, receive};
use crate::{Daemon, ask};

/// Writes down what it is told.
struct Manager {
    logged: Arc<Mutex<Vec<String>>>,
    address: String,
    _folder: Folder,
}

impl Manager {
    fn new() -> Self {
        let folder = Folder::new();
        let address = folder.path().join("notify").to_string_lossy().into_owned();
        let socket = UnixDatagram::bind(&address).expect("a free place");
        let logged = Arc::new(Mutex::new(Vec::new()));
        std::thread::spawn({
            let logged = Arc::clone(&logged);
            move || {
                let mut buffer = [0; 4096];
                while let Ok(length) = socket.recv(&mut buffer) {
                    logged
                        .lock()
                        .expect("no panic")
                        .push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                }
            }
        });
        Self { logged, address, _folder: folder }
    }

    fn start(&self, daemon: Watch) -> Running {
        daemon.env("NOTIFY_SOCKET", &self.address).start()
    }

    fn logged(&self) -> Vec<String> {
        self.logged.lock().expect("no panic").clone()
    }

    fn count(&self, text: &str) -> usize {
        self.logged().iter().filter(|logged| *logged == text).count()
    }
}

#[test]
fn it_is_told_of_the_start_of_each_reload_and_of_the_end() {
    let plane = play(&format!("{}[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n", done(&[("rj-1", "completed")])));
    let manager = Manager::new();
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]);
    let mut daemon = manager.start(daemon.run(&[]));
    daemon.until("READY=1", |_| manager.count("READY=1") == 1);
    daemon.until("a line of status", |_| {
        manager.logged().iter().any(|logged| {
            logged.starts_with("STATUS=watching 1 restore in 1 project, 1 ended; next poll in ")
        })
    });
    for (text, code) in [("jobs = [", 78), ("", 0)] {
        let before = manager.logged().len();
        match code {
            0 => Daemon::new("drain_timeout = \"3s\"\n").project("one", &plane, &["rj-2"]).rewrite(&daemon),
            _ => Daemon::new(text).rewrite(&daemon),
        }
        ask(&daemon, &["reload"]).expect(code);
        let logged = manager.logged()[before..].to_vec();
        let begins = logged.iter().position(|logged| logged.starts_with("RELOADING=1\nMONOTONIC_USEC="));
        let ends = logged.iter().position(|logged| logged == "READY=1");
        assert!(begins.is_some() && begins < ends, "{logged:?}");
    }
    daemon.signal("TERM");
    daemon.finish().expect(0);
    let logged = manager.logged();
    let stops = logged.iter().position(|logged| logged == "STOPPING=1").expect("it says that it stops");
    assert_eq!(logged[stops + 1], "EXTEND_TIMEOUT_USEC=13000000");
}

#[test]
fn signs_of_life_come_while_the_loop_goes_round_and_end_with_it() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let manager = Manager::new();
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
fn deliveries_that_hang_do_not_stop_the_signs_of_life() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let manager = Manager::new();
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
