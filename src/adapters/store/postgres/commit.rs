//! Commits a batch.
//!
//! Invariant: a commit is one message, which the server carries out whole or not at all, and only for
//! the term that it names. After a broken connection the same message is sent again: if it was
//! carried out, the server says so.

use tracing::{error, info};

use super::fault::Fault;
use super::held_lease::{HeldLease, TAKEN};
use super::lease::Fence;
use super::link::Link;
use super::literal::Literal;
use crate::adapters::store::StoreError;
use crate::model::duration;
use crate::model::time::Instant;

/// What the function of the schema fails with.
const DEPOSED: &str = "RW001";
const COMMITTED: &str = "RW002";
const MISSING: &str = "RW003";

/// Commits the batch of this number.
pub(super) async fn commit(
    held_lease: &HeldLease,
    link: &Link,
    number: i64,
    document: &str,
) -> Result<(), StoreError> {
    let sql = sql(&held_lease.fence, number, document);
    let mut is_first = true;
    let mut delay = Delay { begun: held_lease.clock.now().instant, is_logged: false };
    loop {
        held_lease.held().await?;
        let Err(fault) = link.ask(&sql, held_lease.times.commit()).await else {
            delay.end(held_lease);
            return Ok(());
        };
        match fault.code() {
            Some(COMMITTED) if !is_first => {
                delay.end(held_lease);
                return Ok(());
            }
            Some(DEPOSED) => return Err(held_lease.end(TAKEN)),
            Some(MISSING) => {
                return Err(held_lease.end("the server lost commits that it had reported, as in a failover"));
            }
            _ if fault.is_passing() => {}
            _ => return Err(fault.while_doing("write", link.database())),
        }
        is_first &= !may_be_done(&fault);
        delay.note(held_lease, &fault);
        tokio::time::sleep(held_lease.times.pause()).await;
    }
}

/// The time in which a commit is tried again and again, although the lease is renewed: a disk of the
/// server that is full, say.
struct Delay {
    begun: Instant,
    is_logged: bool,
}

impl Delay {
    fn note(&mut self, held_lease: &HeldLease, fault: &Fault) {
        let lasts = held_lease.clock.now().instant.since(self.begun);
        if !self.is_logged && lasts >= held_lease.times.lease {
            let lasts = duration::human(lasts);
            error!(
                "cannot write the state for {lasts}, and trying again: {fault}; see the log of the PostgreSQL server"
            );
            self.is_logged = true;
        }
    }

    fn end(&self, held_lease: &HeldLease) {
        if self.is_logged {
            let lasted = held_lease.clock.now().instant.since(self.begun);
            info!("the state can be written again, after {}", duration::human(lasted));
        }
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
