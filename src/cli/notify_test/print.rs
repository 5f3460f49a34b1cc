//! `restore-watch notify-test --print`: what sinks would get.
//!
//! Invariant: nothing is sent and no secret is read; where one would come in, `***` stands.

use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{Args, choose};
use crate::adapters::sinks::{Preview, preview};
use crate::cli::output::{inform, print};
use crate::cli::start::{block_on, listen, unless_stopped};
use crate::cli::{Done, Failure};
use crate::config;
use crate::model::{Event, EventKind, Exit};

/// Parses the type of an event, that of tests included.
pub(super) fn parse_type() -> impl TypedValueParser<Value = EventKind> {
    let names = EventKind::ALL_AND_TEST.iter().map(|kind| kind.as_str());
    PossibleValuesParser::new(names).map(|name| EventKind::parse(&name).unwrap_or(EventKind::Test))
}

/// Prints the bodies for a sample event, each under the name of its sink. `used` is the
/// configuration of the running daemon.
pub(super) fn run(args: &Args, used: Option<&Path>) -> Result<Done, Failure> {
    block_on(async {
        let mut signals = listen()?;
        let named = config::named(args.config.as_deref()).or(used.map(Path::to_owned));
        let settings = unless_stopped(&mut signals, "reading the configuration", move || {
            Ok(config::load(&config::locate(named.as_deref())?)?)
        })
        .await?;

        let project = settings.projects.first().map(|project| project.name.clone()).unwrap_or_default();
        let sample = Event::samples(args.event).into_iter().next();
        let event = sample.map(|event| Event { project, ..event });
        for sink in choose(&settings, &args.sinks)? {
            let made = event.as_ref().map(|event| preview(&sink, event)).transpose();
            let made = made.map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
            match made.flatten() {
                Some(made) => {
                    inform(&format!("sink {}: {}", sink.name, made.content_type));
                    print(&shown(&made))?;
                }
                None => inform(&format!("sink {}: a {} has no body", sink.name, sink.target.kind())),
            }
        }
        Ok(Done::Exit(Exit::Success))
    })
}

/// A body for people: JSON in lines.
fn shown(made: &Preview) -> String {
    match serde_json::from_slice::<serde_json::Value>(&made.body) {
        Ok(json) if made.content_type.contains("json") => format!("{json:#}\n"),
        _ => format!("{}\n", String::from_utf8_lossy(&made.body).trim_end_matches('\n')),
    }
}
