//! The search for a restore that may have been started: by its index, and in the list of jobs.
//!
//! Invariant: it ends. It changes nothing at the API.

use std::time::Duration;

use jiff::Timestamp;

use super::recognition::{Since, Sought, Verdict};
use super::{Doubt, LEAST_SEARCH, NotBegun, Starter, Unclear, has_status, server_time_of, without_stop};
use crate::adapters::pinecone::create_index::{FoundIndex, IndexSource, Started};
use crate::adapters::pinecone::{Error, Scan};
use crate::engine::retry::Backoff;
use crate::model::duration;
use crate::model::time::Instant;

/// The time between two looks: 0.5 s, doubling, at most 8 s. What was just started can be missing
/// for up to a minute.
const LOOKS: Backoff = Backoff { initial: Duration::from_millis(500), max: Duration::from_secs(8) };

/// What one look at the API showed.
#[derive(Default)]
struct Look {
    /// The restore, if it is found.
    restore: Option<Started>,
    is_index_ours: bool,
    /// Why a request failed, if one did.
    error: Option<String>,
}

impl Starter<'_> {
    /// Looks for the restore until it is found, or the time for that is over.
    pub(super) async fn search(&mut self, doubt: Doubt, error: &Error) -> Result<Started, NotBegun> {
        let began = self.clock.now().instant;
        let limits = self.order.limits;
        let at_most = limits.ends_at.map(|end| end.max(began + LEAST_SEARCH));
        let bounded = |limit: Duration| at_most.map_or(began + limit, |end| end.min(began + limit));
        let reason = reason(doubt, error, self.order.index.name.as_str());
        let limit = duration::human(bounded(limits.not_found_grace).since(began));
        (self.say)(&match doubt {
            Doubt::NameTaken => {
                format!("{reason}; looking for the restore that made it, for {limit} at most")
            }
            Doubt::Sent(_) => {
                format!("{reason}; the restore may have been started: looking for it, for {limit} at most")
            }
        });

        let mut since = if doubt == Doubt::NameTaken { Since::Ever } else { Since::Unknown };
        let mut last = Look::default();
        // Of the index, also if a look is cut.
        let mut index_error = None;
        for looks in 1.. {
            // A look that takes too long is cut; what was seen before still counts.
            let (clock, end) = (self.clock, bounded(limits.unreachable_after.max(LEAST_SEARCH)));
            let look = tokio::select! {
                look = self.look(doubt, &mut since, &mut index_error) => Some(look?),
                () = clock.sleep_until(Some(end)) => None,
            };
            match look {
                Some(Look { restore: Some(restore), .. }) => return Ok(restore),
                Some(look) => last = look,
                None => break,
            }

            let limit = if last.error.is_none() { limits.not_found_grace } else { limits.unreachable_after };
            let (now, end) = (self.clock.now().instant, bounded(limit));
            if now >= end {
                break;
            }
            self.clock.sleep_until(Some((now + LOOKS.ceiling(looks)).min(end))).await;
        }

        let Look { is_index_ours, error: search_error, .. } = last;
        let search_error = search_error.or(index_error);
        Err(NotBegun::Unclear(Unclear { reason, is_index_ours, search_error }))
    }

    /// Asks for the index, and reads the list. `index_error` is why the index could not be asked for.
    async fn look(
        &mut self,
        doubt: Doubt,
        since: &mut Since,
        index_error: &mut Option<String>,
    ) -> Result<Look, NotBegun> {
        self.clock.sleep_until(Some(self.token_bucket.ready_at())).await;
        self.token_bucket.take(self.clock.now().instant);
        let reply = self.creator.find(&self.order.index).await;
        if let Some(time) = reply.server_time {
            self.date(doubt, time, since);
        }
        *index_error = None;
        let index = match reply.result {
            Ok(index) => Some(index),
            Err(error) if has_status(&error, 404) => None,
            Err(error) => {
                *index_error = Some(error.to_string());
                None
            }
        };

        let sought =
            Sought { backup: &self.order.backup, index: self.order.index.name.as_str(), since: *since };
        // Only a look at both shows which job it is; but that of another backup needs no list.
        if let Verdict::Another(backup) = sought.judge(index.as_ref(), &[]) {
            return Err(NotBegun::NameTaken { source: backup.map(str::to_owned) });
        }
        let listed = Scan::new(self.creator.client(), &mut self.token_bucket, self.clock).all().await;
        let (jobs, list_error) = match listed {
            Ok(jobs) => (jobs, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };

        let is_index_ours = matches!(&index, Some(FoundIndex { source: IndexSource::Backup(_), .. }));
        match sought.judge(index.as_ref(), &jobs) {
            Verdict::Another(backup) => Err(NotBegun::NameTaken { source: backup.map(str::to_owned) }),
            Verdict::Job(job) => {
                let restore = Started { job: job.id.clone(), index_id: job.facts.target_index_id.clone() };
                Ok(Look { restore: Some(restore), ..Look::default() })
            }
            Verdict::IndexAlone | Verdict::Uncertain => {
                Ok(Look { restore: None, is_index_ours, error: index_error.clone().or(list_error) })
            }
        }
    }

    /// Notes when the request was sent, by the server's clock.
    fn date(&self, doubt: Doubt, answered: Timestamp, since: &mut Since) {
        if let (Doubt::Sent(at), Since::Unknown) = (doubt, *since) {
            let now: Instant = self.clock.now().instant;
            *since = server_time_of(at, (answered, now)).map_or(Since::Unknown, Since::After);
        }
    }
}

/// Why a restore is looked for.
fn reason(doubt: Doubt, error: &Error, index: &str) -> String {
    let error = without_stop(error);
    match doubt {
        Doubt::NameTaken => format!("there is an index {index} already ({error})"),
        Doubt::Sent(_) => error,
    }
}
