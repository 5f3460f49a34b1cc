//! Words of the engine's diagnostics for the log, with the commands that help.
//!
//! Invariant: a command in a line works when it is pasted, whatever state the daemon uses.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{error, info, warn};

use super::plural::counted;
use crate::adapters::report::{SilenceStatus, shown_minute};
use crate::adapters::sinks::{Sink, rejection_in_words};
use crate::config::{SinkType, StatePlace};
use crate::engine::{Attempts, DeliverySubject, Diagnostic, Engine, LeftOut, Rejection, SilenceEnd};
use crate::model::time::Now;
use crate::model::{SinkName, duration};
use crate::platform::shell;

/// What the words depend on beside the diagnostic.
pub(super) struct Surroundings<'a> {
    pub(super) engine: &'a Engine,
    pub(super) sinks: &'a BTreeMap<SinkName, Arc<Sink>>,
    /// Where the state is, if it outlives the process.
    pub(super) state: Option<&'a str>,
}

pub(super) fn log(diagnostic: &Diagnostic, surroundings: &Surroundings<'_>) {
    match diagnostic {
        Diagnostic::ClockWentBack { written_at, by } => {
            let (shown, ahead) = (duration::human(*by), by.as_secs_f64());
            warn!(%written_at, ahead, "the clock of this machine is {shown} behind the last write of the state, at {written_at}: it was set back, or is wrong now; each wait goes on with what was left of it");
        }
        Diagnostic::UnknownStatus { project, job, title, status } => {
            let of_project = if surroundings.are_several_projects() {
                format!(" of project {project}")
            } else {
                String::new()
            };
            warn!(%project, %job, "restore {title}{of_project}: status `{status}` is unknown; still watching");
        }
        Diagnostic::RateCut { project, per_second, configured, reason } => {
            let rate = (per_second * 100.0).round() / 100.0;
            let reason = reason.trim_end_matches('.');
            info!(%project, per_second, configured, "rate limit for project {project} reduced from {configured}/s to {rate}/s ({reason}), recovering gradually");
        }
        Diagnostic::RateRestored { project, per_second } => {
            info!(%project, per_second, "rate limit for project {project} restored to {per_second}/s, as configured");
        }
        Diagnostic::Misconfigured { project, reason } => {
            warn!(%project, "project {project}: {reason}; retrying");
        }
        Diagnostic::ListLost { project, reason } => {
            warn!(%project, "cannot list the restores of project {project}, so no new ones are discovered: {reason}; retrying");
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
        Diagnostic::ProjectMissing { project, jobs } => {
            let restores = counted(*jobs, "unfinished restore was", "unfinished restores were");
            warn!(%project, jobs, "project {project} is not in the configuration, but {restores} added to it; add the project again to watch them");
        }
        of_delivery => log_delivery(of_delivery, surroundings),
    }
}

fn log_delivery(diagnostic: &Diagnostic, surroundings: &Surroundings<'_>) {
    match diagnostic {
        Diagnostic::DeliveryFailed { delivery, attempts, retry_in, reason, left_out } => {
            let (sink, id, event) = (&delivery.id.sink, delivery.id.event, surroundings.event(delivery));
            let (attempt, next) = (attempt_in_words(*attempts), duration::human(*retry_in));
            let others = others(*left_out, "other attempt failed", "other attempts failed");
            let attempts = attempts.made;
            if attempts > 1 {
                warn!(%sink, transition_id = %id, attempts, "sink {sink}: {attempt} to deliver {event} failed: {reason}; next attempt in {next}{others}");
            } else {
                info!(%sink, transition_id = %id, attempts, "sink {sink}: {attempt} to deliver {event} failed: {reason}; next attempt in {next}{others}");
            }
        }
        Diagnostic::SinkRejects { delivery, rejection, reason } => {
            let (sink, id) = (&delivery.id.sink, delivery.id.event);
            let meaning = surroundings.rejection(sink, *rejection);
            error!(%sink, transition_id = %id, "sink {sink} has taken nothing with these settings, and {meaning} ({reason})");
        }
        Diagnostic::DeadLetter { delivery, attempts, rejection, reason, left_out } => {
            let why = WhyDead { attempts: *attempts, rejection: *rejection, reason };
            log_dead_letter(delivery, &why, *left_out, surroundings);
        }
        Diagnostic::DeliveryExpired { delivery, reason, left_out } => {
            let (sink, id, event) = (&delivery.id.sink, delivery.id.event, surroundings.event(delivery));
            let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let others = others(*left_out, "other one expired", "other ones expired");
            warn!(%sink, transition_id = %id, "sink {sink}: dropped an expired notification, {event}{why}{others}");
        }
        Diagnostic::Withheld { delivery, sinks, reason } => {
            let (id, event) = (delivery.id.event, surroundings.event(delivery));
            let sinks = sinks.iter().map(SinkName::as_str).collect::<Vec<_>>().join(", ");
            info!(%sinks, transition_id = %id, "{event} is not sent to {sinks}: {reason}");
        }
        Diagnostic::EndUndelivered { delivery, waiting, attempts, reason, others } => {
            let (sink, id, event) = (&delivery.id.sink, delivery.id.event, surroundings.event(delivery));
            let (waiting, attempt) = (duration::human(*waiting), attempt_in_words(*attempts));
            let why = match reason {
                Some(reason) => format!("{attempt} failed: {reason}"),
                None => "no attempt has failed yet".to_owned(),
            };
            let more = match others {
                0 => String::new(),
                others => format!(
                    "; {}, too",
                    counted(*others, "other end of a restore waits", "other ends of restores wait")
                ),
            };
            error!(%sink, transition_id = %id, attempts = attempts.made, "sink {sink}: {event} has been undelivered for {waiting}, {why}{more}");
        }
        of_sink => log_sink(of_sink, surroundings),
    }
}

fn log_sink(diagnostic: &Diagnostic, surroundings: &Surroundings<'_>) {
    match diagnostic {
        Diagnostic::SinkRecovered { sink, lasted, pending, dead_letters } => {
            let shown = duration::human(*lasted);
            let deliveries = counted(*pending, "delivery is", "deliveries are");
            let dead = surroundings.dead_letters(sink, *dead_letters);
            info!(%sink, pending, lasted = lasted.as_secs_f64(), "sink {sink} takes deliveries again, after {shown}; {deliveries} pending{dead}");
        }
        Diagnostic::SinkDisabled { sink, reason, dead_letters } => {
            let also = match dead_letters {
                _ if surroundings.state.is_none() => String::new(),
                0 => String::new(),
                count => format!("; {} by this", counted(*count, "dead letter", "dead letters")),
            };
            let until = match surroundings.state {
                Some(_) => "nothing is sent to it until its configuration changes",
                None => "nothing more is sent to it",
            };
            error!(%sink, dead_letters, "sink {sink} is disabled: {reason}; {until}{also}");
        }
        Diagnostic::SinkEnabled { sink } => {
            let retry = surroundings.retry_dead(sink);
            info!(%sink, "sink {sink} is used again, because its configuration changed; to send its dead letters: {retry}");
        }
        Diagnostic::SilenceBegan { silence, until } => {
            let reading = Now { instant: silence.ends, wall: *until };
            let subject = SilenceStatus::of(silence, reading).subject();
            let (id, comment, until) = (silence.id, &silence.comment, shown_minute(*until));
            let by = silence.set_by.as_ref().map(|name| format!(" (by {name})")).unwrap_or_default();
            info!(silence = %id, "silence {id} began, until {until}: {subject}: {comment}{by}");
        }
        Diagnostic::SilenceEnded { silence, how } => {
            let (id, comment) = (silence.id, &silence.comment);
            let how = match how {
                SilenceEnd::Expired => "ended",
                SilenceEnd::ByHand => "was ended by hand",
            };
            info!(silence = %id, "silence {id} {how}: {comment}");
        }
        Diagnostic::SinkMissing { sink, pending } => {
            let deliveries = counted(*pending, "delivery to it is", "deliveries to it are");
            let discard = surroundings.deliveries(&["drop", "--all", "--sink", sink.as_str()]);
            warn!(%sink, pending, "sink {sink} is not in the configuration, but {deliveries} pending; add it again, or drop them: {discard}");
        }
        _ => {}
    }
}

/// Why a delivery became a dead letter.
struct WhyDead<'a> {
    attempts: Attempts,
    /// What of it the receiver rejects, if that is why.
    rejection: Option<Rejection>,
    /// What went wrong at the last attempt.
    reason: &'a str,
}

fn log_dead_letter(
    delivery: &DeliverySubject,
    WhyDead { attempts, rejection, reason }: &WhyDead<'_>,
    left_out: usize,
    surroundings: &Surroundings<'_>,
) {
    let (sink, id, event) = (&delivery.id.sink, delivery.id.event, surroundings.event(delivery));
    let others = others(left_out, "other delivery was given up", "other deliveries were given up");
    // A machine without a desktop is no emergency.
    if surroundings.sinks.get(sink).is_some_and(|sink| sink.kind() == SinkType::Desktop) {
        warn!(%sink, transition_id = %id, "sink {sink}: {event} is not shown: {reason}{others}");
        return;
    }

    let attempt = attempt_in_words(*attempts);
    let mend = rejection.map(|rejection| format!("; {}", surroundings.rejection(sink, rejection)));
    let mend = mend.unwrap_or_default();
    let joined = if rejection.is_some() { ", then send it again" } else { "; to send it again" };
    let retry = surroundings.state.map(|_| surroundings.deliveries(&["retry", &id.to_string()]));
    let again = retry.map(|command| format!("{joined}: {command}")).unwrap_or_default();
    error!(%sink, transition_id = %id, attempts = attempts.made, "sink {sink}: gave up {event} after {attempt}: {reason}{mend}{again}{others}");
}

impl Surroundings<'_> {
    /// The event of a delivery: its type, and the job or the project that it is about.
    fn event(&self, DeliverySubject { project, job, kind, .. }: &DeliverySubject) -> String {
        let Some(id) = job else { return format!("{kind} of project {project}") };

        let known = self.engine.job(project, id);
        let label = known.as_ref().map_or(id.as_str(), |job| job.tracker.label());
        let id = (label != id.as_str()).then(|| id.to_string());
        let project = self.are_several_projects().then(|| format!("project {project}"));
        let further: Vec<_> = id.into_iter().chain(project).collect();

        match &further[..] {
            [] => format!("{kind} of {label}"),
            further => format!("{kind} of {label} ({})", further.join(", ")),
        }
    }

    fn are_several_projects(&self) -> bool {
        self.engine.projects().nth(1).is_some()
    }

    /// What it means that a receiver rejects a delivery, and what to do about it.
    fn rejection(&self, sink: &SinkName, rejection: Rejection) -> String {
        let sink = self.sinks.get(sink);
        sink.map_or_else(|| rejection_in_words(rejection).to_owned(), |sink| sink.advice(rejection))
    }

    /// How many deliveries to a sink are dead letters, and how to send them, if there are any.
    fn dead_letters(&self, sink: &SinkName, count: usize) -> String {
        if count == 0 || self.state.is_none() {
            return String::new();
        }
        let counted = counted(count, "dead letter", "dead letters");
        format!("; to send its {counted}: {}", self.retry_dead(sink))
    }

    /// The command that sends the dead letters of a sink again.
    fn retry_dead(&self, sink: &SinkName) -> String {
        self.deliveries(&["retry", "--dead", "--sink", sink.as_str()])
    }

    /// A command about the deliveries of this state.
    fn deliveries(&self, words: &[&str]) -> String {
        // The daemon itself says which database it is.
        let file = self.state.filter(|state| StatePlace::shown_file(state).is_some());
        let place = file.map(|file| ["--state-file", file]);
        let words = ["restore-watch", "deliveries"].iter().chain(words).chain(place.iter().flatten());
        words.map(|word| shell::word(word)).collect::<Vec<_>>().join(" ")
    }
}

/// Which attempt it was, and of how many, as far as that is known.
fn attempt_in_words(Attempts { made, of }: Attempts) -> String {
    match of {
        Some(of) => format!("attempt {made} of {of}"),
        None => format!("attempt {made}"),
    }
}

/// What was left out since the last line of the same kind.
fn others(count: usize, one: &str, many: &str) -> String {
    match count {
        0 => String::new(),
        count => format!("; {} since the last such line", counted(count, one, many)),
    }
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
    use crate::config::{
        JobSettings, ProjectSettings, SinkSettings, SinkTarget, UrlSource, WebhookFormat, WebhookSettings,
        WebhookUrl,
    };
    use crate::engine::Plan;
    use crate::engine::snapshot::Snapshot;
    use crate::model::time::{Instant, Now};
    use crate::model::{DeliveryId, EventId, EventKind, JobId, ProjectName};

    const NOON: &str = "2026-11-23T12:00:00Z";

    /// An engine with these projects, each of which watches a job called `nightly`.
    fn engine(projects: &[&str]) -> Engine {
        let job = || JobSettings { name: Some("nightly".to_owned()), ..JobSettings::new(job_id("rj-1")) };
        let project = |name: &&str| ProjectSettings {
            name: ProjectName::new(*name),
            jobs: vec![job()],
            ..ProjectSettings::default()
        };
        let projects = projects.iter().map(project).collect();
        let plan = Plan { projects, sinks: Vec::new(), keep: crate::config::Retention::FOREVER };
        let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
        Engine::from_snapshot(plan, Snapshot::default(), 1, now)
    }

    fn job_id(text: &str) -> JobId {
        JobId::new(text).unwrap()
    }

    fn subject(kind: EventKind, job: Option<&str>) -> DeliverySubject {
        let event = EventId::from_parts(NOON.parse().unwrap(), [7; 10]);
        let id = DeliveryId { event, sink: SinkName::new("ops") };
        DeliverySubject { id, project: ProjectName::new("one"), job: job.map(job_id), kind }
    }

    #[test]
    fn events_are_named_by_type_job_and_project() {
        let (failed, refused) = (EventKind::Failed, EventKind::ProjectUnauthorized);
        for (projects, subject, text) in [
            (&["one"][..], subject(failed, Some("rj-1")), "restore_job.failed of nightly (rj-1)"),
            (
                &["one", "two"],
                subject(failed, Some("rj-1")),
                "restore_job.failed of nightly (rj-1, project one)",
            ),
            (&["one"], subject(failed, Some("rj-9")), "restore_job.failed of rj-9"),
            (&["one", "two"], subject(failed, Some("rj-9")), "restore_job.failed of rj-9 (project one)"),
            (&["one"], subject(refused, None), "project.unauthorized of project one"),
        ] {
            let engine = engine(projects);
            let surroundings = Surroundings { engine: &engine, sinks: &BTreeMap::new(), state: None };

            assert_eq!(surroundings.event(&subject), text);
        }
    }

    #[test]
    fn a_rejection_says_what_to_look_at() {
        let slack = |format| {
            let url = WebhookUrl::parse("https://hooks.slack.com/services/x", false).unwrap();
            let webhook = WebhookSettings { format, ..WebhookSettings::new(UrlSource::Given(url)) };
            let confirm =
                |_: &dyn Fn()| -> std::pin::Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
                    Box::pin(std::future::ready(Ok(())))
                };
            let sink = Sink::new(&SinkSettings::new(SinkTarget::Webhook(webhook)), confirm).unwrap();
            BTreeMap::from([(SinkName::new("ops"), Arc::new(sink))])
        };
        let engine = engine(&["one"]);

        for (format, rejection, text) in [
            (
                WebhookFormat::Standard,
                Rejection::Body,
                "its receiver refuses this format; is `format = \"slack\"` missing?",
            ),
            (WebhookFormat::Slack, Rejection::Body, "its receiver refuses the body; check its `format`"),
            (
                WebhookFormat::Slack,
                Rejection::Credentials,
                "its receiver refuses the credentials; check the token in its `url`, which may be revoked",
            ),
            (
                WebhookFormat::Slack,
                Rejection::Address,
                "its receiver does not know the address; check its `url`",
            ),
        ] {
            let sinks = slack(format);
            let surroundings = Surroundings { engine: &engine, sinks: &sinks, state: None };

            assert_eq!(surroundings.rejection(&SinkName::new("ops"), rejection), text);
        }
    }

    #[test]
    fn commands_name_the_state_and_are_quoted() {
        let (engine, sinks) = (engine(&["one"]), BTreeMap::new());
        let surroundings = |state| Surroundings { engine: &engine, sinks: &sinks, state };
        let words = ["retry", "--dead", "--sink", "two words"];

        assert_eq!(
            surroundings(Some("/srv/a b/state.db")).deliveries(&words),
            "restore-watch deliveries retry --dead --sink 'two words' --state-file '/srv/a b/state.db'"
        );
        for without in [None, Some("PostgreSQL database r at db.example, cluster default")] {
            assert_eq!(
                surroundings(without).deliveries(&words[..2]),
                "restore-watch deliveries retry --dead"
            );
        }
    }

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
