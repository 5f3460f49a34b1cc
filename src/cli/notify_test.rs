//! `restore-watch notify-test`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use tokio::task::JoinSet;

use super::output::{Output, print};
use super::start::{READING, block_on, listen, no_thread, unless_stopped};
use super::{Done, Failure, table};
use crate::adapters::sinks::Sink;
use crate::adapters::telemetry::{self, Stream, Style};
use crate::app::setup;
use crate::config::{self, Settings, SinkSettings};
use crate::model::{Event, EventId, EventKind, Exit, Payload, ProjectName, SinkName, duration};
use crate::platform::clock::Clock;

/// Send a marked test to each sink of a configuration, and show the results
///
/// The test is an event of the type `restore_watch.test`, which nothing else sends, so that no
/// receiver takes it for the end of a restore. Each sink gets one attempt, whichever events it
/// wants. Exits with 0 when all sinks took it, else with 1. Nothing is stored, and a running daemon
/// is not disturbed.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The sinks to try, by name [default: all]
    #[arg(value_name = "SINK")]
    sinks: Vec<String>,

    /// The configuration file [default: the one that `run` would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The form of the report
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,
}

/// The result of one attempt.
struct Attempt {
    sink: SinkName,
    result: Result<(), String>,
    took: Duration,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    block_on(async {
        let mut signals = listen()?;
        let named = args.config.clone();
        let settings = unless_stopped(&mut signals, "reading the configuration", move || {
            Ok(config::load(&config::locate(named.as_deref())?)?)
        })
        .await?;
        let chosen = choose(&settings, &args.sinks)?;
        let style = Style { stream: Stream::Detached, ..Style::usual(settings.log_format()) };
        let _logging = telemetry::init(style, "info").map_err(no_thread)?;
        let project = settings.projects.first().map(|project| project.name.clone()).unwrap_or_default();
        let wanted = chosen.clone();
        let sinks = unless_stopped(&mut signals, READING, move || Ok(setup::sinks(&wanted)?.0)).await?;
        tokio::select! {
            attempts = attempt(sinks, project) => report(&chosen, &attempts, args.output),
            exit = signals.next() => Ok(Done::Exit(exit)),
        }
    })
}

/// The sinks of these names; all without any name.
fn choose(settings: &Settings, names: &[String]) -> Result<Vec<SinkSettings>, Failure> {
    let known = || settings.sinks.iter().map(SinkSettings::name).collect::<Vec<_>>().join(", ");
    for name in names {
        if !settings.sinks.iter().any(|sink| sink.name() == name) {
            return Err(Failure::usage(format!("the configuration has no sink `{name}`"))
                .with_help(format!("it has: {}", known())));
        }
    }
    let is_chosen = |sink: &&SinkSettings| names.is_empty() || names.iter().any(|name| name == sink.name());
    Ok(settings.sinks.iter().filter(is_chosen).cloned().collect())
}

/// Tries all sinks at once.
async fn attempt(sinks: BTreeMap<SinkName, Sink>, project: ProjectName) -> Vec<Attempt> {
    let clock = Clock::system();
    let event = test(project, clock);
    let mut tasks = JoinSet::new();
    for (name, sink) in sinks {
        let event = event.clone();
        tasks.spawn(async move {
            let began = clock.now();
            let own = || serde_json::to_vec(&event).unwrap_or_default();
            let body = sink.body(&event).unwrap_or_else(own);
            let delivered = sink.deliver(&Payload { event, body }, began.wall).await;
            let took = clock.now().instant.since(began.instant);
            Attempt { sink: name, result: delivered.map_err(|failure| failure.message), took }
        });
    }

    tasks.join_all().await
}

fn test(project: ProjectName, clock: Clock) -> Event {
    let now = clock.now().wall;
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    let id = EventId::from_parts(now, random);
    Event::of_project(id, EventKind::Test, now, project)
}

/// Prints the results of the attempts, in the order of the configuration.
fn report(settings: &[SinkSettings], attempts: &[Attempt], output: Output) -> Result<Done, Failure> {
    let found = settings.iter().filter_map(|sink| {
        let attempt = attempts.iter().find(|attempt| attempt.sink.as_str() == sink.name())?;
        Some((sink, attempt))
    });

    match output {
        Output::Human => {
            let row = |(sink, attempt): (&SinkSettings, &Attempt)| {
                [
                    sink.name().to_owned(),
                    sink.kind().to_owned(),
                    if attempt.result.is_ok() { "ok" } else { "failed" }.to_owned(),
                    duration::human(attempt.took),
                    attempt.result.as_ref().err().cloned().unwrap_or_default(),
                ]
            };
            let heading = ["SINK", "TYPE", "RESULT", "TIME", "ERROR"];
            print(&table::table(heading, &found.map(row).collect::<Vec<_>>()))?;
        }
        Output::Json => {
            let object = |(sink, attempt): (&SinkSettings, &Attempt)| {
                json!({
                    "sink": sink.name(),
                    "type": sink.kind(),
                    "ok": attempt.result.is_ok(),
                    "seconds": attempt.took.as_secs_f64(),
                    "error": attempt.result.as_ref().err(),
                })
            };
            print(&format!("{}\n", serde_json::Value::Array(found.map(object).collect())))?;
        }
    }

    let all = attempts.iter().all(|attempt| attempt.result.is_ok());
    Ok(Done::Exit(if all { Exit::Success } else { Exit::Failed }))
}
