//! The wait for a backup that is not ready yet.
//!
//! Invariant: it starts nothing.

use std::time::Duration;

use super::{NotBegun, Starter, has_status, without_stop};
use crate::engine::FailureClass;
use crate::engine::retry::Backoff;
use crate::model::{Status, duration};

/// The time between two looks at a backup: 1 s, doubling, at most 15 s.
const LOOKS: Backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(15) };

impl Starter<'_> {
    /// Waits until the backup can be restored.
    pub(super) async fn await_backup(&mut self) -> Result<(), NotBegun> {
        let (backup, limits) = (&self.order.backup, self.order.limits);
        let mut shown = None;
        let mut answered_at = self.clock.now().instant;

        for looks in 1.. {
            self.clock.sleep_until(Some(self.token_bucket.ready_at())).await;
            self.token_bucket.take(self.clock.now().instant);
            let reply = self.creator.backup_status(backup).await;
            let now = self.clock.now();
            let next = now.instant + LOOKS.ceiling(looks);
            let is_last = limits.ends_at.is_some_and(|end| next >= end);

            match reply.result {
                Ok(status) if status.eq_ignore_ascii_case("ready") => return Ok(()),
                Ok(status) if is_failure(&status) => return Err(NotBegun::BackupFailed(status)),
                Ok(status) if is_last => return Err(NotBegun::BackupLate(status)),
                Ok(status) => {
                    answered_at = now.instant;
                    if shown.as_ref() != Some(&status) {
                        (self.say)(&format!("backup {backup} is {status}; waiting until it is ready"));
                        shown = Some(status);
                    }
                    self.clock.sleep_until(Some(next)).await;
                }
                Err(error) => {
                    let limit = match error.class() {
                        FailureClass::NotFound if has_status(&error, 404) => limits.not_found_grace,
                        FailureClass::Transient | FailureClass::Throttled | FailureClass::Blocked => {
                            limits.unreachable_after
                        }
                        _ => return Err(NotBegun::Refused(error)),
                    };
                    let asked = error.retry_after().map(|asked| asked.from(now)).unwrap_or_default();
                    let next = next.max(now.instant + asked);
                    if limits.ends_at.is_some_and(|end| next >= end) {
                        return Err(NotBegun::TimedOut(error));
                    }
                    if next >= answered_at + limit {
                        let is_missing = has_status(&error, 404);
                        return Err(if is_missing {
                            NotBegun::Refused(error)
                        } else {
                            NotBegun::Unreachable(error)
                        });
                    }
                    let delay = duration::human(next.since(now.instant));
                    (self.say)(&format!("{}; retrying in {delay}", without_stop(&error)));
                    self.clock.sleep_until(Some(next)).await;
                }
            }
        }
        unreachable!("the loop has no other end")
    }
}

/// Whether a backup with this status is never ready.
fn is_failure(status: &str) -> bool {
    status.eq_ignore_ascii_case("InitializationFailed")
        || matches!(Status::parse(status), Status::Failed | Status::Cancelled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_backups_are_not_waited_for() {
        for (status, expected) in
            [("Initializing", false), ("Pending", false), ("initializationfailed", true), ("Failed", true)]
        {
            assert_eq!(is_failure(status), expected, "{status}");
        }
    }
}
