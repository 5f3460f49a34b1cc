//! `restore-watch demo`

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::time::Duration;

use clap::Parser;
use console::Term;
use serde_json::Value;

use super::output::print;
use super::start::{block_on, listen, no_thread};
use super::{Done, Failure, listener};
use crate::adapters::store::{Store, Volatile};
use crate::adapters::telemetry::{self, Stamp, Stream, Style};
use crate::adapters::web;
use crate::app::daemon::{self, Options};
use crate::app::driver::{Driver, State};
use crate::app::setup::Setup;
use crate::config::{
    CadenceSettings, DiscoverySettings, Endpoint, EventFilter, JobSettings, ListenAddress, LogFormat,
    LogSettings, ProjectSettings, Rate, Route, SecretSource, Settings, SinkSettings, SinkTarget,
    StateSettings, UrlSource, WebhookSettings, WebhookUrl,
};
use crate::engine::snapshot::Snapshot;
use crate::model::time::Instant;
use crate::model::{Exit, JobId};
use crate::platform::clock::Clock;
use crate::platform::shell;
use crate::simulate::{Received, Receiver, RequestRecord, Scenario, Simulator, Timeline};

/// See it work: the real daemon on a simulated control plane, without a key or a network, in a
/// quarter of a minute
///
/// With --http, it serves the status page of the daemon until it is interrupted, and its restores go
/// on for some minutes.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Serve the status page at this address of this machine, such as 127.0.0.1:0 for any free port
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
}

/// Lines fit this width if standard output is not a terminal.
const USUAL_WIDTH: usize = 80;

/// Where the next step serves its control plane: a fixed port, so that the commands can be copied.
const NEXT_ADDRESS: &str = "127.0.0.1:8080";

/// The demo ends by then, whatever happens.
const TIME_LIMIT: Duration = Duration::from_secs(28);

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    // Its log is its result, so that goes to standard output.
    let clock = Clock::system();
    let style = Style {
        stamp: Stamp::Elapsed,
        clock,
        width: Some(width()),
        stream: Stream::Stdout,
        ..Style::usual(LogFormat::Human)
    };
    let _logging = telemetry::init(style, "info").map_err(no_thread)?;
    match args.http {
        None => block_on(show(clock)),
        Some(address) => block_on(show_page(address, clock)),
    }
}

/// Shows all of it on the terminal.
async fn show(clock: Clock) -> Result<Done, Failure> {
    let mut signals = listen()?;
    let scenario = Scenario::demo();
    let timeline = Timeline::start(clock.now().wall);
    let simulator = Simulator::start(&scenario, LOOPBACK, timeline).await.map_err(cannot_serve)?;
    let receiver = Receiver::start([], LOOPBACK, timeline).await.map_err(cannot_serve)?;

    print(&introduction(&scenario, &simulator, &receiver))?;

    let mut project = project(&simulator)?;
    project.jobs = named_jobs(&scenario);
    let driver = Driver::new(setup(project, &receiver)?, State::volatile(), clock);
    let options =
        Options { exit_when_done: true, drain_timeout: Settings::DRAIN_TIMEOUT, ..Options::default() };
    let ended = tokio::select! {
        ended = daemon::run(driver, options, &mut signals) => ended?,
        never = echo(&receiver, clock) => never?,
        () = tokio::time::sleep(TIME_LIMIT) => Exit::Timeout,
    };

    print(&summary(ended, &simulator, &receiver))?;
    print(&next_step(&scenario, &program()))?;

    // One restore of the scenario fails and one is cancelled, so 1 is the expected exit code.
    if ended == Exit::Failed { Ok(Done::Exit(Exit::Success)) } else { Ok(Done::Exit(Exit::Failed)) }
}

/// Serves the status page until it is interrupted.
async fn show_page(address: SocketAddr, clock: Clock) -> Result<Done, Failure> {
    let mut signals = listen()?;
    let store = Volatile::with_history();
    let web = serve_page(address, &store, clock)?;

    let scenario = Scenario::demo_page();
    let timeline = Timeline::start(clock.now().wall);
    let simulator = Simulator::start(&scenario, LOOPBACK, timeline).await.map_err(cannot_serve)?;
    let receiver = Receiver::start([], LOOPBACK, timeline).await.map_err(cannot_serve)?;
    print(&format!(
        "Open {} in a browser. Press Ctrl-C to end.\n\n{}",
        web.addresses().first().map(ToString::to_string).unwrap_or_default(),
        introduction(&scenario, &simulator, &receiver),
    ))?;

    let project = ProjectSettings { discover: Some(DiscoverySettings::default()), ..project(&simulator)? };
    let state = State { store: Box::new(store), saved: Snapshot::default(), location: None };
    let driver = Driver::new(setup(project, &receiver)?, state, clock);
    let options = Options { web: Some(web), drain_timeout: Settings::DRAIN_TIMEOUT, ..Options::default() };
    tokio::select! {
        ended = daemon::run(driver, options, &mut signals) => ended?,
        never = echo(&receiver, clock) => never?,
    };

    print(&counts(&simulator, &receiver))?;
    Ok(Done::Exit(Exit::Success))
}

/// Makes the listener. What it shows is made up, and of no interest to other machines.
fn serve_page(address: SocketAddr, store: &dyn Store, clock: Clock) -> Result<web::Server, Failure> {
    if !address.ip().is_loopback() {
        let error = format!("--http: other machines can reach {address}");
        return Err(Failure::usage(error).with_help("name a loopback address, such as 127.0.0.1:0"));
    }
    listener::start(&[ListenAddress::Tcp(address)], web::Access::default(), &|| store.reader(), clock)
}

/// What is going to be seen.
fn introduction(scenario: &Scenario, simulator: &Simulator, receiver: &Receiver) -> String {
    format!(
        "A simulated control plane serves {} restores on\n  {}\n\
         The daemon watches them and posts how they end to\n  {}\n\n",
        scenario.job_ids().len(),
        simulator.url(),
        receiver.url(),
    )
}

fn setup(project: ProjectSettings, receiver: &Receiver) -> Result<Setup, Failure> {
    let sinks = [log(), webhook(receiver)?];
    Ok(Setup::new(vec![project], &sinks, StateSettings::KEEP)?)
}

/// The width of the terminal, if standard output is one.
fn width() -> usize {
    let terminal = Term::stdout();
    if terminal.features().is_attended() { usize::from(terminal.size().1) } else { USUAL_WIDTH }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err wants")]
fn cannot_serve(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("cannot serve on {LOOPBACK}: {error}"))
}

/// The project of the simulated control plane, without jobs.
fn project(simulator: &Simulator) -> Result<ProjectSettings, Failure> {
    let mut project = ProjectSettings { api_key: SecretSource::Public("demo"), ..ProjectSettings::default() };
    project.api.endpoint =
        Endpoint::parse(&simulator.url(), false).map_err(|error| Failure::internal(error.to_string()))?;
    // These restores take seconds, real ones minutes, so they are polled more often.
    project.api.requests_per_second = Rate::new(20.0).unwrap_or(project.api.requests_per_second);
    project.api.burst = NonZeroU32::new(8).unwrap_or(project.api.burst);
    let (min_interval, max_interval) = (Duration::from_millis(300), Duration::from_secs(2));
    project.cadence = CadenceSettings { min_interval, max_interval, ..project.cadence };
    Ok(project)
}

/// All jobs of a scenario. The start of an id distinguishes a handful, and keeps lines short.
fn named_jobs(scenario: &Scenario) -> Vec<JobSettings> {
    let brief = |id: &JobId| Some(id.as_str().split('-').next().unwrap_or_default().to_owned());
    let jobs = scenario.job_ids().iter();
    jobs.map(|id| JobSettings { name: brief(id), ..JobSettings::new(id.clone()) }).collect()
}

fn log() -> SinkSettings {
    SinkSettings::new(SinkTarget::Log(LogSettings::default()))
}

fn webhook(receiver: &Receiver) -> Result<SinkSettings, Failure> {
    let url = WebhookUrl::parse(&receiver.url(), false).map_err(Failure::internal)?;
    let webhook = WebhookSettings::new(UrlSource::Given(url));
    let sink = SinkSettings::new(SinkTarget::Webhook(webhook));
    Ok(SinkSettings { route: Route::new(EventFilter::ends()), ..sink })
}

/// Prints each webhook as it is received; ends only if printing fails.
async fn echo(receiver: &Receiver, clock: Clock) -> Result<Exit, Failure> {
    let mut printed = 0;
    loop {
        let webhooks = receiver.wait_for(printed + 1).await;
        for webhook in webhooks.iter().skip(printed) {
            print(&line(webhook, clock))?;
        }
        printed = webhooks.len();
    }
}

fn line(webhook: &Received, clock: Clock) -> String {
    let body: Value = serde_json::from_slice(&webhook.body).unwrap_or_default();
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    // Jobs that discovery finds have no name.
    let job = text("/job/name").or_else(|| text("/job/target_index_name"));
    format!(
        "{:5.1}s  POST {} of {}\n",
        clock.now().instant.since(Instant::default()).as_secs_f64(),
        text("/type").unwrap_or("?"),
        job.unwrap_or("?"),
    )
}

fn summary(ended: Exit, simulator: &Simulator, receiver: &Receiver) -> String {
    let ending = match ended {
        Exit::Failed => "Every restore ended; one failed and one was cancelled, as scripted.",
        _ => "The demo was stopped before every restore ended.",
    };
    format!("\n{ending}{}", counts(simulator, receiver))
}

/// What went over the network.
fn counts(simulator: &Simulator, receiver: &Receiver) -> String {
    let is_refused = |request: &RequestRecord| request.answered.is_some_and(|status| status >= 400);
    format!(
        "\n{} requests were made over {} connections, {} of them met scripted errors;\n\
         {} webhooks were received.\n",
        simulator.count(),
        simulator.connections(),
        simulator.requests().iter().filter(|request| is_refused(request)).count(),
        receiver.count(),
    )
}

/// Commands that wait for a restore of the same scenario, to copy and run without a key.
fn next_step(scenario: &Scenario, program: &str) -> String {
    let program = shell::word(program);
    let id = scenario.job_ids().first().map_or("JOB_ID", JobId::as_str);
    format!(
        "\n\
         Next, still without a key: wait for a restore of a simulated control plane.\n\
         \n  {program} simulate --listen {NEXT_ADDRESS} &\n  \
           export PINECONE_API_KEY=any PINECONE_CONTROLLER_HOST=http://{NEXT_ADDRESS}\n  \
           {program} wait {id}\n  \
           kill %1; unset PINECONE_API_KEY PINECONE_CONTROLLER_HOST\n"
    )
}

/// This program as it was started: after `cargo run`, a shell finds it by its path alone.
fn program() -> String {
    let name = std::env::args_os().next().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| env!("CARGO_PKG_NAME").to_owned())
}
