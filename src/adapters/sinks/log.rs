//! Events as lines of the log.
//!
//! Invariant: a line carries the whole event in its published shape, as the field `transition`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;
use tracing::Level;

use super::{Attempt, Receiver};
use crate::config::{LogLevel, LogSettings};
use crate::engine::{DeliveryPolicy, Failure, FailureClass};
use crate::model::{Event, EventKind, Payload, Severity};

/// The target of these lines, for filters such as `RUST_LOG=restore_watch::transition=info`.
macro_rules! line {
    ($level:expr, $json:expr, $summary:expr) => {
        tracing::event!(target: "restore_watch::transition", $level, transition = %$json, "{}", $summary)
    };
}

/// Logs an event as one line at its usual level, without confirmation.
pub fn log(event: &Event) {
    // Nothing in an event can fail to be written.
    let json = serde_json::to_string(event).unwrap_or_default();
    write(usual_level(event.kind), &json, &event.summary());
}

fn write(level: LogLevel, json: &str, summary: &str) {
    match level {
        LogLevel::Debug => line!(Level::DEBUG, json, summary),
        LogLevel::Info => line!(Level::INFO, json, summary),
        LogLevel::Warn => line!(Level::WARN, json, summary),
        LogLevel::Error => line!(Level::ERROR, json, summary),
    }
}

const RETRY_SCHEDULE: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
];

/// Calls a function that logs one line, and answers once the line is written, or with the reason
/// why it was not.
pub type Confirm = fn(&dyn Fn()) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

#[derive(Debug)]
pub(super) struct Log {
    levels: Vec<(EventKind, LogLevel)>,
    names_projects: bool,
    confirm: Confirm,
}

impl Log {
    pub(super) fn new(settings: &LogSettings, confirm: Confirm) -> Self {
        Self { levels: settings.levels.clone(), names_projects: false, confirm }
    }

    fn write(&self, payload: &Payload) {
        let json = String::from_utf8_lossy(&payload.body);
        let event = &payload.event;
        let summary = if self.names_projects { event.summary_with_project() } else { event.summary() };
        write(self.level(event.kind), &json, &summary);
    }

    fn level(&self, kind: EventKind) -> LogLevel {
        let chosen = self.levels.iter().find(|(known, _)| *known == kind);
        chosen.map_or_else(|| usual_level(kind), |(_, level)| *level)
    }
}

impl Receiver for Log {
    fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy::retry(RETRY_SCHEDULE.to_vec())
    }

    /// Writes an event as one line, and waits until it is written.
    fn deliver<'a>(&'a self, payload: &'a Payload, _now: Timestamp) -> Attempt<'a> {
        let written = (self.confirm)(&|| self.write(payload));
        let failed = |message| Failure { class: FailureClass::Transient, retry_after: None, message };
        Box::pin(async move { written.await.map_err(failed) })
    }

    fn name_projects(&mut self, names_projects: bool) {
        self.names_projects = names_projects;
    }
}

/// The level of events of this type if the configuration sets none.
fn usual_level(kind: EventKind) -> LogLevel {
    match kind.severity() {
        Severity::Error => LogLevel::Error,
        Severity::Warning => LogLevel::Warn,
        Severity::Success | Severity::Info => LogLevel::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(settings: &LogSettings) -> Log {
        Log::new(settings, |_| Box::pin(std::future::ready(Ok(()))))
    }

    #[test]
    fn a_configured_level_replaces_the_usual_one() {
        let settings =
            LogSettings { levels: vec![(EventKind::Watched, LogLevel::Debug)], ..LogSettings::default() };

        let log = log(&settings);

        assert_eq!(log.level(EventKind::Watched), LogLevel::Debug);
        assert_eq!(log.level(EventKind::Failed), LogLevel::Error);
    }
}
