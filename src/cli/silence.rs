//! `restore-watch silence`

use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;

use super::output::{Output, print};
use super::socket::SocketArgs;
use super::values::parse_duration;
use super::{Done, Failure};
use crate::adapters::control::{SetSilence, SilenceList};
use crate::adapters::report::SilenceStatus;
use crate::config::IndexPattern;
use crate::model::{Exit, ProjectName, SilenceId, Since, SinkName};

/// Send no notifications about some restores for a while, or list and end such silences
///
/// While a silence is in force, events that match all of --index, --project and --sink go to no sink
/// but the log. Their deliveries are recorded as dropped, so that `deliveries --all` lists them and
/// `deliveries retry` can still send them. Deliveries that are pending already are made. A silence
/// is kept over restarts, and ends by itself. Without options, the silences in force are listed.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Restores into indexes of this name; `*` and `?` stand for what may be anything
    #[arg(long, value_name = "PATTERN", value_parser = IndexPattern::parse, help_heading = "What to silence")]
    index: Option<IndexPattern>,

    /// Events of this project
    #[arg(long, value_name = "NAME", help_heading = "What to silence")]
    project: Option<String>,

    /// Deliveries to this sink
    #[arg(long, value_name = "NAME", help_heading = "What to silence")]
    sink: Option<String>,

    /// How long, such as 2h; 30d at most
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    lasts: Option<Duration>,

    /// Until when, such as 2026-11-26T18:00Z; in UTC unless it has an offset
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with = "lasts")]
    until: Option<Timestamp>,

    /// Why, for those who wonder later
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,

    /// End this silence now
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["index", "project", "sink", "lasts", "until", "comment"]
    )]
    end: Option<SilenceId>,

    /// How to print
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    output: Output,

    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let sets = args.lasts.is_some() || args.until.is_some() || args.comment.is_some();
    let matches = args.index.is_some() || args.project.is_some() || args.sink.is_some();

    let text = match args.end {
        Some(id) => {
            let ended = args.socket.ask(async |client| client.end_silence(id).await)?;
            changed(
                args.output,
                &ended,
                &format!("silence {id} ended: {}: {}\n", ended.subject(), ended.comment),
            )
        }
        None if sets || matches => {
            let silence = wanted(args)?;
            let set = args.socket.ask(async |client| client.set_silence(&silence).await)?;
            let end = format!("to end it: restore-watch silence --end {}", set.id);
            changed(args.output, &set, &format!("{}\n{end}\n", set.line(set.set_at)))
        }
        None => listed(args.output, &args.socket.ask(async |client| client.silences().await)?),
    };
    print(&text)?;
    Ok(Done::Exit(Exit::Success))
}

/// The silence that is asked for.
fn wanted(args: &Args) -> Result<SetSilence, Failure> {
    const EXAMPLE: &str = "restore-watch silence --index 'prod-*' --for 2h --comment 'maintenance'";

    let lacks = |what: &str| Failure::usage(format!("a silence needs {what}")).with_help(EXAMPLE);
    let Args { index, project, sink, lasts, until, comment, .. } = args;
    if index.is_none() && project.is_none() && sink.is_none() {
        return Err(lacks("at least one of --index, --project and --sink"));
    }
    if lasts.is_none() && until.is_none() {
        return Err(lacks("--for or --until"));
    }
    let Some(comment) = comment else { return Err(lacks("a --comment that says why")) };

    Ok(SetSilence {
        index: index.as_ref().map(ToString::to_string),
        project: project.clone().map(ProjectName::new),
        sink: sink.clone().map(SinkName::new),
        for_seconds: lasts.map(|lasts| lasts.as_secs_f64()),
        until: *until,
        comment: comment.clone(),
        set_by: user(),
    })
}

/// Who runs this command, as far as the environment says; behind `sudo`, who ran that.
fn user() -> Option<String> {
    let variables = ["SUDO_USER", "USER", "LOGNAME"].into_iter();
    variables.filter_map(|name| std::env::var(name).ok()).find(|name| !name.is_empty())
}

fn changed(output: Output, silence: &SilenceStatus, human: &str) -> String {
    match output {
        Output::Human => human.to_owned(),
        Output::Json => json(silence),
    }
}

fn listed(output: Output, list: &SilenceList) -> String {
    match output {
        Output::Json => json(list),
        Output::Human if list.silences.is_empty() => "no silence is in force\n".to_owned(),
        Output::Human => list.silences.iter().map(|silence| silence.line(list.timestamp) + "\n").collect(),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    format!("{}\n", serde_json::to_string(value).unwrap_or_default())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    match Since::parse(text) {
        Ok(Since::At(time)) => Ok(time),
        Ok(Since::Ago(_)) => Err("is a duration; write it after --for".to_owned()),
        Err(_) => Err("is no time; write it like 2026-11-26T18:00Z".to_owned()),
    }
}
