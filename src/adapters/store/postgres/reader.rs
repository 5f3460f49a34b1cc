//! Reads the history and the events of a state, over a connection of its own.
//!
//! Invariant: nothing is changed, and neither a commit nor a reader waits for the other. What one
//! answer says is of one moment.

use std::fmt::Display;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio_postgres::SimpleQueryRow;

use super::connection::Database;
use super::fault::Fault;
use super::literal::Literal;
use super::place::Place;
use super::row;
use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::adapters::store::OpenError;
use crate::config::{IndexPattern, PostgresSettings};
use crate::model::{DeliveryCounts, EndTotal, EndTotals, EndedRestore, Event, EventId, Outcome, ProjectName};

/// How long one read for a client of the daemon may take. Clients wait as long (`Readers`).
const CLIENT_LIMIT: Duration = Duration::from_secs(5);

/// The order of the history. Names are compared by their bytes, whatever the locale of the database.
const ORDER: &str = r#"ORDER BY end_observed_at DESC, project COLLATE "C", job COLLATE "C""#;

/// A state beside its active replica, or without one.
pub(super) struct PostgresReader(Place);

impl PostgresReader {
    /// A state that is there.
    pub(super) fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        Place::existing(settings).map(Self)
    }

    /// A state that this process has open. It is connected to when something is read.
    pub(super) fn beside(database: &Arc<Database>, cluster: &str) -> Self {
        Self(Place::beside(database, cluster, CLIENT_LIMIT))
    }

    /// Reads by these statements, and makes of their rows what was asked for.
    fn read<T>(
        &mut self,
        statements: &[String],
        made: impl FnOnce(&[Vec<SimpleQueryRow>]) -> Result<T, Fault>,
    ) -> Result<T, ReadError> {
        let read = self.0.session.read(statements).and_then(|answer| made(&answer));
        read.map_err(|fault| self.0.error("read", &fault).into())
    }
}

impl Reader for PostgresReader {
    fn history(&mut self, filter: &HistoryFilter, range: HistoryRange) -> Result<History, ReadError> {
        let matching = matching(&self.0.cluster, filter);
        let HistoryRange { skip, limit } = range;
        let count = format!("SELECT count(*) {matching}");
        let page = format!(
            "SELECT job, project, body, delivered, dropped,
                 (SELECT string_agg(state, ' ') FROM restore_watch.deliveries WHERE event = page.event)
             FROM (SELECT * {matching} {ORDER} LIMIT {} OFFSET {}) AS page {ORDER}",
            bound(limit),
            bound(skip)
        );

        self.read(&[count, page], |answer| match answer {
            [count, page] => Ok(History {
                restores: page.iter().map(restore).collect::<Result<_, _>>()?,
                total: count.first().map_or(Ok(0), |row| row::parsed(row, 0))?,
            }),
            _ => Err(Fault::unreadable("an answer is missing")),
        })
    }

    fn totals(&mut self) -> Result<EndTotals, ReadError> {
        let totals = format!(
            "SELECT project, outcome, ended, last_ended_at FROM restore_watch.totals WHERE cluster = {}",
            self.0.cluster
        );
        self.read(&[totals], |answer| answer.iter().flatten().map(total).collect())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        let last = format!(
            "SELECT id FROM restore_watch.events WHERE cluster = {} ORDER BY seq DESC LIMIT 1",
            self.0.cluster
        );
        self.read(&[last], |answer| answer.iter().flatten().next().map(|row| row::parsed(row, 0)).transpose())
    }

    /// If the event is no longer kept, those from the first one on that is not older: better one of
    /// the same millisecond twice than one of them never.
    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        let of_cluster = format!("FROM restore_watch.events WHERE cluster = {}", self.0.cluster);
        let events = format!(
            "SELECT body {of_cluster} AND seq > coalesce((SELECT seq {of_cluster} AND id = '{event}'),
                 (SELECT seq - 1 {of_cluster} AND emitted_at >= {} ORDER BY seq LIMIT 1))
             ORDER BY seq LIMIT {}",
            event.time().as_millisecond(),
            bound(limit)
        );
        self.read(&[events], |answer| {
            answer.iter().flatten().map(|row| row::published(row, 0).map(Arc::new)).collect()
        })
    }

    fn give_up_without(&mut self, requester: Weak<()>) {
        self.0.session.give_up_without(requester);
    }
}

/// The restores of a cluster that a filter selects.
fn matching(cluster: &str, filter: &HistoryFilter) -> String {
    let HistoryFilter { projects, indexes, outcomes, since } = filter;
    let mut parts = vec![format!("FROM restore_watch.restores WHERE cluster = {cluster}")];

    let mut add = |part: String| parts.push(part);
    if let Some(projects) = projects {
        add(format!("project = ANY ({})", texts(projects)));
    }
    if let Some(outcomes) = outcomes {
        add(format!("outcome = ANY ({})", texts(outcomes)));
    }
    if let Some(since) = since {
        add(format!("end_observed_at >= {}", since.as_millisecond()));
    }
    if let Some(patterns) = indexes {
        add(format!("target_index_name LIKE ANY ({})", texts(patterns.iter().map(like))));
    }
    parts.join(" AND ")
}

/// An array of these texts.
fn texts(all: impl IntoIterator<Item = impl Display>) -> String {
    let literals: Vec<_> = all.into_iter().map(|text| Literal(&text.to_string()).to_string()).collect();
    format!("ARRAY[{}]::text[]", literals.join(", "))
}

/// A number of rows.
fn bound(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The pattern of `LIKE` that matches the same names.
fn like(pattern: &IndexPattern) -> String {
    let mut like = String::new();
    for letter in pattern.to_string().chars() {
        match letter {
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', letter]),
            other => like.push(other),
        }
    }
    like
}

/// One row of a page: the job, the project, the restore, how many deliveries are no longer kept,
/// and the states of the others.
fn restore(found: &SimpleQueryRow) -> Result<EndedRestore, Fault> {
    let read = || {
        let mut restore: EndedRestore = row::published(found, 2)?;
        restore.deliveries = DeliveryCounts {
            delivered: row::parsed(found, 3)?,
            dropped: row::parsed(found, 4)?,
            ..DeliveryCounts::default()
        };
        for state in row::nullable(found, 5)?.unwrap_or_default().split_whitespace() {
            restore.deliveries.count(state.parse().map_err(Fault::unreadable)?);
        }
        Ok(restore)
    };
    read().map_err(|fault: Fault| {
        let name = |column| row::text(found, column).unwrap_or_default();
        let (job, project) = (name(0), name(1));
        Fault::Unreadable(format!("the row of restore {job} of project {project} is damaged: {fault}"))
    })
}

fn total(found: &SimpleQueryRow) -> Result<((ProjectName, Outcome), EndTotal), Fault> {
    let key = (ProjectName::new(row::text(found, 0)?), row::parsed(found, 1)?);
    Ok((key, EndTotal { ended: row::parsed(found, 2)?, last_ended_at: row::time(found, 3)? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_patterns_become_patterns_of_like() {
        for (pattern, expected) in [("prod-*", "prod-%"), ("doc?.v_1", r"doc_.v\_1"), ("*", "%")] {
            assert_eq!(like(&IndexPattern::parse(pattern).unwrap()), expected);
        }
    }
}
