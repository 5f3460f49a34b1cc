//! `restore-watch run`

use std::path::PathBuf;

use clap::Parser;

use super::{Done, Failure, block_on, listen};
use crate::clock::Clock;
use crate::config::{self, LogFormat, Settings, SinkSettings};
use crate::daemon::{self, Options};
use crate::driver::Driver;
use crate::store::Volatile;
use crate::telemetry::{self, Stream, Style};

/// Watch the restore jobs of a configuration file and tell sinks of every transition, until stopped
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The configuration file [default: `$RESTORE_WATCH_CONFIG`, else restore-watch/config.toml in
    /// `$XDG_CONFIG_HOME` (or ~/.config), else in /etc]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// End once every job ended and all was delivered: with 0 when all completed, 1 when one failed or was cancelled,
    /// 6 when one ended in a state we do not know
    #[arg(long)]
    exit_when_done: bool,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let path = config::locate(args.config.as_deref())?;
    let settings = config::load(&path)?;
    // The log is a sink, and polling never waits for a sink.
    let style = Style { stream: Stream::Detached, ..Style::usual(log_format(&settings)) };
    let _logging = telemetry::init(style, "info");
    block_on(async {
        let mut signals = listen()?;
        let driver = Driver::new(&settings.projects, &settings.sinks, Box::new(Volatile), Clock::system())?;
        let options = Options { exit_when_done: args.exit_when_done };
        Ok(Done::Exit(daemon::run(driver, options, &mut signals).await?))
    })
}

/// The format of the log is that of its sink.
fn log_format(settings: &Settings) -> LogFormat {
    let format = |sink: &SinkSettings| match sink {
        SinkSettings::Log(log) => Some(log.format),
        SinkSettings::Desktop(_) | SinkSettings::Webhook(_) => None,
    };
    settings.sinks.iter().find_map(format).unwrap_or_default()
}
