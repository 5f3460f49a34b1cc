//! Starts a restore, and finds out which job it is.
//!
//! Invariants: a request that may have been processed is not sent again. A restore counts as the
//! one that was asked for only if the API says so: by the answer to the request, by the backup that
//! the index was made of, or by a job of the list.

mod backup;
mod recognition;
mod search;

use std::time::Duration;

use jiff::Timestamp;

use crate::adapters::pinecone::Error;
use crate::adapters::pinecone::create_index::{Creation, IndexCreator, Started};
use crate::engine::FailureClass;
use crate::engine::retry::Backoff;
use crate::engine::token_bucket::TokenBucket;
use crate::model::time::Instant;
use crate::model::{BackupId, Exit, NewIndex, duration};
use crate::platform::clock::Clock;
use crate::platform::failpoint;
use crate::platform::randomness;
use crate::platform::signals::Signals;

/// How long the answer to the request is waited for after a signal.
const ANSWER_WAIT_AFTER_SIGNAL: Duration = Duration::from_secs(2);

/// How long is searched at least, also if the time limit has passed.
const LEAST_SEARCH: Duration = Duration::from_secs(10);

/// A restore to start: what is asked for, and how long it may take.
#[derive(Debug)]
pub struct Order {
    pub backup: BackupId,
    pub index: NewIndex,
    /// Whether a backup that is not ready is waited for.
    pub waits_for_backup: bool,
    pub limits: Limits,
}

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// When the whole command is to end.
    pub ends_at: Option<Instant>,
    /// How long the API may not show what was started.
    pub not_found_grace: Duration,
    /// How long the API may give no good answer.
    pub unreachable_after: Duration,
}

/// The restore that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    pub restore: Started,
    /// Whether it was found, because the answer to the request did not name it.
    pub is_found: bool,
}

/// Why the job of a restore is not known.
#[derive(Debug)]
pub enum NotBegun {
    /// The API refused the request, or cannot be asked as it is configured: nothing was started.
    Refused(Error),
    /// There is an index of that name, and it is of another backup, or of none.
    NameTaken { source: Option<String> },
    /// The request was not processed for so long.
    Unreachable(Error),
    /// The same until the end of the command.
    TimedOut(Error),
    /// The backup has this status, and will never be ready.
    BackupFailed(String),
    /// The backup had this status at the end of the command.
    BackupLate(String),
    /// Whether the restore was started, or which job it is, is not known.
    Unclear(Unclear),
    /// A signal came.
    Stopped { exit: Exit, known: Known },
}

/// What is known of a restore, if neither a job nor a refusal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unclear {
    /// What came of the request.
    pub reason: String,
    /// Whether the index is made of this backup, only its job is not known.
    pub is_index_ours: bool,
    /// Why the last request of the search failed, if it did.
    pub search_error: Option<String>,
}

/// What is known when a signal comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing was started.
    Nothing,
    Started(Started),
    Unclear,
}

/// How it is with a request that named no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    /// An index of that name exists: an earlier run may have started its restore.
    NameTaken,
    /// The request, sent at this time, may have been processed.
    Sent(Instant),
}

/// Starts a restore.
pub struct Starter<'a> {
    creator: &'a IndexCreator,
    order: &'a Order,
    token_bucket: TokenBucket,
    clock: Clock,
    rng: fastrand::Rng,
    /// Tells people what goes on.
    say: &'a dyn Fn(&str),
}

impl<'a> Starter<'a> {
    pub fn new(
        creator: &'a IndexCreator,
        order: &'a Order,
        token_bucket: TokenBucket,
        clock: Clock,
        say: &'a dyn Fn(&str),
    ) -> Self {
        Self { creator, order, token_bucket, clock, rng: randomness::generator(), say }
    }

    /// Starts the restore, or finds the one that was started.
    pub async fn begin(&mut self, signals: &mut Signals) -> Result<Begun, NotBegun> {
        if self.order.waits_for_backup {
            tokio::select! {
                biased;
                exit = signals.next() => return Err(NotBegun::Stopped { exit, known: Known::Nothing }),
                ready = self.await_backup() => ready?,
            }
        }
        let (doubt, error) = match self.start(signals).await? {
            Ok(restore) => return Ok(Begun { restore, is_found: false }),
            Err(doubt) => doubt,
        };
        tokio::select! {
            biased;
            exit = signals.next() => Err(NotBegun::Stopped { exit, known: Known::Unclear }),
            restore = self.search(doubt, &error) => Ok(Begun { restore: restore?, is_found: true }),
        }
    }

    /// Waits until the requests made here no longer count: the wait has a token bucket of its own.
    pub async fn rest(&self, restore: &Started, signals: &mut Signals) -> Result<(), NotBegun> {
        let now = self.clock.now().instant;
        let full = self.token_bucket.time_for(self.token_bucket.burst(), now);
        tokio::select! {
            biased;
            exit = signals.next() => Err(NotBegun::Stopped { exit, known: Known::Started(restore.clone()) }),
            () = self.clock.sleep_until(Some(now + full)) => Ok(()),
        }
    }

    /// Sends the request until it is processed.
    async fn start(&mut self, signals: &mut Signals) -> Result<Result<Started, (Doubt, Error)>, NotBegun> {
        let began = self.clock.now().instant;

        for attempt in 1.. {
            self.pause_until(Some(self.token_bucket.ready_at()), signals).await?;
            let sent_at = self.clock.now().instant;
            self.token_bucket.take(sent_at);
            let error = match self.send(signals).await? {
                Creation::Started(restore) => return Ok(Ok(restore)),
                // It was ready a moment ago.
                Creation::Refused(error) if self.order.waits_for_backup && has_status(&error, 412) => error,
                Creation::Refused(error) => return Err(NotBegun::Refused(error)),
                Creation::NameTaken(error) => return Ok(Err((Doubt::NameTaken, error))),
                Creation::Unclear(error) => return Ok(Err((Doubt::Sent(sent_at), error))),
                Creation::NotProcessed(error) => error,
            };

            if matches!(error.class(), FailureClass::Misconfigured | FailureClass::WrongProtocol) {
                return Err(NotBegun::Refused(error));
            }
            let now = self.clock.now();
            let asked = error.retry_after().map(|asked| asked.from(now)).unwrap_or_default();
            let delay = Backoff::POLL.delay(attempt, asked, &mut self.rng);
            let next = now.instant + delay;
            let gives_up_at = began + self.order.limits.unreachable_after;
            match self.order.limits.ends_at {
                Some(end) if end <= gives_up_at && next >= end => return Err(NotBegun::TimedOut(error)),
                _ if next >= gives_up_at => return Err(NotBegun::Unreachable(error)),
                _ => {}
            }
            let delay = duration::human(delay);
            (self.say)(&format!("{}; nothing was started yet; retrying in {delay}", without_stop(&error)));
            self.pause_until(Some(next), signals).await?;
        }
        unreachable!("the loop has no other end")
    }

    /// Sends the request once. After a signal, its answer is waited for briefly: it may name a job.
    async fn send(&mut self, signals: &mut Signals) -> Result<Creation, NotBegun> {
        failpoint::reached("before_restore_request");
        let mut sending = std::pin::pin!(self.creator.create(&self.order.backup, &self.order.index));
        let exit = tokio::select! {
            biased;
            creation = &mut sending => {
                failpoint::reached("after_restore_request");
                return Ok(creation);
            }
            exit = signals.next() => exit,
        };

        let answered = tokio::select! {
            biased;
            creation = &mut sending => Some(creation),
            _ = signals.next() => None,
            () = tokio::time::sleep(ANSWER_WAIT_AFTER_SIGNAL) => None,
        };
        let known = match answered {
            Some(Creation::Started(restore)) => Known::Started(restore),
            Some(Creation::Refused(_) | Creation::NotProcessed(_)) => Known::Nothing,
            Some(Creation::NameTaken(_) | Creation::Unclear(_)) | None => Known::Unclear,
        };
        Err(NotBegun::Stopped { exit, known })
    }

    /// Waits before a request that would start something.
    async fn pause_until(&self, at: Option<Instant>, signals: &mut Signals) -> Result<(), NotBegun> {
        tokio::select! {
            biased;
            exit = signals.next() => Err(NotBegun::Stopped { exit, known: Known::Nothing }),
            () = self.clock.sleep_until(at) => Ok(()),
        }
    }
}

fn has_status(error: &Error, wanted: u16) -> bool {
    matches!(error, Error::Status { status, .. } if status.as_u16() == wanted)
}

/// An error as a part of a sentence.
pub fn without_stop(error: &Error) -> String {
    error.to_string().trim_end_matches('.').to_owned()
}

/// A time by the server's clock, from an answer that has it.
fn server_time_of(at: Instant, answered: (Timestamp, Instant)) -> Option<Timestamp> {
    let (server_time, answered_at) = answered;
    server_time.checked_sub(answered_at.since(at)).ok()
}
