//! Requests that a standby hands over to the active replica, as rows.
//!
//! Invariant: a request is answered once, by the active replica together with what it changed, or by
//! the standby itself, which takes it back then. The standby may do so as long as no replica that
//! could still commit has claimed the request, and what is taken back is never claimed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_postgres::SimpleQueryRow;
use uuid::Uuid;

use super::fault::Fault;
use super::held_lease::HeldLease;
use super::link::{Answer, Link};
use super::literal::Literal;
use super::row;
use super::{commit, deliver};
use crate::adapters::store::{HAND_OVER_TIMEOUT, HandedOver, StoreError};
use crate::engine::RequestAnswer;
use crate::model::RequestId;
use crate::platform::clock::Clock;

/// Time between two looks for the answer.
const ANSWER_CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Time limit of a message about a request.
const MESSAGE_LIMIT: Duration = Duration::from_secs(5);

/// From this age on, a request is not claimed any more: its client has stopped waiting.
const CLAIM_LIMIT: Duration = Duration::from_mins(1);

/// How long the standby tries to find out what became of a request, without a database.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// How long a row is kept.
const ROW_LIFETIME: Duration = Duration::from_hours(1);

/// The time by the clock of the server. It decides only what is too old to be claimed or kept, by
/// comparison with itself: if it is wrong, a request is taken back that could have been carried out.
const SERVER_NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/// The answer of the standby itself: it took the request back. No answer of another replica is empty.
const TAKEN_BACK: &str = "";

/// Whether the row of a request is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Written {
    No,
    /// A connection broke.
    Maybe,
    Yes,
}

/// A request of this replica to the active one.
pub(super) struct OwnRequest {
    link: Link,
    clock: Clock,
    cluster: String,
    id: String,
    text: String,
}

impl OwnRequest {
    pub(super) fn new(link: Link, clock: Clock, cluster: String, text: String) -> Self {
        Self { link, clock, cluster, id: Uuid::new_v4().to_string(), text }
    }

    /// Hands the request over. Returns its answer, or none if it was taken back. Fails if it cannot be
    /// written down. As long as the database is away, nothing is known, so that this goes on.
    pub(super) async fn answer(self) -> Result<Option<String>, Fault> {
        let begun = self.clock.now().instant;
        let mut written = Written::No;
        loop {
            let waited = self.clock.now().instant.since(begun);
            let step = match written {
                Written::No if waited >= HAND_OVER_TIMEOUT => return Ok(None),
                _ if waited >= HAND_OVER_TIMEOUT => self.take_back().await,
                Written::Yes => self.read().await,
                Written::No | Written::Maybe => self.write_once(&mut written).await,
            };
            match step {
                Ok(Some(answer)) => return Ok((answer != TAKEN_BACK).then_some(answer)),
                Err(fault) if written == Written::No && !fault.is_passing() => return Err(fault),
                Err(fault) if waited >= LONGEST_WAIT => return Err(fault),
                Ok(None) | Err(_) => {}
            }
            tokio::time::sleep(ANSWER_CHECK_INTERVAL).await;
        }
    }

    /// Writes the row, and notes whether that was done. Nothing is as long as there is no connection,
    /// and what the server refused.
    async fn write_once(&self, written: &mut Written) -> Result<Option<String>, Fault> {
        self.link.connection().await?;
        match self.write().await {
            Ok(()) => *written = Written::Yes,
            Err(fault) => {
                if commit::may_be_done(&fault) {
                    *written = Written::Maybe;
                }
                return Err(fault);
            }
        }
        Ok(None)
    }

    /// Writes the row. To write it again, after a connection broke, changes nothing.
    pub(super) async fn write(&self) -> Result<(), Fault> {
        let (cluster, id, text) = (Literal(&self.cluster), Literal(&self.id), Literal(&self.text));
        let sql = format!(
            "INSERT INTO restore_watch.requests (cluster, id, request, asked_at)
             VALUES ({cluster}, {id}, {text}, {SERVER_NOW}) ON CONFLICT (cluster, id) DO NOTHING"
        );
        self.ask(&sql).await.map(drop)
    }

    /// Reads the answer, if it is there.
    pub(super) async fn read(&self) -> Result<Option<String>, Fault> {
        self.ask(&self.reading()).await.and_then(|answer| text(&answer))
    }

    /// Answers the request as taken back, unless it is answered, or claimed by a replica that can still
    /// commit. Then reads the answer, if there is one.
    ///
    /// An epoch that was read a moment ago does no harm, as epochs only grow. There is a row after
    /// this in any case, so that an insert which a broken connection left behind changes nothing.
    pub(super) async fn take_back(&self) -> Result<Option<String>, Fault> {
        let (cluster, id, reading) = (Literal(&self.cluster), Literal(&self.id), self.reading());
        let sql = format!(
            "INSERT INTO restore_watch.requests AS r (cluster, id, request, asked_at, answer)
             VALUES ({cluster}, {id}, '', {SERVER_NOW}, '{TAKEN_BACK}')
             ON CONFLICT (cluster, id) DO UPDATE SET answer = excluded.answer
             WHERE r.answer IS NULL AND (r.claimed_by IS NULL OR EXISTS (
                 SELECT 1 FROM restore_watch.clusters c WHERE c.name = r.cluster
                 AND (c.epoch > r.claimed_by OR (c.epoch = r.claimed_by AND c.token IS NULL))));
             {reading}"
        );
        self.ask(&sql).await.and_then(|answer| text(&answer))
    }

    fn reading(&self) -> String {
        let (cluster, id) = (Literal(&self.cluster), Literal(&self.id));
        format!("SELECT answer FROM restore_watch.requests WHERE cluster = {cluster} AND id = {id}")
    }

    async fn ask(&self, sql: &str) -> Result<Answer, Fault> {
        self.link.ask(sql, MESSAGE_LIMIT).await
    }
}

/// The text of the last statement, if it has one.
fn text(answer: &Answer) -> Result<Option<String>, Fault> {
    let row = answer.last().and_then(|rows| rows.first());
    Ok(row.map(|row| row::nullable(row, 0)).transpose()?.flatten().map(str::to_owned))
}

/// Looks for a request without an answer.
pub(super) fn looking(cluster: &str) -> String {
    let cluster = Literal(cluster);
    format!("SELECT 1 FROM restore_watch.requests WHERE cluster = {cluster} AND answer IS NULL LIMIT 1")
}

/// The requests of standbys, at the replica that is active.
#[derive(Debug, Default)]
pub(super) struct Incoming(Mutex<Claimed>);

#[derive(Debug, Default)]
struct Claimed {
    /// All whose answer is not committed.
    open: BTreeSet<RequestId>,
    /// Those of them that the program has not taken.
    new: Vec<HandedOver>,
}

impl Incoming {
    /// Claims the requests that have no answer. Deletes rows that are of no use any more.
    ///
    /// What was claimed before is claimed again, as the answer of the server may have been lost.
    pub(super) async fn claim(&self, held_lease: &HeldLease, link: &Link) -> Result<(), StoreError> {
        let (cluster, epoch) = (Literal(&held_lease.fence.cluster), held_lease.fence.epoch);
        let (oldest, kept) = (CLAIM_LIMIT.as_millis(), ROW_LIFETIME.as_millis());
        let sql = format!(
            "UPDATE restore_watch.requests r SET claimed_by = {epoch} FROM restore_watch.clusters c
             WHERE {} AND r.cluster = c.name AND r.answer IS NULL
             AND (r.claimed_by IS NULL OR r.claimed_by <= {epoch}) AND r.asked_at > {SERVER_NOW} - {oldest}
             RETURNING r.asked_at, r.id, r.request;
             DELETE FROM restore_watch.requests WHERE cluster = {cluster} AND asked_at < {SERVER_NOW} - {kept}
             AND (answer IS NOT NULL OR claimed_by IS DISTINCT FROM {epoch})",
            held_lease.fence.condition()
        );
        let answer = deliver::ask(held_lease, link, &sql).await?;

        let rows = answer.first().map(Vec::as_slice).unwrap_or_default();
        let requests: Result<Vec<_>, _> = rows.iter().map(request).collect();
        let mut requests = requests.map_err(|fault| fault.while_doing("read", link.database()))?;
        requests.sort_by(|(one, a), (other, b)| (one, &a.id).cmp(&(other, &b.id)));

        let mut claimed = self.claimed();
        for (_, request) in requests {
            if claimed.open.insert(request.id.clone()) {
                claimed.new.push(request);
            }
        }
        Ok(())
    }

    /// The requests that were claimed since the last call, the oldest first.
    pub(super) fn take(&self) -> Vec<HandedOver> {
        std::mem::take(&mut self.claimed().new)
    }

    /// These answers are committed.
    pub(super) fn answered(&self, answers: &[RequestAnswer]) {
        let mut claimed = self.claimed();
        for answer in answers {
            claimed.open.remove(&answer.request);
        }
    }

    fn claimed(&self) -> MutexGuard<'_, Claimed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request, and when it was written.
fn request(row: &SimpleQueryRow) -> Result<(i64, HandedOver), Fault> {
    let id = RequestId::new(row::text(row, 1)?);
    Ok((row::parsed(row, 0)?, HandedOver { id, text: row::text(row, 2)?.to_owned() }))
}
