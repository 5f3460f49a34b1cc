//! The resources of a daemon for many jobs and deliveries, as its operator sees them.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use restore_watch::adapters::store::{Backend as _, Sqlite};
use restore_watch::engine::{Batch, DeliveryChange, DeliveryUpdate};
use restore_watch::model::DeliveryId;
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Scenario, Simulator, Timeline};

use super::{batches, median};

const MANY: usize = 10_000;
const FEW: usize = 10;

/// How long a daemon runs before it is measured, and then how long its processor time is counted.
const SETTLE: Duration = Duration::from_secs(3);
const WATCH: Duration = Duration::from_secs(60);

/// How often a state is opened to see how long that takes.
const OPENINGS: usize = 9;

/// The unit of processor time in /proc, the same for all programs on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// A state, and the daemon on it.
struct Watch {
    what: String,
    file_size: u64,
    /// In milliseconds.
    openings: Vec<f64>,
    started_in: Duration,
    daemon: Daemon,
}

/// Prints the disk space, memory and opening time of the states of few and many jobs.
pub(crate) fn measure(directory: &Path) {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let timeline = Timeline::start(Clock::system().now().wall);
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let job = |number| format!("[[job]]\nid = \"{}\"\nage = \"1h\"\n", batches::job_id(number));
    let scenario: Scenario = (1..=MANY).map(job).collect::<Vec<_>>().concat().parse().unwrap();
    let plane = servers.block_on(Simulator::start(&scenario, listen, timeline)).unwrap();

    let watches = [(FEW, 0), (MANY, 0), (MANY, MANY)]
        .map(|(jobs, pending)| Watch::begin(directory, jobs, pending, &plane));
    std::thread::sleep(SETTLE);
    let before = watches.each_ref().map(|watch| watch.daemon.processor_time());
    std::thread::sleep(WATCH);
    println!("a daemon at 1 request a second  memory      peak   processor ready in  to open   on disk");
    for (watch, before) in watches.iter().zip(before) {
        let Watch { what, file_size, openings, started_in, daemon } = watch;
        let mebibytes = |key| daemon.status(key).map(|kibibytes| f64::from(kibibytes) / 1024.0);
        let share =
            daemon.processor_time().zip(before).map(|(after, before)| (after - before) / WATCH.as_secs_f64());
        println!(
            "  {what:<27} {} {} {} {:>6.0} ms {:>5.1} ms {:>5.1} MiB",
            measured(mebibytes("VmRSS"), 1, "MiB"),
            measured(mebibytes("VmHWM"), 1, "MiB"),
            measured(share.map(|share| share * 100.0), 2, "%  "),
            started_in.as_secs_f64() * 1e3,
            median(openings),
            f64::from(u32::try_from(*file_size).unwrap()) / 1_048_576.0,
        );
    }
    let [few, many, owing] = watches.each_ref().map(|watch| watch.daemon.status("VmRSS").map(f64::from));
    let each = |less: Option<f64>, more: Option<f64>, count: usize| {
        less.zip(more).map(|(less, more)| (more - less) * 1024.0 / f64::from(u32::try_from(count).unwrap()))
    };
    println!(
        "  in memory: {} a job, {} a pending delivery",
        measured(each(few, many, MANY - FEW), 0, "bytes"),
        measured(each(many, owing, MANY), 0, "bytes")
    );
}

fn measured(value: Option<f64>, digits: usize, unit: &str) -> String {
    value.map_or_else(|| "not measured".to_owned(), |value| format!("{value:>5.digits$} {unit}"))
}

impl Watch {
    /// Fills a state, and starts a daemon on it.
    fn begin(directory: &Path, jobs: usize, pending: usize, plane: &Simulator) -> Self {
        let what = format!("{jobs} jobs, {pending} pending");
        let directory = super::folder(directory, &what.replace([' ', ','], "-"));
        let state = directory.join("state.db");
        fill(&state, jobs, pending);
        let clock = Clock::system();
        let openings = (0..OPENINGS).map(|_| {
            let began = clock.now().instant;
            let opened = Sqlite::at(&state).open(None).unwrap();
            let took = clock.now().instant.since(began);
            assert_eq!((opened.snapshot.jobs.len(), opened.snapshot.deliveries.len()), (jobs, pending));
            took.as_secs_f64() * 1e3
        });
        let openings = openings.collect();
        let file_size = state.metadata().unwrap().len();
        let began = clock.now().instant;
        let daemon = Daemon::start(&directory, &state, jobs, plane);
        Self { what, file_size, openings, started_in: clock.now().instant.since(began), daemon }
    }
}

/// Makes a state in which this many jobs were seen once. Of the deliveries of their events,
/// `pending` failed once and are retried tomorrow; the others succeeded.
fn fill(state: &Path, jobs: usize, pending: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = Sqlite::at(state).open(None).unwrap().store;
    let commit = |batch| runtime.block_on(store.commit(batch, Vec::new())).unwrap();
    let batches = batches::with_events(jobs, jobs);
    let at = Clock::system().now().wall;
    let due = at.checked_add(Duration::from_hours(24)).unwrap();
    let entries = batches.iter().flat_map(|batch| &batch.entries);
    let made = entries.flat_map(|entry| entry.recipients.iter().map(|sink| (entry.event.id, sink.clone())));
    let outcome = made.enumerate().map(|(place, (event, sink))| {
        let id = DeliveryId { event, sink };
        let failed = place < pending;
        let change = if failed { DeliveryChange::Pending { due } } else { DeliveryChange::Delivered };
        let reason = failed.then(|| "http://127.0.0.1:9: cannot connect: Connection refused".to_owned());
        DeliveryUpdate { id, at, attempts: 1, change, reason }
    });
    let outcome = Batch { deliveries: outcome.collect(), ..Batch::default() };
    batches.into_iter().for_each(commit);
    commit(outcome.into());
}

/// A daemon, killed when dropped.
struct Daemon {
    process: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts one, and waits until it watches.
    fn start(directory: &Path, state: &Path, jobs: usize, plane: &Simulator) -> Self {
        let ids: Vec<_> = (1..=jobs).map(|number| format!("\"{}\"", batches::job_id(number))).collect();
        let config = directory.join("config.toml");
        let text = format!(
            "jobs = [{}]\n[api]\nendpoint = \"{}\"\nrequests_per_second = 1\nburst = 1\n[state]\npath = \"{}\"\n\
             [[sink]]\ntype = \"log\"\nevents = []\n[[sink]]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n",
            ids.join(", "),
            plane.url(),
            state.display(),
        );
        std::fs::write(&config, text).unwrap();
        let log = directory.join("log");
        let process = Command::new(env!("CARGO_BIN_EXE_restore-watch"))
            .arg("run")
            .arg("--config")
            .arg(config)
            .env("PINECONE_API_KEY", "any")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut daemon = Self { process, log };
        loop {
            let log = std::fs::read_to_string(&daemon.log).unwrap();
            if log.contains("watching ") {
                return daemon;
            }
            let ended = daemon.process.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended: {log}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A size in its status, in KiB.
    fn status(&self, key: &str) -> Option<u32> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }

    /// The processor time it took so far, in seconds.
    fn processor_time(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).ok()?;
        // The name of the program, in parentheses, may have spaces in it.
        let (_, after_name) = stat.rsplit_once(") ")?;
        let ticks = after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().ok());
        Some(f64::from(ticks.sum::<Option<u32>>()?) / TICKS_PER_SECOND)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Both fail if it has ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
