//! Hostile receivers cost the daemon no memory and the other sinks no time.
//!
//! Invariant: a receiver serves each connection on its own thread until the client closes it. The
//! time limit of one attempt is tested with the sink itself.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use restore_watch::model::time::Instant;
use restore_watch::platform::clock::Clock;

use crate::support::{Folder, KEY, Watch, play, receive};

/// The bound on additional memory of the daemon, in KiB.
const MORE: u64 = 8 * 1024;

/// How many connections each receiver serves well before it turns hostile.
const GOOD: usize = 20;

/// The least number of connections it spoils then.
const SPOILT: usize = 200;

/// When the last job ends, from the start.
const LAST_END: Duration = Duration::from_millis(2950);

#[test]
fn endless_answers_cost_no_memory_and_delay_no_other_sink() {
    let clock = Clock::system();
    let plane = play("[[job]]\nid = \"rj\"\ncount = 40\ntakes = \"1s\"\ntakes_step = \"50ms\"");
    let jobs: Vec<_> = (1..=40).map(|number| format!("rj-{number}")).collect();
    let mut text = format!(
        "[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\njobs = {jobs:?}\n\
         [project.api]\nendpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n\
         [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n",
        plane.url()
    );
    let habits = [Habit::EndlessBody, Habit::EndlessHeaders, Habit::Silence, Habit::InterimAnswers];
    let hostile = habits.map(Hostile::start);
    let well = receive([]);
    let urls = hostile.iter().map(|hostile| format!("http://{}/", hostile.address)).chain([well.url()]);
    for (number, url) in urls.enumerate() {
        let schedule = vec!["50ms"; 50];
        _ = write!(
            text,
            "[[sink]]\ntype = \"webhook\"\nname = \"sink-{number}\"\nurl = \"{url}\"\nretry_schedule = {schedule:?}\n"
        );
    }
    let folder = Folder::new();
    let config = folder.write("config.toml", text);
    let state = folder.path().join("state").display().to_string();
    let daemon = Watch::new(["run", "--config", &config]).env("KEY", KEY).env("STATE_DIRECTORY", &state);
    let mut daemon = daemon.keep(folder).start();

    daemon.until("good times", |_| hostile.iter().all(|hostile| hostile.served() >= GOOD));
    let before = peak_memory(daemon.id());
    daemon.until("every other sink to be reached", |_| well.count() == 80);
    let took = clock.now().instant.since(Instant::default());
    assert!(took < LAST_END + Duration::from_secs(10), "{took:?}");
    daemon.until("many bad answers", |_| hostile[..2].iter().all(|hostile| hostile.served() >= SPOILT));
    let after = peak_memory(daemon.id());
    let done = daemon.kill();
    assert_eq!(done.signal, Some(9), "{}", done.stderr);

    let sent: u64 = hostile.iter().map(|hostile| hostile.sent.load(Ordering::SeqCst)).sum();
    let (Some(before), Some(after)) = (before, after) else {
        println!("SKIPPED: this system does not say how much memory a process uses");
        return;
    };
    println!("{} KiB more memory for {} MiB of answers", after - before, sent >> 20);
    assert!(after - before < MORE, "{before} KiB, then {after}");
}

/// What a hostile receiver sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    EndlessBody,
    EndlessHeaders,
    Silence,
    /// `100 Continue` without end.
    InterimAnswers,
}

/// A receiver that turns hostile.
struct Hostile {
    address: SocketAddr,
    served: Arc<AtomicUsize>,
    sent: Arc<AtomicU64>,
}

impl Hostile {
    fn start(habit: Habit) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (served, sent) = (Arc::<AtomicUsize>::default(), Arc::<AtomicU64>::default());
        let counts = (Arc::clone(&served), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let number = counts.0.fetch_add(1, Ordering::SeqCst);
                let sent = Arc::clone(&counts.1);
                std::thread::spawn(move || serve(stream, habit, number >= GOOD, &sent));
            }
        });
        Self { address, served, sent }
    }

    fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

/// Serves one connection. It ends when the client leaves.
fn serve(mut stream: TcpStream, habit: Habit, turned: bool, sent: &AtomicU64) -> Option<()> {
    // A request is small, and what it asks for does not matter.
    let mut request = [0; 8 * 1024];
    if stream.read(&mut request).ok()? == 0 {
        return None;
    }
    if !turned {
        return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok();
    }
    let (head, again) = match habit {
        Habit::EndlessBody => ("HTTP/1.1 503 No\r\n\r\n", "and on ".repeat(10_000)),
        Habit::EndlessHeaders => ("HTTP/1.1 503 No\r\n", "and: so on\r\n".repeat(5000)),
        Habit::InterimAnswers => ("", "HTTP/1.1 100 Continue\r\n\r\n".repeat(2000)),
        Habit::Silence => {
            while stream.read(&mut request).ok()? > 0 {}
            return None;
        }
    };
    stream.write_all(head.as_bytes()).ok()?;
    loop {
        stream.write_all(again.as_bytes()).ok()?;
        sent.fetch_add(again.len() as u64, Ordering::SeqCst);
    }
}

/// The peak memory of a process in KiB; `None` if the system does not show it.
fn peak_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
