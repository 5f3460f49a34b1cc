//! The log of the process: lines for people, or as JSON; in the systemd journal as entries with fields.
//!
//! Invariant: a line has one shape for each format, whoever writes it; the crates below log only what is asked for.

mod detached;
mod journal;

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::AnsiColor;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

pub use detached::{Written, written};

use detached::{Detached, Worker};
use journal::{Entries, Journal};

use crate::config::LogFormat;
use crate::model::presentable;
use crate::model::time::{Instant, Now};
use crate::platform::clock::Clock;
use crate::platform::locale;

/// How the log looks and where it goes.
#[derive(Debug, Clone)]
pub struct Style {
    /// For people, or as JSON.
    pub format: LogFormat,
    /// What a line begins with.
    pub stamp: Stamp,
    /// Where the time comes from.
    pub clock: Clock,
    /// Lines for people are cut at this width.
    pub width: Option<usize>,
    /// Where lines go.
    pub stream: Stream,
    /// Lines on a terminal have colours, unless `NO_COLOR` is set.
    pub colour: bool,
    /// What makes messages for people fit for whoever reads them.
    pub screen: fn(String) -> String,
}

/// What a line begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// The date and the time of day, in UTC.
    Time,
    /// The time since the log began.
    Elapsed,
}

/// Where lines go.
#[derive(Debug, Clone)]
pub enum Stream {
    /// Standard output, for a command whose log is its data.
    Stdout,
    /// Standard error; where that leads to the journal, entries there.
    Stderr,
    /// The same, by a thread of its own: a reader that is slow delays nobody, and what it has not read when very
    /// much has been written is lost.
    Detached,
    /// Standard error, by way of whoever draws lines there: what is in this is for the next frame.
    Beside(Arc<Mutex<Vec<u8>>>),
}

/// Whether standard error leads to the systemd journal.
pub fn is_journal() -> bool {
    journal::has_standard_error()
}

/// What a program says by itself, as standard error is to have it: where that leads to the journal, each line begins with
/// the priority of an error (sd-daemon(3)).
pub fn complaint(text: &str) -> Cow<'_, str> {
    if is_journal() { Cow::Owned(journal::with_priority(text, 3)) } else { text.into() }
}

/// While it is held, the log is written; when it is dropped, what is left is written for up to a second.
#[must_use]
#[derive(Debug)]
pub struct Logging(#[expect(dead_code, reason = "held for its end")] Option<Worker>);

impl Style {
    /// Lines with their time on standard error.
    pub fn usual(format: LogFormat) -> Self {
        Self {
            format,
            stamp: Stamp::Time,
            clock: Clock::system(),
            width: None,
            stream: Stream::Stderr,
            colour: true,
            screen: std::convert::identity,
        }
    }
}

/// Starts logging. `RUST_LOG` decides what is logged, else `default` does (a level, or a filter in the syntax of
/// `RUST_LOG`). Later calls change nothing. Fails where the system has no thread to give.
pub fn init(style: Style, default: &str) -> std::io::Result<Logging> {
    let wanted = std::env::var(EnvFilter::DEFAULT_ENV).ok().filter(|wanted| !wanted.is_empty());
    let wanted = wanted.as_deref().unwrap_or(default);
    let (filter, refused) = match EnvFilter::builder().parse(wanted) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new(default), Some(error)),
    };
    let entries = matches!(style.stream, Stream::Stderr | Stream::Detached) && journal::has_standard_error();
    let mut guard = None;
    let writer = match &style.stream {
        Stream::Stdout => BoxMakeWriter::new(std::io::stdout),
        Stream::Stderr if entries => BoxMakeWriter::new(Journal::system),
        Stream::Stderr => BoxMakeWriter::new(std::io::stderr),
        Stream::Detached => {
            let (writer, worker) = if entries {
                Detached::start(Journal::system())?
            } else {
                Detached::start(std::io::stderr())?
            };
            guard = Some(worker);
            BoxMakeWriter::new(writer)
        }
        Stream::Beside(notes) => {
            let notes = Arc::clone(notes);
            BoxMakeWriter::new(move || LogBuffer(Arc::clone(&notes)))
        }
    };
    let log: Dispatch = if entries {
        tracing_subscriber::registry().with(filter).with(Entries { style, writer }).into()
    } else {
        let colour = style.colour && has_colour(&style.stream);
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(colour)
            .with_writer(writer)
            // A log that nobody reads any more must not end the watch.
            .log_internal_errors(false)
            .event_format(Lines { style, colour })
            .finish()
            .into()
    };
    // Fails only where logging was started before.
    drop(tracing::dispatcher::set_global_default(log));
    if let Some(error) = refused {
        tracing::error!("RUST_LOG is not used: {error}");
    }
    Ok(Logging(guard))
}

fn has_colour(stream: &Stream) -> bool {
    let terminal = match stream {
        Stream::Stdout => std::io::stdout().is_terminal(),
        Stream::Stderr | Stream::Detached | Stream::Beside(_) => std::io::stderr().is_terminal(),
    };
    terminal && wants_colour(&|name| std::env::var_os(name))
}

/// Whether the environment wants colours: by `NO_COLOR` (no-color.org), `CLICOLOR` (bixense.com/clicolors) and `TERM`.
fn wants_colour(variable: &dyn Fn(&'static str) -> Option<OsString>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && variable("CLICOLOR").is_none_or(|value| value != "0")
        && variable("TERM").is_some_and(|value| value != "dumb")
}

/// Whether an event is of this program, and not of a crate below.
fn is_own(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
}

/// Lines wait here for whoever draws. More than this can only be where a terminal takes nothing; then lines are lost.
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

const MOST_NOTES: usize = 1 << 20;

impl std::io::Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < MOST_NOTES {
            notes.extend_from_slice(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// How events become lines.
struct Lines {
    style: Style,
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let parts = Parts::of(event);
        let now = self.style.clock.now();
        match self.style.format {
            LogFormat::Human => self.human(&mut writer, now, event.metadata(), &parts),
            LogFormat::Json => writeln!(writer, "{}", parts.json(event.metadata(), now)),
        }
    }
}

impl Lines {
    fn human(
        &self,
        writer: &mut Writer<'_>,
        now: Now,
        metadata: &Metadata<'_>,
        parts: &Parts,
    ) -> fmt::Result {
        let level = *metadata.level();
        let paint = match level {
            _ if !self.colour => anstyle::Style::new(),
            Level::ERROR => AnsiColor::Red.on_default().bold(),
            Level::WARN => AnsiColor::Yellow.on_default(),
            Level::INFO => AnsiColor::Green.on_default(),
            _ => anstyle::Style::new().dimmed(),
        };
        let stamp = match self.style.stamp {
            Stamp::Time => format!("{:.0}", now.wall),
            Stamp::Elapsed => format!("{:5.1}s", now.instant.since(Instant::default()).as_secs_f64()),
        };
        let room = self.style.width.map(|width| width.saturating_sub(stamp.len() + " ERROR ".len()));
        let message = (self.style.screen)(parts.human(metadata).into_owned());
        let message = locale::shown(&message);
        let message = match room {
            Some(room) => Cow::Owned(presentable(&message, room.saturating_sub(1))),
            None => message,
        };
        writeln!(writer, "{stamp} {paint}{:>5}{paint:#} {message}", level.as_str())
    }
}

/// What an event says.
#[derive(Default)]
struct Parts {
    message: String,
    /// A transition in its published shape.
    transition: Option<String>,
    fields: Map<String, Value>,
}

impl Parts {
    fn of(event: &Event<'_>) -> Self {
        let mut parts = Self::default();
        event.record(&mut parts);
        parts
    }

    /// For people, without what a line begins with.
    fn human(&self, metadata: &Metadata<'_>) -> Cow<'_, str> {
        let mut message = Cow::Borrowed(&*self.message);
        // Messages of this program are whole sentences; their fields say the same for machines.
        if !is_own(metadata) {
            for (name, value) in &self.fields {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                // Writing to a text does not fail.
                _ = write!(message.to_mut(), " {name}={value}");
            }
        }
        message
    }

    /// For machines.
    fn json(&self, metadata: &Metadata<'_>, now: Now) -> Value {
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), json!(now.wall.to_string()));
        line.insert("level".to_owned(), json!(metadata.level().as_str()));
        line.insert("target".to_owned(), json!(metadata.target()));
        line.insert("message".to_owned(), json!(self.message));
        if let Some(transition) = &self.transition {
            let value = serde_json::from_str(transition).unwrap_or_else(|_| json!(transition));
            line.insert("transition".to_owned(), value);
        }
        line.extend(self.fields.clone());
        Value::Object(line)
    }

    fn put(&mut self, field: &Field, value: Value) {
        self.fields.insert(field.name().to_owned(), value);
    }
}

impl Visit for Parts {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            // Writing to a text does not fail.
            "message" => drop(write!(self.message, "{value:?}")),
            "transition" => self.transition = Some(format!("{value:?}")),
            _ => self.put(field, json!(format!("{value:?}"))),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }
}
