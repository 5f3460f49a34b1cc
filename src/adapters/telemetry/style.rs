//! How the log looks, and where it goes.

use super::buffer::LogBuffer;
use crate::config::LogFormat;
use crate::platform::clock::Clock;
use crate::platform::color;

/// How the log looks and where it goes.
#[derive(Debug, Clone)]
pub struct Style {
    pub format: LogFormat,
    pub stamp: Stamp,
    /// The source of that time.
    pub clock: Clock,
    /// Lines for people are folded at this width.
    pub width: Option<usize>,
    pub stream: Stream,
    /// Lines on a terminal have colors, unless `NO_COLOR` is set.
    pub color: bool,
    /// Makes messages for people inert for their reader.
    pub filter: fn(String) -> String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// The date and the time of day, in UTC.
    Time,
    /// The time since the log began.
    Elapsed,
}

#[derive(Debug, Clone)]
pub enum Stream {
    /// Standard output, for a command whose log is its data.
    Stdout,
    /// Standard error; if that leads to the journal, its native protocol.
    Stderr,
    /// The same, written by a thread of its own. Lines are dropped once 8,000 are queued.
    Detached,
    /// A buffer, from which lines are written above those that are drawn on standard error.
    Buffer(LogBuffer),
}

impl Stream {
    /// Whether colors are wanted on it.
    pub(super) fn wants_color(&self) -> bool {
        match self {
            Self::Stdout => color::is_wanted_on(&std::io::stdout()),
            Self::Stderr | Self::Detached | Self::Buffer(_) => color::is_wanted_on(&std::io::stderr()),
        }
    }
}

impl Style {
    /// Lines with their time on standard error.
    pub fn usual(format: LogFormat) -> Self {
        Self {
            format,
            stamp: Stamp::Time,
            clock: Clock::system(),
            width: None,
            stream: Stream::Stderr,
            color: true,
            filter: std::convert::identity,
        }
    }
}
