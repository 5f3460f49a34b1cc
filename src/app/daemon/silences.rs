//! Sets, lists and ends silences for clients of the control socket.

use std::time::Duration;

use jiff::Timestamp;

use super::requests::{check_project, joined};
use super::view::WatchView;
use crate::adapters::control::{SetSilence, SilenceList};
use crate::adapters::report::{RequestError, RequestErrorKind, SilenceStatus};
use crate::app::driver::Driver;
use crate::config::{IndexPattern, SinkType, label_fault};
use crate::engine::{Command, CommandReply, Engine, NewSilence, Silence, SilenceMatcher};
use crate::model::time::{Now, wall_between};
use crate::model::{SilenceId, SinkName, duration};

/// The most characters of the name of a person.
const LONGEST_NAME: usize = 64;

/// Those in force.
pub(super) fn list(WatchView { engine, now, .. }: WatchView<'_>) -> SilenceList {
    SilenceList { timestamp: now.wall, silences: all(engine, now) }
}

/// Those in force, as a status has them.
pub(super) fn all(engine: &Engine, now: Now) -> Vec<SilenceStatus> {
    engine.silences().map(|silence| SilenceStatus::of(silence, now)).collect()
}

/// Sets one.
pub(super) fn set(driver: &mut Driver, wanted: SetSilence) -> Result<SilenceStatus, RequestError> {
    let new = checked(driver, wanted)?;
    match driver.command(Command::Silence(new)) {
        CommandReply::Silenced(id) => find(driver, id),
        _ => Err(invalid("too many silences are in force")
            .with_help("end some: restore-watch silence; restore-watch silence --end ID")),
    }
}

/// Ends one early. Returns what it was.
pub(super) fn end(driver: &mut Driver, id: SilenceId) -> Result<SilenceStatus, RequestError> {
    let ended = find(driver, id)?;
    driver.command(Command::EndSilence(id));
    Ok(ended)
}

fn find(driver: &Driver, id: SilenceId) -> Result<SilenceStatus, RequestError> {
    let silences = all(driver.engine(), driver.now());
    let known = joined(silences.iter().map(|silence| silence.id.to_string()));
    silences.into_iter().find(|silence| silence.id == id).ok_or_else(|| {
        let error = RequestError::new(RequestErrorKind::NotFound, format!("no silence {id} is in force"));
        error.with_help(if known.is_empty() { "none is".to_owned() } else { format!("there are: {known}") })
    })
}

/// A silence that can be set: it names only what there is.
fn checked(driver: &Driver, wanted: SetSilence) -> Result<NewSilence, RequestError> {
    let SetSilence { index, project, sink, for_seconds, until, comment, set_by } = wanted;

    let index = index.map(|index| {
        IndexPattern::parse(&index).map_err(|fault| invalid(format!("the pattern of the index {fault}")))
    });
    let matcher = SilenceMatcher { index: index.transpose()?, project, sink };
    if matcher.is_empty() {
        return Err(invalid("a silence names an index, a project or a sink"));
    }
    if let Some(project) = &matcher.project {
        check_project(driver.engine(), project)?;
    }
    if let Some(sink) = &matcher.sink {
        check_sink(driver, sink)?;
    }
    for (what, text, longest) in [
        ("comment", Some(&comment), Silence::LONGEST_COMMENT),
        ("name of who sets it", set_by.as_ref(), LONGEST_NAME),
    ] {
        if let Some(fault) = text.and_then(|text| label_fault(text, longest)) {
            return Err(invalid(format!("the {what} {fault}")));
        }
    }

    let lasts = lasts(for_seconds, until, driver.now().wall)?;
    Ok(NewSilence { matcher, lasts, comment, set_by })
}

fn lasts(
    for_seconds: Option<f64>,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Duration, RequestError> {
    let lasts = match (for_seconds, until) {
        (Some(seconds), None) => Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        (None, Some(until)) => wall_between(now, until),
        _ => return Err(invalid("a silence has either a duration or an end")),
    };
    if lasts < Duration::from_secs(1) {
        return Err(invalid("the silence would be over at once"));
    }
    if lasts > Silence::LONGEST {
        let longest = duration::written(Silence::LONGEST);
        return Err(invalid(format!("a silence lasts {longest} at most"))
            .with_help("to leave events out for good, change the `events` of the sink"));
    }
    Ok(lasts)
}

fn check_sink(driver: &Driver, name: &SinkName) -> Result<(), RequestError> {
    let sinks = driver.sinks();
    match sinks.iter().find(|(known, _)| known == name) {
        None => {
            let known = joined(sinks.iter().map(|(name, _)| name.to_string()));
            let error =
                RequestError::new(RequestErrorKind::NotFound, format!("the daemon has no sink `{name}`"));
            Err(error.with_help(format!("it has: {known}")))
        }
        Some((_, sink)) if sink.kind() == SinkType::Log => {
            Err(invalid(format!("the sink `{name}` is the log, which no silence leaves out")))
        }
        Some(_) => Ok(()),
    }
}

fn invalid(text: impl Into<String>) -> RequestError {
    RequestError::new(RequestErrorKind::Invalid, text)
}
