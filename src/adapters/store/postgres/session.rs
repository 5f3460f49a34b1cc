//! A link for code that waits on its thread: readers, and commands of people.
//!
//! Invariant: each request ends within a bound, whatever the database does, and can be made on any
//! thread, also on one that drives a runtime. A read begins again if its connection broke.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::interval;

use super::alone::Alone;
use super::connection::Database;
use super::fault::Fault;
use super::link::{Answer, Link};

/// How often it is checked that the requester of a read is still there.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What the statements of a read begin with: they see one moment, and change nothing.
const AT_ONE_MOMENT: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// A link with a runtime of its own. Both begin with the first request.
pub(super) struct Session {
    link: Link,
    limit: Duration,
    /// Reads go on only while it is there, if there is one.
    requester: Option<Weak<()>>,
    runtime: Option<Alone>,
}

impl Session {
    /// Asks each time for `limit` at most.
    pub(super) fn new(database: &Arc<Database>, limit: Duration) -> Self {
        Self { link: Link::to(database), limit, requester: None, runtime: None }
    }

    pub(super) fn database(&self) -> &Arc<Database> {
        self.link.database()
    }

    /// Reads from now on only while this requester is there.
    pub(super) fn give_up_without(&mut self, requester: Weak<()>) {
        self.requester = Some(requester);
    }

    /// The rows of each of these statements, as of one moment.
    pub(super) fn read(&mut self, statements: &[String]) -> Result<Answer, Fault> {
        let message = format!("{AT_ONE_MOMENT}; {}", statements.join("; "));
        let (requester, limit) = (self.requester.clone(), self.limit);
        let read = self.wait(|link| async move {
            tokio::select! {
                answer = ask_again_if_broken(&link, &message, limit) => answer,
                () = gone(requester) => Err(Fault::Unreachable("its requester is gone".to_owned())),
            }
        });

        if read.is_err() {
            // What is under way there ends by its time limit. The next read does not wait for that.
            self.link = Link::to(&Arc::clone(self.link.database()));
        }
        let mut answer = read?;
        answer.remove(0);
        Ok(answer)
    }

    /// Changes something by one message. Returns the rows of each of its statements.
    pub(super) fn change(&mut self, message: String) -> Result<Answer, Fault> {
        let limit = self.limit;
        self.wait(|link| async move { link.ask(&message, limit).await })
    }

    /// Waits for work with the link.
    pub(super) fn wait<T, F>(&mut self, work: impl FnOnce(Link) -> F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let work = work(self.link.clone());
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            None => self.runtime.insert(Alone::start().map_err(|error| {
                Fault::Unreachable(format!("cannot start a thread for the database: {error}"))
            })?),
        };
        let ended = || Err(Fault::Unreachable("its thread ended by a panic, which is a bug".to_owned()));
        runtime.run(work).unwrap_or_else(ended)
    }
}

/// A connection may have broken while it was idle.
async fn ask_again_if_broken(link: &Link, message: &str, limit: Duration) -> Result<Answer, Fault> {
    match link.ask(message, limit).await {
        Err(Fault::Unreachable(_)) => link.ask(message, limit).await,
        answer => answer,
    }
}

/// Ends once the requester is gone, which is never if there is none.
async fn gone(requester: Option<Weak<()>>) {
    let Some(requester) = requester else { return std::future::pending().await };
    let mut looks = interval(LOOK_INTERVAL);
    while requester.strong_count() > 0 {
        looks.tick().await;
    }
}
