//! What the engine has to say that is no transition, in words.

use tracing::{error, info, warn};

use super::Driver;
use crate::adapters::sinks::Sink;
use crate::engine::Diagnostic;
use crate::model::duration;

impl Driver {
    /// Logs what is no transition.
    pub(super) fn note(&self, note: &Diagnostic) {
        match note {
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
                let sink = &id.sink;
                // Nobody is paged because a machine has no desktop.
                if self.sinks.get(sink).is_some_and(|sink| matches!(**sink, Sink::Desktop)) {
                    warn!(%sink, transition_id = %id.event, "sink {sink}: {reason}");
                } else {
                    let id = id.event;
                    let again = if self.store.is_durable() {
                        format!("; to send it again: restore-watch deliveries retry {id}")
                    } else {
                        String::new()
                    };
                    error!(%sink, transition_id = %id, attempts, "sink {sink}: {reason}; given up{again}");
                }
            }
            Diagnostic::DeliveryExpired { id, reason } => {
                let (sink, transition_id) = (&id.sink, id.event);
                let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                warn!(%sink, %transition_id, "sink {sink}: dropped what is too old to be worth telling{why}");
            }
            Diagnostic::SinkDisabled { sink, reason, buried } => {
                let also = if *buried > 0 {
                    format!(", and {buried} further deliveries were given up")
                } else {
                    String::new()
                };
                error!(%sink, "sink {sink} is disabled{also}: {reason}; nothing is sent to it until its configuration changes");
            }
            Diagnostic::SinkEnabled { sink } => {
                info!(%sink, "sink {sink} is used again, because its configuration changed; to send what was given up: restore-watch deliveries retry --dead --sink {sink}");
            }
            Diagnostic::ProjectMissing { project, jobs } => {
                warn!(%project, jobs, "the configuration has no project {project}, to which jobs were added that did not end: {jobs}; add it again to watch them");
            }
            Diagnostic::SinkMissing { sink, pending } => {
                warn!(%sink, pending, "the configuration has no sink {sink}, to which deliveries are owed: {pending}; add it again, or: restore-watch deliveries drop --all --sink {sink}");
            }
        }
    }
}
