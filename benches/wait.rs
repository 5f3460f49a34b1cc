//! The cost of `wait` on a restore that has already ended, compared with `curl` on the same URL of
//! the same local server, and with `describe` of the official Python SDK. Over TLS, the
//! certificates of the system and one more are loaded, by `wait` and by `curl`.
//!
//! `cargo bench --bench wait` prints the median wall time of each, the median of the ratios round
//! by round, the processor time of one run, and the peak memory. They run in turn, so that a
//! drifting machine treats all alike. Needs `curl`; GNU time as /usr/bin/time for the memory; and
//! for the SDK, once: `python3 -m venv target/python && target/python/bin/pip install pinecone`.

#[expect(clippy::missing_panics_doc, reason = "a bench that cannot go on is to say where")]
#[path = "../tests/support/tls_plane.rs"]
pub mod tls_plane;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tls_plane::TlsPlane;

use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Scenario, Simulator, Timeline};

/// How often each is run in turn, after one run that does not count.
const RUNS: usize = 41;

/// How often each is run one after the other for the processor time, which is counted in hundredths
/// of a second.
const BATCH: u16 = 40;

const SDK: &str = "import sys; from pinecone import Pinecone; \
    job = Pinecone(api_key='any', host=sys.argv[1]).restore_jobs.describe(job_id='rj-1'); \
    sys.exit(job.status != 'Completed')";

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Wait,
    Curl,
    Sdk,
    WaitOverTls,
    CurlOverTls,
}

/// What is asked.
struct Servers {
    plain: Simulator,
    tls: TlsPlane,
    files: TempDir,
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let clock = Clock::system();
    let scenario: Scenario = "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"1m\"\n".parse()?;
    let timeline = Timeline::start(clock.now().wall);
    let plain = runtime.block_on(Simulator::start(&scenario, "127.0.0.1:0".parse()?, timeline))?;
    let servers = Servers { plain, tls: TlsPlane::start(), files: files()? };

    let mut ways = vec![Way::Wait, Way::Curl];
    if python().exists() {
        ways.push(Way::Sdk);
    } else {
        println!("the Python SDK: not measured, because there is no {}", python().display());
    }
    ways.extend([Way::WaitOverTls, Way::CurlOverTls]);
    let mut rounds = Vec::new();
    for run in 0..=RUNS {
        let times = ways.iter().map(|way| time(clock, &mut way.command(&servers)));
        let times = times.collect::<Result<Vec<_>, _>>()?;
        if run > 0 {
            rounds.push(times);
        }
    }

    println!("medians of {RUNS} rounds         wall time   wait / it   processor   peak memory");
    for (place, way) in ways.iter().enumerate() {
        let ours = ways.iter().position(|other| *other == way.ours()).unwrap_or_default();
        let millis = median(rounds.iter().map(|times| times[place].as_secs_f64() * 1e3).collect());
        let ratio = median(rounds.iter().map(|t| t[ours].as_secs_f64() / t[place].as_secs_f64()).collect());
        let processor = processor_time(*way, &servers)?;
        println!(
            "  {:<24} {millis:>9.1} ms {ratio:>11.2} {} {}",
            way.name(),
            measured(processor.map(|seconds| seconds * 1e3), "ms"),
            measured(peak_memory(*way, &servers), "MiB"),
        );
    }
    Ok(())
}

/// The configuration of `wait` over TLS, and a file of the same certificates for `curl`, whose
/// option replaces those of the system.
fn files() -> Result<TempDir, Box<dyn Error>> {
    let files = tempfile::tempdir()?;
    let authority = TlsPlane::authority();
    std::fs::write(
        files.path().join("config.toml"),
        format!("jobs = [\"rj-1\"]\n[api]\nca_file = \"{}\"\n", authority.display()),
    )?;

    let mut certificates = std::fs::read(authority)?;
    match openssl_probe::probe().cert_file.and_then(|bundle| std::fs::read(bundle).ok()) {
        Some(bundle) => certificates.extend(bundle),
        None => println!("over TLS: without the system's certificates, because they are in no known bundle"),
    }
    std::fs::write(files.path().join("certificates.pem"), certificates)?;
    Ok(files)
}

fn measured(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "  not measured".to_owned(), |value| format!("{value:>9.1} {unit:<3}"))
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Curl => "curl",
            Self::Sdk => "a script with the SDK",
            Self::WaitOverTls => "wait over TLS",
            Self::CurlOverTls => "curl over TLS",
        }
    }

    /// What it is compared with.
    fn ours(self) -> Self {
        match self {
            Self::Wait | Self::Curl | Self::Sdk => Self::Wait,
            Self::WaitOverTls | Self::CurlOverTls => Self::WaitOverTls,
        }
    }

    fn command(self, servers: &Servers) -> Command {
        let Servers { plain, tls, files } = servers;
        let mut command = match self {
            Self::Wait => wait(&plain.url()),
            Self::Curl => curl(&plain.url()),
            Self::Sdk => {
                let mut command = Command::new(python());
                command.args(["-c", SDK, &plain.url()]);
                command
            }
            Self::WaitOverTls => {
                let mut command = wait(&tls.url());
                command.arg("--config").arg(files.path().join("config.toml"));
                command
            }
            Self::CurlOverTls => {
                let mut command = curl(&tls.url());
                command.arg("--cacert").arg(files.path().join("certificates.pem"));
                command
            }
        };
        // The certificates are found as on a machine where nothing is set.
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
        command
    }
}

fn wait(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_restore-watch"));
    command
        .args(["wait", "rj-1", "--quiet"])
        .env("PINECONE_API_KEY", "any")
        .env("PINECONE_CONTROLLER_HOST", url);
    command
}

fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    let url = format!("{url}/restore-jobs/rj-1");
    command.args(["--silent", "--fail", "--header", "Api-Key: any", &url]);
    command
}

/// A Python with the SDK.
fn python() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("python").join("bin/python")
}

fn time(clock: Clock, command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let began = clock.now().instant;
    let status = command.stdout(Stdio::null()).status()?;
    let took = clock.now().instant.since(began);
    if status.success() { Ok(took) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// The processor time of one run, in seconds; `None` without /proc.
fn processor_time(way: Way, servers: &Servers) -> Result<Option<f64>, Box<dyn Error>> {
    let Some(before) = of_children() else { return Ok(None) };
    let clock = Clock::system();
    for _ in 0..BATCH {
        time(clock, &mut way.command(servers))?;
    }
    Ok(of_children().map(|after| (after - before) / f64::from(BATCH)))
}

/// The processor time of all processes that were started here and have ended, in seconds.
fn of_children() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may have spaces in it.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let ticks = after_name.split(' ').skip(13).take(2).map(|ticks| ticks.parse::<u32>().ok());
    Some(f64::from(ticks.sum::<Option<u32>>()?) / 100.0)
}

/// The peak resident memory of one run, in MiB.
fn peak_memory(way: Way, servers: &Servers) -> Option<f64> {
    let command = way.command(servers);
    let output = Command::new("/usr/bin/time")
        .args(["--format", "%M"])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .ok()?;
    let kibibytes: f64 = String::from_utf8_lossy(&output.stderr).trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
