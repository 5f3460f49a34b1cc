//! A control plane that is no bottleneck: it knows every job, lists as configured, and
//! answers from memory.
//!
//! Invariant: what it counts is what came over the network: each request and each connection once.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use restore_watch::model::time::Instant;
use restore_watch::platform::clock::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// Rows of a page of the list.
const PAGE: u64 = 100;

/// Serves until it is dropped, on a thread of its own.
pub(crate) struct Plane {
    address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    /// The status of refusals, if any, and the delay of each answer.
    refusal: AtomicU16,
    delay_millis: AtomicU64,
    /// How many jobs the list has.
    listed: AtomicU64,
    /// The jobs with numbers below this ended.
    ended: AtomicU64,
    /// If it is not 0: those from this number on have another status in each description.
    first_changing: AtomicU64,
    /// The jobs that were described, if that is wanted.
    record: Mutex<Option<Record>>,
    requests: AtomicU64,
    refused: AtomicU64,
    accepted: AtomicU64,
    open: AtomicU64,
}

impl Plane {
    /// Starts at any free port.
    pub(crate) fn start() -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _runtime: runtime }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Refuses every request with this status from now on; with `None`, no request.
    pub(crate) fn refuse(&self, status: Option<u16>) {
        self.shared.refusal.store(status.unwrap_or_default(), Relaxed);
    }

    /// Delays each answer by this from now on.
    pub(crate) fn delay(&self, delay: Duration) {
        self.shared.delay_millis.store(u64::try_from(delay.as_millis()).unwrap(), Relaxed);
    }

    /// Lists this many jobs from now on, the same to every project.
    pub(crate) fn list(&self, jobs: u64) {
        self.shared.listed.store(jobs, Relaxed);
    }

    /// Has the jobs with numbers below this end.
    pub(crate) fn end(&self, jobs: u64) {
        self.shared.ended.store(jobs, Relaxed);
    }

    /// Gives jobs from this number on, which is not 0, another status in each description.
    pub(crate) fn change_from(&self, number: u64) {
        self.shared.first_changing.store(number, Relaxed);
    }

    /// Records from now on which jobs are described when.
    pub(crate) fn record(&self) {
        let record = Record { clock: Clock::system(), descriptions: Vec::new() };
        *self.shared.record.lock().unwrap() = Some(record);
    }

    /// What was recorded, by number of the job. Ends that.
    pub(crate) fn recorded(&self) -> Vec<(u64, Instant)> {
        let record = self.shared.record.lock().unwrap().take();
        record.map(|record| record.descriptions).unwrap_or_default()
    }

    /// How many requests were answered.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Relaxed)
    }

    /// How many of them were refused.
    pub(crate) fn refused(&self) -> u64 {
        self.shared.refused.load(Relaxed)
    }

    /// How many connections were ever accepted, and how many are open.
    pub(crate) fn connections(&self) -> (u64, u64) {
        (self.shared.accepted.load(Relaxed), self.shared.open.load(Relaxed))
    }
}

/// Which jobs were described when, by a clock of its own.
struct Record {
    clock: Clock,
    descriptions: Vec<(u64, Instant)>,
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        shared.accepted.fetch_add(1, Relaxed);
        shared.open.fetch_add(1, Relaxed);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // The client may go away at any time.
            drop(serve(stream, &shared).await);
            shared.open.fetch_sub(1, Relaxed);
        });
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::with_capacity(1024);
    loop {
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let answer = answer(&read[..end], shared);
            read.drain(..end + 4);
            let delay = shared.delay_millis.load(Relaxed);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            stream.write_all(answer.as_bytes()).await?;
            shared.requests.fetch_add(1, Relaxed);
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(());
        }
    }
}

fn answer(request: &[u8], shared: &Shared) -> String {
    let path = request.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    let path = String::from_utf8_lossy(path);
    let refusal = shared.refusal.load(Relaxed);
    let (status, body) = if refusal > 0 {
        shared.refused.fetch_add(1, Relaxed);
        let body = format!("{{\"error\":{{\"code\":\"REFUSED\",\"message\":\"no\"}},\"status\":{refusal}}}");
        (format!("{refusal} Refused"), body)
    } else if let Some(id) = path.strip_prefix("/restore-jobs/") {
        ("200 OK".to_owned(), describe(id, shared))
    } else {
        ("200 OK".to_owned(), page(&path, shared.listed.load(Relaxed)))
    };
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// The job, recorded if that is wanted.
fn describe(id: &str, shared: &Shared) -> String {
    let number = number_of(id);
    if let Some(record) = &mut *shared.record.lock().unwrap() {
        record.descriptions.push((number, record.clock.now().instant));
    }

    let first_changing = shared.first_changing.load(Relaxed);
    if number < shared.ended.load(Relaxed) {
        let ended = "\"Completed\",\"completed_at\":\"2026-01-01T00:10:00.000000Z\"";
        job(id).replacen("\"Pending\"", ended, 1)
    } else if first_changing > 0 && number >= first_changing {
        let phase = shared.requests.load(Relaxed);
        job(id).replacen("Pending", &format!("Phase {phase}"), 1)
    } else {
        job(id)
    }
}

fn job(id: &str) -> String {
    format!(
        "{{\"restore_job_id\":\"{id}\",\"backup_id\":\"5f3cd4f7-2f6b-4b8e-9a26-0e2fd42dcd22\",\
         \"target_index_name\":\"products\",\"target_index_id\":\"e0c3c0e0-9f4f-4f4f-8e0e-3c3a3b7f1d55\",\
         \"status\":\"Pending\",\"created_at\":\"2026-01-01T00:00:00.000000Z\",\"percent_complete\":0.0}}"
    )
}

/// The page that the token in `path` leads to, which is its number.
fn page(path: &str, listed: u64) -> String {
    let number = path.split_once("paginationToken=").map_or(0, |(_, token)| token.parse().unwrap());
    let rows = (number * PAGE..listed).take(100).map(|number| job(&listed_id(number)));
    let mut body = format!("{{\"data\":[{}]", rows.collect::<Vec<_>>().join(","));
    if (number + 1) * PAGE < listed {
        write!(body, ",\"pagination\":{{\"next\":\"{}\"}}", number + 1).unwrap();
    }
    body + "}"
}

/// The number in an id of the list.
fn number_of(id: &str) -> u64 {
    let digits = id.rsplit('-').next().unwrap_or_default();
    u64::from_str_radix(digits, 16).unwrap_or(u64::MAX)
}

/// The id of a job on the list; one after the other, they are far apart.
pub(crate) fn listed_id(number: u64) -> String {
    let bits = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!("{:08x}-{:04x}-4000-8000-{number:012x}", bits >> 32, bits >> 16 & 0xFFFF)
}
