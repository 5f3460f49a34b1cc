//! What `wait` on a restore that has already ended costs, beside `curl` on the same URL of the same local server.
//!
//! `cargo bench --bench wait` prints the median wall time of both, the median of the ratios pair by pair, and the peak
//! memory of `wait`. The two are run in turn, so that a machine whose speed drifts treats both alike. Needs `curl`, and
//! GNU time as /usr/bin/time for the memory.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Duration;

use restore_watch::clock::Clock;
use restore_watch::simulate::{Scenario, Simulator, Timeline};

/// How often each of the two is run, after one run that does not count.
const RUNS: usize = 41;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let clock = Clock::system();
    let scenario: Scenario = "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"1m\"\n".parse()?;
    let timeline = Timeline::start(clock.now().wall);
    let server = runtime.block_on(Simulator::start(&scenario, "127.0.0.1:0".parse()?, timeline))?;

    let mut pairs = Vec::new();
    for run in 0..=RUNS {
        let pair = (time(clock, &mut wait(&server))?, time(clock, &mut curl(&server))?);
        if run > 0 {
            pairs.push(pair);
        }
    }
    let millis = |pick: fn(&(Duration, Duration)) -> Duration| {
        median(pairs.iter().map(|pair| pick(pair).as_secs_f64() * 1e3).collect())
    };
    let ratio = median(pairs.iter().map(|(wait, curl)| wait.as_secs_f64() / curl.as_secs_f64()).collect());
    println!("wait  {:.1} ms", millis(|pair| pair.0));
    println!("curl  {:.1} ms", millis(|pair| pair.1));
    println!("wait / curl  {ratio:.2} (median of {RUNS} pairs)");
    match peak_memory(&server) {
        Some(mebibytes) => println!("peak memory of wait  {mebibytes:.1} MiB"),
        None => println!("peak memory of wait  not measured: GNU time is not there"),
    }
    Ok(())
}

fn wait(server: &Simulator) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_restore-watch"));
    command
        .args(["wait", "rj-1", "--quiet"])
        .env("PINECONE_API_KEY", "any")
        .env("PINECONE_CONTROLLER_HOST", server.url());
    command
}

fn curl(server: &Simulator) -> Command {
    let mut command = Command::new("curl");
    command.args(["--silent", "--header", "Api-Key: any", &format!("{}/restore-jobs/rj-1", server.url())]);
    command
}

fn time(clock: Clock, command: &mut Command) -> Result<Duration, Box<dyn Error>> {
    let began = clock.now().instant;
    let status = command.stdout(Stdio::null()).status()?;
    let took = clock.now().instant.since(began);
    if status.success() { Ok(took) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// The peak resident memory of one `wait`, in MiB.
fn peak_memory(server: &Simulator) -> Option<f64> {
    let wait = wait(server);
    let output = Command::new("/usr/bin/time")
        .args(["--format", "%M"])
        .arg(wait.get_program())
        .args(wait.get_args())
        .envs(wait.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output()
        .ok()?;
    let kibibytes: f64 = String::from_utf8_lossy(&output.stderr).trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
