//! Reads what is delivered, and takes what people changed about it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tokio_postgres::SimpleQueryRow;

use super::fault::Fault;
use super::held_lease::{HeldLease, TAKEN};
use super::lease::Fence;
use super::link::{Answer, Link};
use super::literal::Literal;
use super::recall::DELIVERY;
use super::{recall, requests, row};
use crate::adapters::store::{Lease as _, StoreError};
use crate::engine::Edit;
use crate::model::{DeliveryId, Event, Payload};

/// Asks until there is an answer; as long as there is none, nothing is said about what was asked.
/// Fails once the lease ends.
pub(super) async fn ask(held_lease: &HeldLease, link: &Link, sql: &str) -> Result<Answer, StoreError> {
    loop {
        held_lease.held().await?;
        match link.ask(sql, held_lease.times.message()).await {
            Ok(answer) => return Ok(answer),
            Err(fault) if fault.is_passing() => tokio::time::sleep(held_lease.times.pause()).await,
            Err(fault) => return Err(fault.while_doing("read", link.database())),
        }
    }
}

/// The payload of a delivery, if the lease is still the same when it is read.
pub(super) async fn payload(
    held_lease: &HeldLease,
    link: &Link,
    id: &DeliveryId,
) -> Result<Payload, StoreError> {
    let Fence { cluster, .. } = &held_lease.fence;
    let sql = format!(
        "SELECT ({}), d.sink, e.body, translate(encode(d.body, 'base64'), chr(10), '')
         FROM restore_watch.clusters c
         LEFT JOIN restore_watch.events e ON e.cluster = c.name AND e.id = {}
         LEFT JOIN restore_watch.deliveries d ON d.event = e.seq AND d.sink = {}
         WHERE c.name = {}",
        held_lease.fence.condition(),
        Literal(&id.event.to_string()),
        Literal(id.sink.as_str()),
        Literal(cluster),
    );
    loop {
        let answer = ask(held_lease, link, &sql).await?;
        let failed = |fault: Fault| fault.while_doing("read", link.database());
        let found = answer.last().and_then(|rows| rows.first());
        let Some(found) = found.filter(|row| row::boolean(row, 0) == Ok(true)) else {
            return Err(held_lease.end(TAKEN));
        };
        // The process may have been stopped since it asked.
        if held_lease.holds(held_lease.clock.now().instant) {
            return read(found, id).map_err(failed);
        }
    }
}

fn read(row: &SimpleQueryRow, id: &DeliveryId) -> Result<Payload, Fault> {
    if row::nullable(row, 1)?.is_none() {
        return Err(Fault::unreadable(format_args!("there is no delivery to {} of {}", id.sink, id.event)));
    }
    let event: Event = row::published(row, 2)?;
    let body = match row::nullable(row, 3)? {
        Some(body) => BASE64_STANDARD.decode(body).map_err(Fault::unreadable)?,
        None => row::text(row, 2)?.as_bytes().to_vec(),
    };
    Ok(Payload { event, body })
}

/// The deliveries that were changed by others than this process, each once. Another change of one of
/// them meanwhile is left for the next time. In the same message, looks whether another replica has a
/// request.
pub(super) async fn edits(held_lease: &HeldLease, link: &Link) -> Result<(Vec<Edit>, bool), StoreError> {
    let sql = format!(
        "SELECT {DELIVERY}, d.state, d.event FROM restore_watch.deliveries d JOIN restore_watch.events e ON e.seq = d.event
         WHERE d.cluster = {} AND d.edited ORDER BY e.seq, d.sink COLLATE \"C\"; {}",
        Literal(&held_lease.fence.cluster),
        requests::looking(&held_lease.fence.cluster)
    );
    let answer = ask(held_lease, link, &sql).await?;
    let rows = answer.first().map(Vec::as_slice).unwrap_or_default();
    let has_requests = answer.last().is_some_and(|rows| !rows.is_empty());
    if rows.is_empty() {
        return Ok((Vec::new(), has_requests));
    }

    let failed = |fault: Fault| fault.while_doing("read", link.database());
    let taken = taken(&held_lease.fence, rows).map_err(failed)?;
    let answer = ask(held_lease, link, &taken).await?;
    if answer.first().is_none_or(Vec::is_empty) {
        return Err(held_lease.end(TAKEN));
    }
    let edits: Result<Vec<_>, _> = rows.iter().map(edit).collect();
    let mut edits: Vec<_> = edits.map_err(failed)?.into_iter().flatten().collect();
    // What is tried again comes before what is dropped.
    edits.sort_by_key(|edit| matches!(edit, Edit::Drop(_)));
    Ok((edits, has_requests))
}

/// Marks these deliveries as not edited, if the lease is still the same: then the first
/// statement has a row.
fn taken(fence: &Fence, rows: &[SimpleQueryRow]) -> Result<String, Fault> {
    let condition = fence.condition();
    let mut these = Vec::new();
    for row in rows {
        let place: i64 = row::parsed(row, 10)?;
        let changed_at: i64 = row::parsed(row, 8)?;
        these.push(format!("({place}, {}, {changed_at}::bigint)", Literal(row::text(row, 1)?)));
    }
    Ok(format!(
        "SELECT 1 FROM restore_watch.clusters c WHERE {condition};
         UPDATE restore_watch.deliveries d SET edited = false FROM restore_watch.clusters c
         WHERE {condition} AND (d.event, d.sink, d.changed_at) IN ({})",
        these.join(", ")
    ))
}

/// The edit of a row; none if the delivery was made or given up meanwhile.
fn edit(row: &SimpleQueryRow) -> Result<Option<Edit>, Fault> {
    let record = recall::delivery(row)?;
    Ok(match row::text(row, 9)? {
        "pending" => Some(Edit::Retry(record)),
        "dropped" => Some(Edit::Drop(record)),
        _ => None,
    })
}
