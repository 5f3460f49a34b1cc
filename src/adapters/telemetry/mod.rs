//! The log of the process: lines for people or JSON; in the systemd journal, entries with fields.
//!
//! Invariant: a line has one shape for each format, whichever module logs it; the crates below log
//! only what `RUST_LOG` names.

mod buffer;
mod detached;
mod entries;
mod fields;
mod journal;
mod lines;
mod style;

use std::borrow::Cow;

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

pub use buffer::LogBuffer;
pub use detached::{Written, lines_lost, written};
pub use style::{Stamp, Stream, Style};

use detached::{Detached, Worker};
use entries::Entries;
use journal::Journal;
use lines::Lines;

/// Whether standard error leads to the systemd journal.
pub fn is_journal() -> bool {
    journal::has_standard_error()
}

/// A message in the form for standard error: if that leads to the journal, each line begins with
/// the priority of an error (sd-daemon(3)).
pub fn complaint(text: &str) -> Cow<'_, str> {
    if is_journal() { Cow::Owned(journal::with_priority(text, 3)) } else { text.into() }
}

/// Keeps the log running. When it is dropped, the rest is written, for up to a second.
#[must_use]
#[derive(Debug)]
pub struct Logging(#[expect(dead_code, reason = "held for its end")] Option<Worker>);

/// Starts logging. The filter is `RUST_LOG`, else `default` (a level, or a filter in the same
/// syntax). Later calls change nothing. Fails if the system has no thread to give.
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
        Stream::Buffer(buffer) => {
            let buffer = buffer.clone();
            BoxMakeWriter::new(move || buffer.clone())
        }
    };

    let log: Dispatch = if entries {
        tracing_subscriber::registry().with(filter).with(Entries { style, writer }).into()
    } else {
        let color = style.color && style.stream.wants_color();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(color)
            .with_writer(writer)
            // A log whose reader is gone must not end the watch.
            .log_internal_errors(false)
            .event_format(Lines { style, color })
            .finish()
            .into()
    };

    // Fails only if logging was started before.
    drop(tracing::dispatcher::set_global_default(log));
    if let Some(error) = refused {
        tracing::error!("RUST_LOG is not used: {error}");
    }

    Ok(Logging(guard))
}
