//! Questions to a replica that stands by, which are answered from what is committed.
//!
//! Invariant: the state is read only if a question asks for it, and once for all questions of a few
//! seconds. What is made of it is never stepped.

use std::time::Duration;

use jiff::Timestamp;

use crate::adapters::control::{ExplanationReport, Request};
use crate::adapters::report::{Question, RequestError, RequestErrorKind};
use crate::adapters::store::{Pending, Replica, StoreError};
use crate::app::daemon::status::Identity;
use crate::app::daemon::trouble::Beside;
use crate::app::daemon::view::WatchView;
use crate::app::daemon::{requests, silences, status};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Engine, Plan};
use crate::model::time::{Instant, Now};

/// How long a read of the state answers questions.
const FRESH: Duration = Duration::from_secs(3);

/// How long what was read is kept, for lists that go on.
const KEPT: Duration = Duration::from_secs(30);

/// A read of the state that ended.
pub(super) struct Read {
    begun: Now,
    snapshot: Result<Snapshot, StoreError>,
}

/// The questions that wait, and the state as it was last read.
#[derive(Default)]
pub(super) struct Questions {
    waiting: Vec<Request>,
    /// The read under way, and when it began.
    reading: Option<(Now, Pending<Snapshot>)>,
    known: Option<Known>,
}

/// The state, as it was read.
pub(super) struct Known {
    engine: Engine,
    read_at: Instant,
    pub(super) as_of: Timestamp,
}

impl Known {
    pub(super) fn view(&self, now: Now) -> WatchView<'_> {
        WatchView { engine: &self.engine, now, stuck: None, stands_by: true }
    }
}

impl Questions {
    /// Has a question wait.
    pub(super) fn ask(&mut self, request: Request) {
        self.waiting.push(request);
    }

    /// Begins to read the state if a question waits for that.
    pub(super) fn begin(&mut self, replica: &mut dyn Replica, now: Now) {
        self.forget_old(now.instant);
        if !self.waiting.is_empty() && self.reading.is_none() {
            self.reading = Some((now, replica.snapshot()));
        }
    }

    /// Waits for the read under way. Dropping the future loses nothing.
    pub(super) async fn read(&mut self) -> Read {
        let Some((begun, reading)) = &mut self.reading else { return std::future::pending().await };
        let read = Read { begun: *begun, snapshot: reading.await };
        self.reading = None;
        read
    }

    /// Uses what was read, or answers all questions that it was not.
    pub(super) fn take_read(&mut self, Read { begun, snapshot }: Read, plan: Plan) -> Result<(), StoreError> {
        let mut snapshot = snapshot.inspect_err(|_| self.waiting.drain(..).for_each(refuse))?;
        // A restore is as old as this machine's clock says: no event depends on these ages.
        for job in &mut snapshot.jobs {
            job.written_at = job.written_at.max(begun.wall);
        }
        // Its jitter and its ids are not used.
        let engine = Engine::from_snapshot(plan, snapshot, 0, begun);
        self.known = Some(Known { engine, read_at: begun.instant, as_of: begun.wall });
        Ok(())
    }

    /// The questions that what is known answers, if it is fresh.
    pub(super) fn take_answerable(&mut self, now: Instant) -> Vec<Request> {
        let goes_on = |request: &mut Request| matches!(request, Request::Question(Question::Jobs(..)));
        match &self.known {
            Some(known) if now.since(known.read_at) < FRESH => std::mem::take(&mut self.waiting),
            Some(_) => self.waiting.extract_if(.., goes_on).collect(),
            None => Vec::new(),
        }
    }

    /// The state, as it was last read.
    pub(super) fn known(&self) -> Option<&Known> {
        self.known.as_ref()
    }

    /// Those that are still to be answered.
    pub(super) fn into_waiting(self) -> Vec<Request> {
        self.waiting
    }

    /// Has the next question read the state again: the configuration or the state changed.
    pub(super) fn forget(&mut self) {
        (self.known, self.reading) = (None, None);
    }

    /// Frees the memory of what nothing asks for.
    pub(super) fn forget_old(&mut self, now: Instant) {
        self.known.take_if(|known| now.since(known.read_at) >= KEPT);
    }
}

/// Answers a question from what is known.
pub(super) fn answer(request: Request, view: WatchView<'_>, identity: &Identity, beside: Beside<'_>) {
    // A failed send means that the client is gone.
    match request {
        Request::Question(Question::Status(query, reply)) => {
            drop(reply.send(status::full(view, identity, beside, &query)));
        }
        Request::Question(Question::Daemon(reply)) => {
            drop(reply.send(Ok(status::daemon(view, identity, beside))));
        }
        Request::Question(Question::Jobs(cursor, reply)) => {
            drop(reply.send(Ok(status::jobs(view, *cursor))));
        }
        Request::Explain(wanted, reply) => {
            let standby = beside.cluster.map(|cluster| cluster.line(view.now.wall));
            let explained = requests::explain(view, &wanted);
            drop(reply.send(explained.map(|report| ExplanationReport { standby, ..report })));
        }
        Request::Silences(reply) => drop(reply.send(Ok(silences::list(view)))),
        // No others wait. Without an answer, the client learns that there is none.
        _ => {}
    }
}

/// Answers a question to a state that cannot be read. Clients on other machines are not to learn where
/// it is.
fn refuse(request: Request) {
    let error = || {
        RequestError::new(RequestErrorKind::Unreadable, "this replica stands by and cannot read the state")
            .with_help("the log of the daemon says why")
    };
    match request {
        Request::Question(Question::Status(_, reply)) => drop(reply.send(Err(error()))),
        Request::Question(Question::Daemon(reply)) => drop(reply.send(Err(error()))),
        Request::Question(Question::Jobs(_, reply)) => drop(reply.send(Err(error()))),
        Request::Explain(_, reply) => drop(reply.send(Err(error()))),
        Request::Silences(reply) => drop(reply.send(Err(error()))),
        _ => {}
    }
}
