//! `restore-watch deliveries`

mod args;
mod selection;

pub(super) use args::Args;

use args::{Action, Change, List};
use selection::{Purpose, Selection};

use jiff::Timestamp;

use super::output::{Output, print};
use super::{Done, Failure, table};
use crate::adapters::report::shown_minute;
use crate::adapters::store::{DeliveryAdmin, DeliveryRow};
use crate::model::time::{Now, wall_between};
use crate::model::{DeliveryState, EventKind, Exit, duration};
use crate::platform::clock::Clock;

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    match args.action {
        None => list(&args.list),
        Some(Action::List(args)) => list(&args),
        Some(Action::Retry(args)) => retry(&args),
        Some(Action::Drop(args)) => drop_them(&args),
    }
}

fn list(args: &List) -> Result<Done, Failure> {
    let deliveries = args.state_args.deliveries()?;
    let states = match (&args.state[..], args.all || args.id.is_some()) {
        ([], true) => Vec::new(),
        ([], false) => vec![DeliveryState::Pending, DeliveryState::Dead],
        (some, _) => some.to_vec(),
    };
    let mut filter = args.filter.filter(Purpose::List, &*deliveries)?;
    filter.states = states;
    filter.id.clone_from(&args.id);

    // One more than is shown says whether there are more.
    let mut rows = deliveries.list(&filter, args.limit.saturating_add(1))?;
    let left_out = rows.len() > args.limit;
    if left_out {
        rows.remove(0);
    }
    match args.output {
        Output::Human => print(&human(&rows, Clock::system().now(), table::width()))?,
        Output::Json => print(&format!("{}\n", serde_json::to_string(&rows).unwrap_or_default()))?,
    }
    if left_out {
        note(&format!("there are older deliveries; to show more than {}: --limit", args.limit));
    }
    Ok(Done::Exit(Exit::Success))
}

fn human(rows: &[DeliveryRow], now: Now, width: Option<usize>) -> String {
    if rows.is_empty() {
        return "no such deliveries\n".to_owned();
    }
    // Ids of events that were emitted together begin alike.
    let ids: Vec<_> = rows.iter().map(|row| row.id.to_string()).collect();
    let shown = table::distinct_length(ids.iter().map(String::as_str));
    let cells = |row: &DeliveryRow| {
        let next = match row.next_attempt_at.map(|at| wall_between(now.wall.max(row.changed_at), at)) {
            None => "-".to_owned(),
            Some(wait) if wait.is_zero() => "now".to_owned(),
            Some(wait) => format!("in {}", duration::human(wait)),
        };
        [
            table::beginning(&row.id.to_string(), shown).to_owned(),
            row.sink.clone(),
            row.state.to_string(),
            event_type(row.kind),
            subject(row),
            duration::human(wall_between(row.timestamp, now.wall)),
            row.attempts.to_string(),
            next,
            last_error(row, now),
        ]
    };
    let heading = ["ID", "SINK", "STATE", "EVENT", "JOB", "AGE", "ATTEMPTS", "NEXT", "LAST ERROR"];
    let rows: Vec<_> = rows.iter().map(cells).collect();
    table::folded(heading, &rows, width, 4)
}

/// The type of the event without what most types begin with, for lack of room.
fn event_type(kind: EventKind) -> String {
    let kind = kind.to_string();
    kind.strip_prefix("restore_job.").map_or(kind.clone(), str::to_owned)
}

/// What went wrong at the last attempt, or what the next one waits for.
fn last_error(row: &DeliveryRow, now: Now) -> String {
    let held =
        || Some(format!("held until {}, when the hours of the sink begin", shown_minute(row.held_until?)));
    let is_held = row.held_until.is_some_and(|until| until > now.wall);
    row.last_error.clone().or_else(|| held().filter(|_| is_held)).unwrap_or_default()
}

/// What the event is about: the name of the job, else its index, else its id; or the project.
fn subject(row: &DeliveryRow) -> String {
    let job = row.name.as_ref().or(row.target_index_name.as_ref()).or(row.job.as_ref());
    job.cloned().unwrap_or_else(|| format!("project {}", row.project))
}

fn retry(args: &Change) -> Result<Done, Failure> {
    let mut deliveries = args.state_args.deliveries()?;
    let selection = Selection::new(args, &*deliveries, &|row| {
        format!("was delivered at {:.0}; there is nothing to retry", row.changed_at)
    })?;
    warn_of_disabled_sinks(&*deliveries, &selection)?;

    let now = Clock::system().now().wall;
    note_closed_sinks(&*deliveries, &selection, now)?;
    let mut count = 0;
    for filter in selection.filters() {
        count += deliveries.retry(filter, now)?;
    }
    let by = match deliveries.daemon() {
        Some(daemon) => match &daemon.name {
            Some(name) => format!("the running daemon ({name}) retries within seconds"),
            None => "the running daemon retries within seconds".to_owned(),
        },
        None => "no daemon runs: the next one retries at its start".to_owned(),
    };
    print(&match count {
        0 => "no deliveries to retry\n".to_owned(),
        count => format!("deliveries to retry: {count}; {by}\n"),
    })?;
    Ok(Done::Exit(Exit::Success))
}

/// Refuses a retry if all sinks of the deliveries are disabled, and warns if some are.
fn warn_of_disabled_sinks(deliveries: &dyn DeliveryAdmin, selection: &Selection) -> Result<(), Failure> {
    let sinks = selection.open_sinks(deliveries)?;
    let mut disabled = deliveries.disabled_sinks()?;
    disabled.retain(|(sink, _)| sinks.contains(sink.as_str()));

    if let Some((sink, why)) = disabled.first().filter(|_| disabled.len() == sinks.len()) {
        return Err(Failure::new(Exit::Failed, format!("the sink {sink} is disabled: {why}"))
            .with_help("change its configuration and start the daemon again; then retry the dead letters"));
    }
    for (sink, why) in disabled {
        note(&format!(
            "the sink {sink} is disabled: {why}; its deliveries become dead letters again until its \
             configuration changes"
        ));
    }
    Ok(())
}

/// Says which sinks get the deliveries only later: a retry by hand waits for their hours, too.
fn note_closed_sinks(
    deliveries: &dyn DeliveryAdmin,
    selection: &Selection,
    now: Timestamp,
) -> Result<(), Failure> {
    let sinks = selection.open_sinks(deliveries)?;
    let closed = deliveries.closed_sinks()?.into_iter();
    for (sink, until) in closed.filter(|(sink, until)| sinks.contains(sink.as_str()) && *until > now) {
        let until = shown_minute(until);
        note(&format!("the sink {sink} is outside its hours: its deliveries are retried at {until}"));
    }
    Ok(())
}

fn drop_them(args: &Change) -> Result<Done, Failure> {
    let mut deliveries = args.state_args.deliveries()?;
    let selection = Selection::new(args, &*deliveries, &|row| {
        format!("was delivered at {:.0}; it cannot be taken back", row.changed_at)
    })?;

    let now = Clock::system().now().wall;
    let mut count = 0;
    for filter in selection.filters() {
        count += deliveries.discard(filter, now)?;
    }
    print(&match count {
        0 => "no deliveries to drop\n".to_owned(),
        count => format!("deliveries dropped: {count}\n"),
    })?;
    Ok(Done::Exit(Exit::Success))
}

/// Says something on standard error.
fn note(text: &str) {
    use std::io::Write as _;

    // There is nowhere left to say that this failed.
    _ = writeln!(std::io::stderr(), "restore-watch: {text}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::model::time::Instant;

    pub(super) fn row(id: &str, job: &str, reason: Option<&str>) -> DeliveryRow {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        DeliveryRow {
            id: id.parse().unwrap(),
            sink: "ops".to_owned(),
            state: DeliveryState::Pending,
            project: "production".to_owned(),
            job: Some("94a63aeb-efae-4f7a-b059-75d32c27ca57".to_owned()),
            name: None,
            target_index_name: Some(job.to_owned()),
            kind: EventKind::Failed,
            timestamp: noon,
            attempts: 2,
            next_attempt_at: Some(noon + Duration::from_secs(476)),
            held_until: None,
            changed_at: noon,
            last_error: reason.map(str::to_owned),
        }
    }

    fn rows() -> Vec<DeliveryRow> {
        let long =
            "https://hooks.slack.com answered HTTP 400: invalid_payload, and more of that kind of text";
        let project = DeliveryRow { job: None, target_index_name: None, ..row(ID, "", None) };
        vec![
            row("01a214f4-c2d7-79bd-9e2f-331b2d96ee87", "orders-nightly", Some(long)),
            row("01a214f4-c2d8-79bd-9e2f-331b2d96ee87", "a-really-long-index-name", None),
            project,
        ]
    }

    fn later() -> Now {
        let wall = row(ID, "", None).timestamp + Duration::from_secs(200);
        Now { instant: Instant::after_start(Duration::ZERO), wall }
    }

    const ID: &str = "02a214f4-c2d8-79bd-9e2f-331b2d96ee87";

    #[test]
    fn wide_table_has_one_line_for_each_delivery() {
        insta::assert_snapshot!(human(&rows(), later(), None), @r"
        ID             SINK  STATE    EVENT   JOB                       AGE     ATTEMPTS  NEXT       LAST ERROR
        01a214f4-c2d7  ops   pending  failed  orders-nightly            3m 20s  2         in 4m 36s  https://hooks.slack.com answered HTTP 400: invalid_payload, and more of that kind of text
        01a214f4-c2d8  ops   pending  failed  a-really-long-index-name  3m 20s  2         in 4m 36s
        02a214f4-c2d8  ops   pending  failed  project production        3m 20s  2         in 4m 36s
        ");
    }

    #[test]
    fn narrow_table_shows_the_last_error_below() {
        insta::assert_snapshot!(human(&rows(), later(), Some(80)), @r"
        ID             SINK  STATE    EVENT   JOB            AGE     ATTEMPTS  NEXT
        01a214f4-c2d7  ops   pending  failed  orders-night…  3m 20s  2         in 4m 36s
          https://hooks.slack.com answered HTTP 400: invalid_payload, and more of that
          kind of text
        01a214f4-c2d8  ops   pending  failed  a-really-lon…  3m 20s  2         in 4m 36s
        02a214f4-c2d8  ops   pending  failed  project prod…  3m 20s  2         in 4m 36s
        ");
    }
}
