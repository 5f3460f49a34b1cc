//! Lists and changes the deliveries of a state, from any machine.
//!
//! Invariant: a change waits for the commit that is under way, and the next commit for the change:
//! both would otherwise lock the same rows in different orders. A changed row is marked as edited
//! until the active replica takes the edit.

use std::cell::RefCell;

use jiff::Timestamp;
use tokio_postgres::SimpleQueryRow;

use super::fault::Fault;
use super::link::Answer;
use super::literal::Literal;
use super::place::Place;
use super::row;
use crate::adapters::store::{
    DeliveryAdmin, DeliveryFilter, DeliveryJob, DeliveryRow, Holder, OpenError, StoreError, admin,
};
use crate::config::PostgresSettings;
use crate::engine::snapshot::SinkSnapshot;
use crate::model::DeliveryState::{Dead, Delivered, Dropped, Pending};
use crate::model::{Reason, SinkName};

/// A state beside its active replica, or without one.
pub(super) struct PostgresAdmin {
    place: RefCell<Place>,
    active: Option<Holder>,
}

impl PostgresAdmin {
    /// A state that is there.
    pub(super) fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let mut place = Place::existing(settings)?;
        let holder = format!("SELECT holder FROM restore_watch.clusters WHERE name = {}", place.cluster);
        let answer =
            place.session.read(&[holder]).map_err(|fault| fault.while_opening(place.session.database()))?;
        let holder = answer.iter().flatten().find_map(|found| row::nullable(found, 0).ok().flatten());
        let active = holder.map(|name| Holder { name: Some(format!("replica {name}")) });
        Ok(Self { place: RefCell::new(place), active })
    }

    fn read(&self, sql: String) -> Result<Answer, StoreError> {
        let mut place = self.place.borrow_mut();
        place.session.read(&[sql]).map_err(|fault| place.error("read", &fault))
    }

    /// Reads rows, and makes something of each.
    fn all<T>(
        &self,
        sql: String,
        made: impl Fn(&SimpleQueryRow) -> Result<T, Fault>,
    ) -> Result<Vec<T>, StoreError> {
        let made: Result<_, _> = self.read(sql)?.iter().flatten().map(made).collect();
        made.map_err(|fault| self.place.borrow().error("read", &fault))
    }

    /// Changes the deliveries that match, of those in a state that `which` names.
    fn change(
        &self,
        what: &str,
        which: &str,
        filter: &DeliveryFilter,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut place = self.place.borrow_mut();
        let cluster = &place.cluster;
        let sql = format!(
            "WITH state AS (SELECT name FROM restore_watch.clusters WHERE name = {cluster} FOR NO KEY UPDATE),
             changed AS (
                 UPDATE restore_watch.deliveries d SET {what}, changed_at = {}, edited = true
                 FROM restore_watch.events e
                 WHERE d.cluster = (SELECT name FROM state) AND e.seq = d.event AND {which} AND {}
                 RETURNING 1
             )
             SELECT count(*) FROM changed",
            now.as_millisecond(),
            condition(cluster, filter)
        );
        let count = place
            .session
            .change(sql)
            .and_then(|answer| answer.iter().flatten().next().map_or(Ok(0), |found| row::parsed(found, 0)));
        count.map_err(|fault| place.error("write", &fault))
    }

    /// The sinks that are recorded.
    fn sinks(&self) -> Result<Vec<(SinkName, SinkSnapshot)>, StoreError> {
        let sinks = format!(
            "SELECT name, record FROM restore_watch.sinks WHERE cluster = {}",
            self.place.borrow().cluster
        );
        self.all(sinks, |found| Ok((SinkName::new(row::text(found, 0)?), row::record(found, 1)?)))
    }
}

impl DeliveryAdmin for PostgresAdmin {
    fn daemon(&self) -> Option<&Holder> {
        self.active.as_ref()
    }

    fn list(&self, filter: &DeliveryFilter, limit: usize) -> Result<Vec<DeliveryRow>, StoreError> {
        let listed = format!(
            r#"SELECT e.id, d.sink, d.state, e.project, e.job, e.kind, e.emitted_at, d.attempts, d.due, d.changed_at,
                   d.reason, e.name, e.target_index_name
               FROM restore_watch.deliveries d JOIN restore_watch.events e ON e.seq = d.event
               WHERE {} ORDER BY e.seq DESC, d.sink COLLATE "C" DESC LIMIT {}"#,
            condition(&self.place.borrow().cluster, filter),
            i64::try_from(limit).unwrap_or(i64::MAX)
        );
        let mut rows = self.all(listed, delivery)?;
        rows.reverse();

        admin::hold(&mut rows, self.closed_sinks()?);
        Ok(rows)
    }

    fn retry(&mut self, filter: &DeliveryFilter, now: Timestamp) -> Result<usize, StoreError> {
        self.change(
            &format!(
                "reason = CASE d.state WHEN '{Dropped}' THEN NULL ELSE d.reason END,
                 attempts = CASE d.state WHEN '{Pending}' THEN d.attempts ELSE 0 END,
                 state = '{Pending}', due = {}",
                now.as_millisecond()
            ),
            &format!("d.state <> '{Delivered}'"),
            filter,
            now,
        )
    }

    fn discard(&mut self, filter: &DeliveryFilter, now: Timestamp) -> Result<usize, StoreError> {
        self.change(
            &format!(
                "state = '{Dropped}', due = NULL, reason = {}",
                Literal(&Reason::DroppedByHand.to_string())
            ),
            &format!("d.state IN ('{Pending}', '{Dead}')"),
            filter,
            now,
        )
    }

    fn jobs(&self) -> Result<Vec<DeliveryJob>, StoreError> {
        let jobs = format!(
            "SELECT DISTINCT job, name FROM restore_watch.events WHERE cluster = {} AND job IS NOT NULL",
            self.place.borrow().cluster
        );
        self.all(jobs, |found| {
            let name = row::nullable(found, 1)?.map(str::to_owned);
            Ok(DeliveryJob { id: row::text(found, 0)?.to_owned(), name })
        })
    }

    fn disabled_sinks(&self) -> Result<Vec<(SinkName, String)>, StoreError> {
        let sinks = self.sinks()?.into_iter();
        Ok(sinks.filter_map(|(name, snapshot)| Some((name, snapshot.disabled?))).collect())
    }

    fn closed_sinks(&self) -> Result<Vec<(SinkName, Timestamp)>, StoreError> {
        let sinks = self.sinks()?.into_iter();
        Ok(sinks.filter_map(|(name, snapshot)| Some((name, snapshot.closed_until?))).collect())
    }
}

/// The condition that a filter stands for.
fn condition(cluster: &str, filter: &DeliveryFilter) -> String {
    let DeliveryFilter { states, id, sink, project, job } = filter;
    let mut parts = vec![format!("d.cluster = {cluster}")];

    if !states.is_empty() {
        let states: Vec<_> = states.iter().map(|state| format!("'{state}'")).collect();
        parts.push(format!("d.state IN ({})", states.join(", ")));
    }
    if let Some(prefix) = id {
        parts.push(format!("starts_with(e.id, {})", Literal(prefix.as_str())));
    }
    for (column, value) in [("d.sink", sink), ("e.project", project), ("e.job", job)] {
        if let Some(value) = value {
            parts.push(format!("{column} = {}", Literal(value)));
        }
    }

    parts.join(" AND ")
}

fn delivery(found: &SimpleQueryRow) -> Result<DeliveryRow, Fault> {
    let known = |column| Ok::<_, Fault>(row::nullable(found, column)?.map(str::to_owned));
    let due = row::nullable(found, 8)?.is_some();
    Ok(DeliveryRow {
        id: row::parsed(found, 0)?,
        sink: row::text(found, 1)?.to_owned(),
        state: row::parsed(found, 2)?,
        project: row::text(found, 3)?.to_owned(),
        job: known(4)?,
        name: known(11)?,
        target_index_name: known(12)?,
        kind: row::kind(found, 5)?,
        timestamp: row::time(found, 6)?,
        attempts: row::parsed(found, 7)?,
        next_attempt_at: if due { Some(row::time(found, 8)?) } else { None },
        held_until: None,
        changed_at: row::time(found, 9)?,
        last_error: known(10)?,
    })
}
