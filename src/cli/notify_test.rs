//! `restore-watch notify-test`

mod print;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use serde_json::json;

use super::output::{Output, print};
use super::socket::SocketArgs;
use super::start::{READING, block_on, listen, no_thread, unless_stopped};
use super::{Done, Failure, table};
use crate::adapters::control::{SinkTest, TestSinks};
use crate::adapters::telemetry::{self, Stream, Style};
use crate::app::{setup, sink_tests};
use crate::config::{self, Settings, SinkSettings};
use crate::model::{EventKind, Exit, SinkName, duration};
use crate::platform::clock::Clock;
use crate::platform::process;

/// Send one marked test event to each sink and print the results
///
/// The event has the type `restore_watch.test`, which no other command sends, so that no receiver
/// takes it for the end of a restore. Each sink gets one attempt, whatever its `events`. Nothing is
/// kept, and the watch of a running daemon is not disturbed. In the format `pagerduty`, all tests are
/// one alert of severity `info`, which stays open until a person resolves it there.
///
/// If a daemon runs and no configuration is named, the daemon sends the events to its own sinks,
/// with its own secrets. Else this command reads the configuration and the secrets that it names.
///
/// Exits with 0 if all sinks took the event, and with 1 otherwise.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The sinks to test, by name [default: all]
    #[arg(value_name = "SINK")]
    sinks: Vec<String>,

    /// The configuration file whose sinks are tested [default: the sinks of the running daemon; if
    /// none runs, of the configuration that `run` would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The form of the results
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    /// Print what each sink would get, and send nothing; a secret is shown as `***`
    ///
    /// Reads the configuration, that of the running daemon unless one is named.
    #[arg(long, conflicts_with = "output")]
    print: bool,

    /// The type of the event that is printed
    #[arg(
        long, value_name = "TYPE", requires = "print", hide_possible_values = true,
        value_parser = print::parse_type(), default_value = "restore_watch.test"
    )]
    event: EventKind,

    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    if args.print {
        let daemon = args.socket.daemon().ok().flatten();
        return print::run(args, daemon.and_then(|daemon| daemon.config).as_deref());
    }
    let is_named = config::named(args.config.as_deref()).is_some();
    let daemon = if is_named { None } else { args.socket.daemon().map_err(name_a_configuration)? };
    match daemon {
        Some(daemon) => {
            let sinks = args.sinks.iter().map(SinkName::new).collect();
            let tests = args.socket.ask(async |client| client.test_sinks(&TestSinks { sinks }).await)?;
            eprintln!("restore-watch: these are the sinks of the running daemon (process {})", daemon.pid);
            report(&tests.sinks, args.output)
        }
        None => test_configuration(args),
    }
}

fn name_a_configuration(failure: Failure) -> Failure {
    failure.with_help(
        "to test the sinks of a configuration without the daemon: restore-watch notify-test --config FILE",
    )
}

/// Tests the sinks of a configuration from this process.
fn test_configuration(args: &Args) -> Result<Done, Failure> {
    process::keep_files_from_programs();
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
        let mut sinks = unless_stopped(&mut signals, READING, move || Ok(setup::sinks(&wanted)?.0)).await?;
        let in_order = |settings: &SinkSettings| {
            let name = SinkName::new(&settings.name);
            sinks.remove(&name).map(|sink| (name, Arc::new(sink)))
        };
        let sinks = chosen.iter().filter_map(in_order).collect();
        tokio::select! {
            tests = sink_tests::run(sinks, project, Clock::system()) => report(&tests, args.output),
            exit = signals.next() => Ok(Done::Exit(exit)),
        }
    })
}

/// The sinks of these names; all without any name.
fn choose(settings: &Settings, names: &[String]) -> Result<Vec<SinkSettings>, Failure> {
    let known = || settings.sinks.iter().map(|sink| sink.name.as_str()).collect::<Vec<_>>().join(", ");
    for name in names {
        if !settings.sinks.iter().any(|sink| sink.name == *name) {
            return Err(Failure::usage(format!("the configuration has no sink `{name}`"))
                .with_help(format!("it has: {}", known())));
        }
    }
    let is_chosen = |sink: &&SinkSettings| names.is_empty() || names.contains(&sink.name);
    Ok(settings.sinks.iter().filter(is_chosen).cloned().collect())
}

/// Prints the results of the tests.
fn report(tests: &[SinkTest], output: Output) -> Result<Done, Failure> {
    match output {
        Output::Human => print(&human(tests))?,
        Output::Json => print(&format!("{}\n", json!(tests)))?,
    }
    let all = tests.iter().all(|test| test.ok);
    Ok(Done::Exit(if all { Exit::Success } else { Exit::Failed }))
}

fn human(tests: &[SinkTest]) -> String {
    let row = |test: &SinkTest| {
        [
            test.sink.to_string(),
            test.kind.clone(),
            if test.ok { "ok" } else { "failed" }.to_owned(),
            duration::human(std::time::Duration::from_secs_f64(test.seconds)),
            test.error.clone().unwrap_or_default(),
        ]
    };
    let heading = ["SINK", "TYPE", "RESULT", "TIME", "ERROR"];
    table::folded(heading, &tests.iter().map(row).collect::<Vec<_>>(), table::width(), 0)
}
