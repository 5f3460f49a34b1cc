//! Transitions as lines of the log.
//!
//! Invariant: a line carries the whole transition in its published shape, as the field `transition`.

use tracing::Level;

use crate::config::{LogLevel, LogSettings};
use crate::model::{Transition, TransitionKind};

/// The target of these lines, for filters such as `RUST_LOG=restore_watch::transition=info`.
macro_rules! line {
    ($level:expr, $json:expr, $summary:expr) => {
        tracing::event!(target: "restore_watch::transition", $level, transition = %$json, "{}", $summary)
    };
}

/// The log sink.
#[derive(Debug)]
pub struct Log {
    levels: Vec<(TransitionKind, LogLevel)>,
}

impl Log {
    pub(super) fn new(settings: &LogSettings) -> Self {
        Self { levels: settings.levels.clone() }
    }

    pub(super) fn write(&self, transition: &Transition) {
        let json = serde_json::to_string(transition).unwrap_or_default();
        let summary = transition.summary();
        match self.level(transition.kind) {
            LogLevel::Debug => line!(Level::DEBUG, json, summary),
            LogLevel::Info => line!(Level::INFO, json, summary),
            LogLevel::Warn => line!(Level::WARN, json, summary),
            LogLevel::Error => line!(Level::ERROR, json, summary),
        }
    }

    fn level(&self, kind: TransitionKind) -> LogLevel {
        let chosen = self.levels.iter().find(|(known, _)| *known == kind);
        chosen.map_or_else(|| usual_level(kind), |(_, level)| *level)
    }
}

/// The level of a kind, unless the configuration says otherwise: warnings and errors are worth waking somebody for.
fn usual_level(kind: TransitionKind) -> LogLevel {
    match kind {
        TransitionKind::Failed | TransitionKind::ProjectUnauthorized => LogLevel::Error,
        TransitionKind::Cancelled
        | TransitionKind::Unrecognised
        | TransitionKind::Overdue
        | TransitionKind::NotFound
        | TransitionKind::Unreachable => LogLevel::Warn,
        TransitionKind::Watched
        | TransitionKind::StatusChanged
        | TransitionKind::Progressed
        | TransitionKind::Completed
        | TransitionKind::Recovered
        | TransitionKind::ProjectRecovered
        | TransitionKind::Test => LogLevel::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_can_be_chosen_by_kind() {
        let settings = LogSettings {
            levels: vec![(TransitionKind::Watched, LogLevel::Debug)],
            ..LogSettings::default()
        };
        let log = Log::new(&settings);
        assert_eq!(log.level(TransitionKind::Watched), LogLevel::Debug);
        assert_eq!(log.level(TransitionKind::Failed), LogLevel::Error);
    }
}
