//! Transitions as lines of the log.
//!
//! Invariant: a line carries the whole transition in its published shape, as the field `transition`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tracing::Level;

use crate::config::{LogLevel, LogSettings};
use crate::engine::{Failure, FailureClass};
use crate::model::{Event, EventKind, Payload};

/// The target of these lines, for filters such as `RUST_LOG=restore_watch::transition=info`.
macro_rules! line {
    ($level:expr, $json:expr, $summary:expr) => {
        tracing::event!(target: "restore_watch::transition", $level, transition = %$json, "{}", $summary)
    };
}

/// Logs a transition as one line, as a log sink without settings does; nobody is told whether it was written.
pub fn log(event: &Event) {
    // What is a transition can be written as JSON.
    let json = serde_json::to_string(event).unwrap_or_default();
    write(usual_level(event.kind), &json, event);
}

fn write(level: LogLevel, json: &str, event: &Event) {
    let summary = event.summary();
    match level {
        LogLevel::Debug => line!(Level::DEBUG, json, summary),
        LogLevel::Info => line!(Level::INFO, json, summary),
        LogLevel::Warn => line!(Level::WARN, json, summary),
        LogLevel::Error => line!(Level::ERROR, json, summary),
    }
}

/// How long apart a line is tried again that could not be written.
pub(super) const RETRY_SCHEDULE: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
];

/// Calls a function that logs one line, and tells once that line is written, or why it was not.
pub type Confirm = fn(&dyn Fn()) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// The log sink.
#[derive(Debug)]
pub struct Log {
    levels: Vec<(EventKind, LogLevel)>,
    confirm: Confirm,
}

impl Log {
    pub(super) fn new(settings: &LogSettings, confirm: Confirm) -> Self {
        Self { levels: settings.levels.clone(), confirm }
    }

    /// Writes a letter as one line, and waits until it is written.
    pub(super) async fn deliver(&self, payload: &Payload) -> Result<(), Failure> {
        let written = (self.confirm)(&|| self.write(payload));
        let failed = |message| Failure { class: FailureClass::Transient, retry_after: None, message };
        written.await.map_err(failed)
    }

    fn write(&self, payload: &Payload) {
        let json = String::from_utf8_lossy(&payload.body);
        write(self.level(payload.event.kind), &json, &payload.event);
    }

    fn level(&self, kind: EventKind) -> LogLevel {
        let chosen = self.levels.iter().find(|(known, _)| *known == kind);
        chosen.map_or_else(|| usual_level(kind), |(_, level)| *level)
    }
}

/// The level of a kind, unless the configuration says otherwise: warnings and errors are worth waking somebody for.
fn usual_level(kind: EventKind) -> LogLevel {
    match kind {
        EventKind::Failed | EventKind::IndexNotReady | EventKind::ProjectUnauthorized => LogLevel::Error,
        EventKind::Cancelled
        | EventKind::Unrecognised
        | EventKind::Overdue
        | EventKind::Slow
        | EventKind::NotFound
        | EventKind::Unreachable => LogLevel::Warn,
        EventKind::Watched
        | EventKind::StatusChanged
        | EventKind::Progressed
        | EventKind::Completed
        | EventKind::Recovered
        | EventKind::IndexReady
        | EventKind::ProjectRecovered
        | EventKind::Test => LogLevel::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_can_be_chosen_by_kind() {
        let settings =
            LogSettings { levels: vec![(EventKind::Watched, LogLevel::Debug)], ..LogSettings::default() };
        let log = Log::new(&settings, |_| Box::pin(std::future::ready(Ok(()))));
        assert_eq!(log.level(EventKind::Watched), LogLevel::Debug);
        assert_eq!(log.level(EventKind::Failed), LogLevel::Error);
    }
}
