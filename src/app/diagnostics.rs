//! Words of the engine's diagnostics for the log, with the commands that help.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{error, info, warn};

use crate::adapters::sinks::Sink;
use crate::engine::{Diagnostic, LeftOut};
use crate::model::{DeliveryId, SinkName, duration};

/// What the words depend on beside the diagnostic.
pub(super) struct Surroundings<'a> {
    pub(super) sinks: &'a BTreeMap<SinkName, Arc<Sink>>,
    /// Whether dead letters can be sent again by a command.
    pub(super) is_durable: bool,
}

pub(super) fn log(diagnostic: &Diagnostic, surroundings: &Surroundings<'_>) {
    match diagnostic {
        Diagnostic::ClockWentBack { written_at, by } => {
            let (shown, ahead) = (duration::human(*by), by.as_secs_f64());
            warn!(%written_at, ahead, "the clock of this machine is behind the state, which was last written at {written_at}, {shown} from now: the clock was set back, or is wrong now; every wait goes on with what was left of it then");
        }
        Diagnostic::UnknownStatus { project, job, title, status } => {
            warn!(%project, %job, "restore {title}: status `{status}` is unknown; still watching");
        }
        Diagnostic::RateCut { project, per_second, configured, reason } => {
            let rate = (per_second * 100.0).round() / 100.0;
            info!(%project, per_second, configured, "project {project} is asked {rate} times a second instead of {configured}, and slowly more again: {reason}");
        }
        Diagnostic::RateRestored { project, per_second } => {
            info!(%project, per_second, "project {project} is asked {per_second} times a second again, as configured");
        }
        Diagnostic::Misconfigured { project, reason } => {
            warn!(%project, "project {project}: {reason}; tried again meanwhile");
        }
        Diagnostic::ListLost { project, reason } => {
            warn!(%project, "the restores of project {project} cannot be listed, so none is discovered: {reason}; tried again");
        }
        Diagnostic::ListRestored { project } => {
            info!(%project, "the restores of project {project} can be listed again");
        }
        Diagnostic::JobsLeftOut { project, reason } => {
            let reason = left_out_in_words(*reason);
            error!(%project, "not all restores of project {project} are watched: {reason}; the others are watched once there is room");
        }
        Diagnostic::AllJobsWatched { project } => {
            info!(%project, "all unfinished restores of project {project} are watched again");
        }
        Diagnostic::DeliveryDelayed { id, attempts, retry_in, reason } => {
            let (sink, retry_in) = (&id.sink, duration::human(*retry_in));
            info!(%sink, transition_id = %id.event, attempts, "sink {sink}: {reason}; tried again in {retry_in}");
        }
        Diagnostic::DeliveryAbandoned { id, attempts, reason } => {
            log_abandoned(id, *attempts, reason, surroundings);
        }
        Diagnostic::DeliveryExpired { id, reason } => {
            let (sink, transition_id) = (&id.sink, id.event);
            let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            warn!(%sink, %transition_id, "sink {sink}: dropped what is too old to be worth telling{why}");
        }
        Diagnostic::SinkDisabled { sink, reason, dead_letters } => log_disabled(sink, reason, *dead_letters),
        Diagnostic::SinkEnabled { sink } => {
            info!(%sink, "sink {sink} is used again, because its configuration changed; to send what was given up: restore-watch deliveries retry --dead --sink {sink}");
        }
        Diagnostic::ProjectMissing { project, jobs } => {
            warn!(%project, jobs, "the configuration has no project {project}, to which jobs were added that did not end: {jobs}; add it again to watch them");
        }
        Diagnostic::SinkMissing { sink, pending } => {
            warn!(%sink, pending, "the configuration has no sink {sink}, to which deliveries are pending: {pending}; add it again, or: restore-watch deliveries drop --all --sink {sink}");
        }
    }
}

fn log_abandoned(id: &DeliveryId, attempts: u32, reason: &str, surroundings: &Surroundings<'_>) {
    let (sink, id) = (&id.sink, id.event);
    // A machine without a desktop is no emergency.
    if surroundings.sinks.get(sink).is_some_and(|sink| matches!(**sink, Sink::Desktop)) {
        warn!(%sink, transition_id = %id, "sink {sink}: {reason}");
        return;
    }

    let again = if surroundings.is_durable {
        format!("; to send it again: restore-watch deliveries retry {id}")
    } else {
        String::new()
    };
    error!(%sink, transition_id = %id, attempts, "sink {sink}: {reason}; given up{again}");
}

fn log_disabled(sink: &SinkName, reason: &str, dead_letters: usize) {
    let also = if dead_letters > 0 {
        format!(", and {dead_letters} further deliveries were given up")
    } else {
        String::new()
    };
    error!(%sink, "sink {sink} is disabled{also}: {reason}; nothing is sent to it until its configuration changes");
}

/// Why not all restores of a project are watched.
pub(super) fn left_out_in_words(reason: LeftOut) -> String {
    match reason {
        LeftOut::SurplusRows(rows) => format!("a page has {rows} rows more than were asked for"),
        LeftOut::TooManyUnfinished(max) => {
            format!("more than {max} are unfinished (`max_jobs` of `discover`)")
        }
        LeftOut::TooManyEnded(max) => {
            format!("more than {max} ended since discovery began (`max_jobs` of `discover`)")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_left_out_jobs_names_the_setting() {
        for (reason, words) in [
            (LeftOut::SurplusRows(7), "a page has 7 rows more than were asked for"),
            (LeftOut::TooManyUnfinished(50), "more than 50 are unfinished (`max_jobs` of `discover`)"),
            (
                LeftOut::TooManyEnded(20_050),
                "more than 20050 ended since discovery began (`max_jobs` of `discover`)",
            ),
        ] {
            assert_eq!(left_out_in_words(reason), words);
        }
    }
}
