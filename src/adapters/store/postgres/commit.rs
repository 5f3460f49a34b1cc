//! Commits a batch.
//!
//! Invariant: a commit is one message, which the server carries out whole or not at all, and only for
//! the tenure that it names. After a broken connection the same message is sent again: if it was
//! carried out, the server says so.

use super::fault::Fault;
use super::lease::Fence;
use super::link::Link;
use super::literal::Literal;
use super::tenure::{TAKEN, Tenure};
use crate::adapters::store::StoreError;

/// What the function of the schema fails with.
const DEPOSED: &str = "RW001";
const COMMITTED: &str = "RW002";
const MISSING: &str = "RW003";

/// Commits the batch of this number.
pub(super) async fn commit(
    tenure: &Tenure,
    link: &Link,
    number: i64,
    document: &str,
) -> Result<(), StoreError> {
    let sql = sql(&tenure.fence, number, document);
    let mut is_first = true;
    loop {
        tenure.held().await?;
        let Err(fault) = link.ask(&sql, tenure.times.commit()).await else { return Ok(()) };
        match fault.code() {
            Some(COMMITTED) if !is_first => return Ok(()),
            Some(DEPOSED) => return Err(tenure.end(TAKEN)),
            Some(MISSING) => {
                return Err(tenure.end("the server lost commits that it had reported, as in a failover"));
            }
            _ if fault.is_passing() => {}
            _ => return Err(fault.while_doing("write", link.database())),
        }
        is_first &= !may_be_done(&fault);
        tokio::time::sleep(tenure.times.pause()).await;
    }
}

/// The message.
pub(super) fn sql(fence: &Fence, number: i64, document: &str) -> String {
    let Fence { cluster, epoch, token } = fence;
    format!(
        "SELECT restore_watch.commit_1({}, {epoch}, {}, {number}, {})",
        Literal(cluster),
        Literal(token),
        Literal(document)
    )
}

/// Whether the server may have done what failed with this.
pub(super) fn may_be_done(fault: &Fault) -> bool {
    fault.code().is_none_or(|code| code.starts_with("57") || code.starts_with("08"))
}
