//! Which series each family has, and their values.
//!
//! Invariant: a series is shown from the start, at 0 if nothing happened yet.

use std::time::Duration;

use jiff::Timestamp;

use super::family::Metric;
use super::histogram::Histogram;
use super::reading::{ClusterReading, ProjectReading, Reading, SinkReading};
use super::words::{AttemptResult, Code, Endpoint, final_outcomes, final_states};
use crate::model::{DeliveryState, EventKind, Keyword as _, Outcome};
use crate::platform::usage::Usage;

/// One series: the values of its labels, in the order of its family, and its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) labels: Vec<String>,
    pub(super) value: Value<'a>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Whole(u64),
    Number(f64),
    Histogram(&'a Histogram),
}

/// The series of a family, in a fixed order. None if this system does not tell.
pub(super) fn of<'a>(metric: Metric, reading: &'a Reading, usage: &Usage) -> Vec<Sample<'a>> {
    let daemon = &reading.daemon;
    match metric {
        Metric::BuildInfo => vec![sample([env!("CARGO_PKG_VERSION")], Value::Whole(1))],
        Metric::RestoreDuration => histogram(&reading.restore_duration),
        Metric::DetectionDelay => histogram(&reading.detection_delay),
        Metric::ApiRequestDuration => histogram(&reading.request_duration),

        Metric::Restores
        | Metric::RestoresEnded
        | Metric::OldestOpenRestore
        | Metric::LastCompleted
        | Metric::Events
        | Metric::LastAnswer
        | Metric::ApiRequests
        | Metric::ApiRateLimit
        | Metric::ProjectAuthorized
        | Metric::ProjectPaused => {
            reading.projects.iter().flat_map(|project| of_project(metric, project)).collect()
        }

        Metric::Deliveries | Metric::DeliveriesEnded | Metric::DeliveryAttempts => {
            reading.sinks.iter().flat_map(|sink| of_sink(metric, sink)).collect()
        }

        Metric::ClusterActive
        | Metric::ClusterEpoch
        | Metric::ClusterTakeovers
        | Metric::ClusterLosses
        | Metric::ClusterOthers => single(daemon.cluster.as_ref().map(|cluster| of_cluster(metric, cluster))),

        Metric::LogLinesLost => single(Some(Value::Whole(daemon.log_lines_lost))),
        Metric::ReloadSuccessful => single(Some(truth(!daemon.reload_failed))),
        Metric::ReloadSuccess => single(Some(time(Some(daemon.configured_at)))),
        Metric::ProcessStart => single(Some(time(Some(daemon.started_at)))),
        Metric::ProcessCpu => single(Some(length(usage.cpu))),
        Metric::ProcessResidentMemory => single(usage.resident_bytes.map(Value::Whole)),
        Metric::ProcessVirtualMemory => single(usage.virtual_bytes.map(Value::Whole)),
        Metric::ProcessOpenFiles => single(usage.open_files.map(Value::Whole)),
        Metric::ProcessMaxFiles => single(usage.max_files.map(Value::Whole)),
        Metric::ProcessThreads => single(usage.threads.map(Value::Whole)),
    }
}

fn of_cluster<'a>(metric: Metric, cluster: &ClusterReading) -> Value<'a> {
    let ClusterReading { is_active, epoch, takeovers, losses, others } = *cluster;
    Value::Whole(match metric {
        Metric::ClusterEpoch => epoch,
        Metric::ClusterTakeovers => takeovers,
        Metric::ClusterLosses => losses,
        Metric::ClusterOthers => others as u64,
        _ => u64::from(is_active),
    })
}

fn of_project<'a>(metric: Metric, project: &ProjectReading) -> Vec<Sample<'a>> {
    let ProjectReading { name, outcomes, counters, .. } = project;
    let name = name.as_str();
    let one = |value| vec![sample([name], value)];
    match metric {
        Metric::Restores => {
            let of = |outcome| Value::Whole(outcomes.of(outcome) as u64);
            Outcome::ALL
                .into_iter()
                .map(|outcome| sample([name, &outcome.to_string()], of(outcome)))
                .collect()
        }
        Metric::RestoresEnded => {
            let count = |outcome: Outcome| count(counters.ended.get(&outcome));
            final_outcomes().map(|outcome| sample([name, &outcome.to_string()], count(outcome))).collect()
        }
        Metric::Events => {
            let count = |kind| count(counters.events.get(kind));
            EventKind::ALL.iter().map(|kind| sample([name, &kind.to_string()], count(kind))).collect()
        }
        Metric::ApiRequests => requests(project),
        Metric::LastCompleted => one(time(counters.last_completed)),
        Metric::LastAnswer => one(time(counters.last_answer)),
        Metric::OldestOpenRestore => one(length(project.oldest_open)),
        Metric::ApiRateLimit => one(Value::Number(project.rate_limit)),
        Metric::ProjectAuthorized => one(truth(project.is_authorized)),
        Metric::ProjectPaused => one(truth(project.is_paused)),
        _ => Vec::new(),
    }
}

/// The usual codes of each operation, and the others that came.
fn requests<'a>(project: &ProjectReading) -> Vec<Sample<'a>> {
    let requests = &project.counters.requests;
    let usual = Endpoint::ALL.into_iter().flat_map(|endpoint| Code::USUAL.map(|code| (endpoint, code)));
    let mut series: Vec<_> = usual.chain(requests.keys().copied()).collect();
    series.sort_unstable();
    series.dedup();

    let sample_of = |(endpoint, code): &(Endpoint, Code)| {
        let labels = [project.name.as_str(), endpoint.as_str(), &code.word()];
        sample(labels, count(requests.get(&(*endpoint, *code))))
    };
    series.iter().map(sample_of).collect()
}

fn of_sink<'a>(metric: Metric, sink: &SinkReading) -> Vec<Sample<'a>> {
    let SinkReading { name, pending, held, dead, counters } = sink;
    let name = name.as_str();
    match metric {
        Metric::Deliveries => {
            let (waiting, given_up) = (DeliveryState::Pending.as_str(), DeliveryState::Dead.as_str());
            [(waiting, pending), ("held", held), (given_up, dead)]
                .map(|(state, count)| sample([name, state], Value::Whole(*count as u64)))
                .into()
        }
        Metric::DeliveriesEnded => {
            let count = |state: DeliveryState| count(counters.ended.get(&state));
            final_states().map(|state| sample([name, state.as_str()], count(state))).collect()
        }
        Metric::DeliveryAttempts => {
            let count = |result| count(counters.attempts.get(result));
            AttemptResult::ALL.iter().map(|result| sample([name, result.as_str()], count(result))).collect()
        }
        _ => Vec::new(),
    }
}

fn sample<'a, const N: usize>(labels: [&str; N], value: Value<'a>) -> Sample<'a> {
    Sample { labels: labels.map(str::to_owned).into(), value }
}

/// A family without labels.
fn single(value: Option<Value<'_>>) -> Vec<Sample<'_>> {
    value.map(|value| sample([], value)).into_iter().collect()
}

fn histogram(histogram: &Histogram) -> Vec<Sample<'_>> {
    single(Some(Value::Histogram(histogram)))
}

fn count<'a>(count: Option<&u64>) -> Value<'a> {
    Value::Whole(count.copied().unwrap_or_default())
}

fn truth<'a>(is: bool) -> Value<'a> {
    Value::Whole(u64::from(is))
}

fn length<'a>(duration: Duration) -> Value<'a> {
    Value::Number(duration.as_secs_f64())
}

/// A time, to the millisecond.
fn time<'a>(at: Option<Timestamp>) -> Value<'a> {
    let millis = at.map(Timestamp::as_millisecond).unwrap_or_default().max(0).unsigned_abs();
    length(Duration::from_millis(millis))
}
