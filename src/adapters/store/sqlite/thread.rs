//! The thread that uses a connection.
//!
//! Invariant: one thread uses a connection, request by request, and nothing else runs on it:
//! neither look-ups of names nor files that are read elsewhere can keep a commit waiting. The
//! connection is closed before the lease is given back. To end any number of threads takes
//! [`LAST_REQUEST`] at most.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::lease::Lease;
use crate::platform::clock::Clock;

/// How long [`end`] waits for the requests under way and for the connections to close. A disk that
/// does not answer must not hold up the end of the process.
const LAST_REQUEST: Duration = Duration::from_secs(10);

type Request = Box<dyn FnOnce(&mut Connection) + Send>;

/// A thread with a connection. It ends when this is dropped, which waits for it; several are ended
/// by [`end`].
#[derive(Debug)]
pub(super) struct Thread {
    /// Taken to end the thread.
    queue: Option<Sender<Request>>,
    ended: Receiver<()>,
}

impl Thread {
    /// Starts it. Fails where the system has no thread to give.
    pub(super) fn start(name: &str, mut connection: Connection, lease: Arc<Lease>) -> io::Result<Self> {
        let (queue, requests) = channel::<Request>();
        let (end, ended) = channel();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            for request in requests {
                request(&mut connection);
            }
            drop(connection);
            drop(lease);
            // The receiver may be gone.
            _ = end.send(());
        })?;
        Ok(Self { queue: Some(queue), ended })
    }

    /// Hands a request over. The answer is closed without a value if the thread ended by a panic.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // The caller may have stopped waiting; the work is done all the same.
            drop(queue.send(Box::new(move |connection| drop(reply.send(work(connection))))));
        }
        answer
    }
}

/// Ends threads, one after the other: of two connections that are closed at the same time, neither
/// may find itself to be the last, which is the one that empties the log.
pub(super) fn end<const N: usize>(threads: [&mut Thread; N]) {
    end_within(LAST_REQUEST, threads);
}

fn end_within<const N: usize>(limit: Duration, threads: [&mut Thread; N]) {
    let clock = Clock::system();
    let begun = clock.now().instant;
    for thread in threads {
        // One that was ended before is not waited for again.
        if thread.queue.take().is_some() {
            let passed = clock.now().instant.since(begun);
            // Fails at once if the thread ended by a panic.
            _ = thread.ended.recv_timeout(limit.saturating_sub(passed));
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        end([self]);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::super::lease::Lease;
    use super::super::open;
    use super::super::tests::Place;
    use super::*;
    use crate::model::time::Instant;

    fn start(place: &Place) -> Thread {
        let (path, lease) = open::prepare(&place.path()).unwrap();
        Thread::start("test", open::write(&path).unwrap(), Arc::new(lease)).unwrap()
    }

    #[test]
    fn requests_run_in_order_then_the_lease_is_given_back() {
        let place = Place::new();
        let thread = start(&place);
        let done = Arc::new(Mutex::new(Vec::new()));
        for number in 0..100 {
            let done = Arc::clone(&done);
            // The answer is of no use.
            drop(thread.run(move |_| done.lock().unwrap().push(number)));
        }
        drop(thread);
        assert_eq!(*done.lock().unwrap(), (0..100).collect::<Vec<_>>());
        assert!(Lease::take(&place.path()).unwrap().is_ok());
    }

    #[test]
    fn stuck_threads_are_waited_for_together_and_once() {
        let limit = Duration::from_secs(1);
        let places = [Place::new(), Place::new(), Place::new(), Place::new(), Place::new()];
        let mut threads = places.each_ref().map(start);
        let (begins, begun) = channel();
        let go_on: Vec<_> = threads
            .iter()
            .map(|thread| {
                let (go_on, stuck) = channel::<()>();
                let begins = begins.clone();
                drop(thread.run(move |_| {
                    begins.send(()).unwrap();
                    // Ends when the other end is dropped.
                    let _ = stuck.recv();
                }));
                begun.recv().unwrap();
                go_on
            })
            .collect();
        let clock = Clock::system();
        end_within(limit, threads.each_mut());
        let ended = clock.now().instant;
        // Dropping them waits no longer.
        drop(threads);
        let dropped = clock.now().instant;
        drop(go_on);
        assert!(
            ended >= Instant::after_start(limit) && dropped < Instant::after_start(4 * limit),
            "{ended:?} {dropped:?}"
        );
    }

    #[test]
    fn a_panic_reaches_the_caller_and_gives_the_lease_back() {
        let place = Place::new();
        let thread = start(&place);
        let answer = thread.run(|_| std::panic::resume_unwind(Box::new("a bug")));
        assert!(answer.blocking_recv().is_err());
        assert!(thread.run(|_| ()).blocking_recv().is_err(), "its thread has ended");
        drop(thread);
        assert!(Lease::take(&place.path()).unwrap().is_ok());
    }

    #[test]
    fn a_pool_of_threads_that_is_full_delays_no_commit() {
        let place = Place::new();
        let thread = start(&place);
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let (go_on, stuck) = channel::<()>();
        runtime.block_on(async {
            let look_up = tokio::task::spawn_blocking(move || stuck.recv());
            assert!(thread.run(|connection| connection.is_autocommit()).await.unwrap());
            assert!(!look_up.is_finished());
        });
        drop(go_on);
    }
}
