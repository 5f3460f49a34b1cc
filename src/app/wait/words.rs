//! What a wait says of its jobs and of itself, in words.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{DiscoveryState, Engine, IndexWatch, JobView};
use crate::model::time::{Instant, Now};
use crate::model::{Expectation, JobId, Outcome, ProjectName, Status, duration};

/// Says that the wait only looks for further restores, if so.
pub(super) fn searching(engine: &Engine, now: Now) -> Option<String> {
    let is_searching = engine.discovery(now.instant) == DiscoveryState::UnderWay && !is_open(engine);
    let error = list_error(engine);
    let error = error.map(|error| format!("; they cannot be listed: {error}")).unwrap_or_default();
    is_searching.then(|| match engine.jobs().count() {
        0 => format!("looking for unfinished restores{error}"),
        1 => format!("1 restore is over; looking for others that are unfinished{error}"),
        ended => format!("{ended} restores are over; looking for others that are unfinished{error}"),
    })
}

/// Whether a restore, or its index, is still waited for.
pub(super) fn is_open(engine: &Engine) -> bool {
    engine.jobs().any(|job| job.outcome() == Outcome::Open)
}

/// Why the restores cannot be listed, if some are looked for and that fails.
pub(super) fn list_error(engine: &Engine) -> Option<String> {
    let mut searching = engine.projects().filter(|project| project.discovers);
    searching.find_map(|project| project.list_error).map(str::to_owned)
}

/// What to expect of the restores that are waited for, by those of their group if all are of one.
/// Their own durations are no history.
pub(super) fn expected(engine: &Engine) -> Option<Expectation> {
    let completed = |status: Option<&Status>| status == Some(&Status::Completed);
    let own = engine.jobs().filter(|job| completed(job.tracker.status())).count();
    let is_history = |past: &Expectation| past.restores > own;
    engine.projects().find_map(|project| {
        let of_group = engine.common_expectation(project.name).filter(is_history);
        of_group.or(project.expectation.filter(is_history))
    })
}

/// The time of the next poll of each job.
pub(super) type Forecast = BTreeMap<(ProjectName, JobId), Instant>;

/// The state of a job, in words.
pub(super) fn state(job: &JobView<'_>, forecast: &Forecast, now: Now) -> String {
    let mut words = vec![outcome(job)];
    words.extend(job.tracker.facts().intermediate_progress().map(|percent| format!("{percent:.0} %")));
    words.extend(job.tracker.elapsed(now).in_words());
    words.extend(job.unauthorized.or(job.tracker.last_error()).map(str::to_owned));
    if job.outcome() == Outcome::Open {
        let key = (job.project.clone(), job.tracker.settings().id.clone());
        words.push(match forecast.get(&key) {
            Some(at) => format!("next poll in {}", countdown(at.since(now.instant))),
            None => "asking".to_owned(),
        });
    }
    words.join(", ")
}

/// How a job stands, in words.
pub(super) fn outcome(job: &JobView<'_>) -> String {
    let tracker = job.tracker;
    let index_state = tracker.index().and_then(IndexWatch::state);
    job.outcome().in_words(tracker.status(), index_state, tracker.last_error())
}

/// A time that counts down, in whole seconds.
fn countdown(left: Duration) -> String {
    let seconds = (left + Duration::from_millis(500)).as_secs().max(1);
    if seconds < 60 { format!("{seconds}s") } else { duration::human(Duration::from_secs(seconds)) }
}
