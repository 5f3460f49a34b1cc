//! `restore-watch simulate`

use std::net::SocketAddr;

use clap::Parser;

use super::output::print;
use super::start::{block_on, listen, no_thread};
use super::{Done, Failure};
use crate::adapters::telemetry::{self, Style};
use crate::config::LogFormat;
use crate::model::Exit;
use crate::platform::clock::Clock;
use crate::simulate::{SHIPPED, Scenario, Simulator, Timeline};

/// Run a simulated API, to rehearse a pipeline or an alert
///
/// Prints its URL as one line on standard output and serves until it is stopped. It serves every
/// client that can reach the address, and checks a key only if the scenario says so.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The address to serve on, such as 127.0.0.1:8080; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address, default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// A scenario file, or the name of a built-in one: demo, fleet, flaky, outage or
    /// unreliable-list
    #[arg(value_name = "SCENARIO", default_value = "demo", value_hint = clap::ValueHint::FilePath)]
    scenario: String,
}

fn parse_address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "not an address and a port; write it like 127.0.0.1:8080")
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let _logging = telemetry::init(Style::usual(LogFormat::Human), "info").map_err(no_thread)?;
    let scenario = read(&args.scenario)?;

    block_on(async {
        let mut signals = listen()?;
        let timeline = Timeline::start(Clock::system().now().wall);
        let simulator = Simulator::start(&scenario, args.listen, timeline).await.map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot listen on {}: {error}", args.listen))
                .with_help("choose another address with --listen; port 0 is any free one")
        })?;
        print(&format!("{}\n", simulator.url()))?;
        tracing::info!("{} restore jobs, first of all:", scenario.job_ids().len());
        scenario.job_ids().iter().take(10).for_each(|id| tracing::info!("  {id}"));
        tracing::info!(
            "to use it: export PINECONE_CONTROLLER_HOST={} PINECONE_API_KEY={}",
            simulator.url(),
            scenario.api_key().unwrap_or("any")
        );
        signals.next().await;
        Ok(Done::Exit(Exit::Success))
    })
}

fn read(name: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = Scenario::shipped(name) {
        return Ok(scenario);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        let shipped: Vec<_> = SHIPPED.iter().map(|(name, _)| *name).collect();
        Failure::new(Exit::Config, format!("cannot read the scenario {name}: {error}"))
            .with_help(format!("name a file, or one of: {}", shipped.join(", ")))
    })?;
    text.parse().map_err(|error| Failure::new(Exit::Config, format!("{name}: {error}")))
}
