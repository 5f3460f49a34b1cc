//! Resolves names, on threads of its own.
//!
//! Invariant: at most one look-up of a name is under way, and at most [`MAX_THREADS`] in all. The
//! system cannot cancel a look-up, and one that no name server answers takes a minute: on the
//! blocking threads of the runtime, each request would leave one behind, until no thread was left.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// How many look-ups may be under way; the rest wait. One name takes one thread, so this many names
/// can be stuck before another one is delayed.
const MAX_THREADS: usize = 64;

/// How long a late answer is used: until the next attempt, which comes within a minute.
const FRESH: Duration = Duration::from_mins(2);

/// The addresses of a name, or why there are none. The requests that wait for one look-up share it.
type Answer = Result<Vec<SocketAddr>, Arc<io::Error>>;

/// Asks the system for the addresses of a name.
type Ask = dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync;

#[derive(Clone)]
pub(super) struct LookUps {
    ask: Arc<Ask>,
    max_threads: usize,
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    names: HashMap<String, Entry>,
    /// Names that wait for a thread.
    queue: VecDeque<String>,
    threads: usize,
}

/// What is known of a name.
enum Entry {
    /// Being resolved, or waiting for a thread, for these requests.
    UnderWay(Vec<oneshot::Sender<Answer>>),
    /// Found after the last request had given up. The next request uses it while it is [`FRESH`]:
    /// otherwise, a name server that always takes longer than a request would stop all of them.
    Late(Vec<SocketAddr>, Instant),
}

impl LookUps {
    /// The look-ups of this process, which ask the system (`getaddrinfo`).
    pub(super) fn of_process() -> Self {
        static LOOK_UPS: LazyLock<LookUps> = LazyLock::new(|| {
            // The port is that of the URL, which the client puts in.
            let ask = |name: &str| {
                (name, 0).to_socket_addrs().map(Iterator::collect).map_err(|error| unresolved(&error))
            };
            LookUps::new(ask, MAX_THREADS, Clock::system())
        });
        LOOK_UPS.clone()
    }

    fn new(
        ask: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
        max_threads: usize,
        clock: Clock,
    ) -> Self {
        Self { ask: Arc::new(ask), max_threads, clock, state: Arc::default() }
    }

    /// The addresses of a name. Dropping the future does not cancel the look-up for other requests.
    pub(super) async fn find(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        let (sender, receiver) = oneshot::channel();
        if let Some(found) = self.join(name, sender)? {
            return Ok(found);
        }
        match receiver.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(io::Error::new(error.kind(), error.to_string())),
            Err(_) => Err(io::Error::other("the look-up ended without an answer")),
        }
    }

    /// Registers `waiter` for the name, and starts a look-up unless one is under way. Returns a
    /// late answer at once.
    fn join(&self, name: &str, waiter: oneshot::Sender<Answer>) -> io::Result<Option<Vec<SocketAddr>>> {
        let mut state = self.lock();
        match state.names.remove(name) {
            Some(Entry::Late(found, at)) if self.clock.now().instant.since(at) <= FRESH => {
                return Ok(Some(found));
            }
            Some(Entry::UnderWay(mut waiters)) => {
                waiters.push(waiter);
                state.names.insert(name.to_owned(), Entry::UnderWay(waiters));
                return Ok(None);
            }
            Some(Entry::Late(..)) | None => {}
        }

        if state.threads < self.max_threads {
            let (look_ups, first) = (self.clone(), name.to_owned());
            // The thread waits for the lock that is held here.
            std::thread::Builder::new()
                .name("look-up".to_owned())
                .spawn(move || look_ups.work(first))
                .map_err(|error| {
                    io::Error::new(error.kind(), format!("no thread to look {name} up: {error}"))
                })?;
            state.threads += 1;
        } else {
            state.queue.push_back(name.to_owned());
        }

        state.names.insert(name.to_owned(), Entry::UnderWay(vec![waiter]));

        Ok(None)
    }

    /// Resolves this name, then those in the queue.
    fn work(&self, first: String) {
        let mut next = Some(first);
        while let Some(name) = next {
            let answer = (self.ask)(&name).map_err(Arc::new);
            next = self.settle(name, &answer);
        }
    }

    /// Answers the waiting requests. Returns the next name to resolve; the thread ends if there is
    /// none.
    fn settle(&self, name: String, answer: &Answer) -> Option<String> {
        let mut state = self.lock();
        let waiters = match state.names.remove(&name) {
            Some(Entry::UnderWay(waiters)) => waiters,
            _ => Vec::new(),
        };
        let mut is_taken = false;
        for waiter in waiters {
            is_taken |= waiter.send(answer.clone()).is_ok();
        }
        if let (false, Ok(found)) = (is_taken, answer) {
            state.names.insert(name, Entry::Late(found.clone(), self.clock.now().instant));
        }

        while let Some(name) = state.queue.pop_front() {
            let is_wanted = |entry: &Entry| match entry {
                Entry::UnderWay(waiters) => waiters.iter().any(|waiter| !waiter.is_closed()),
                Entry::Late(..) => false,
            };
            if state.names.get(&name).is_some_and(is_wanted) {
                return Some(name);
            }
            // All requests for it gave up before a thread was free.
            state.names.remove(&name);
        }

        state.threads -= 1;

        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of a look-up, as the end of a sentence that names the host.
fn unresolved(error: &io::Error) -> io::Error {
    let text = error.to_string();
    // What the standard library writes before the words of the system.
    let reason = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    io::Error::new(error.kind(), format!("the host name cannot be resolved ({reason})"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    const TIME_LIMIT: Duration = Duration::from_secs(10);

    fn address(number: u8) -> SocketAddr {
        SocketAddr::new([192, 0, 2, number].into(), 0)
    }

    /// Look-ups of which those of names that begin with `stuck` end when the sender is used or
    /// dropped, once for each use, and how many look-ups began.
    fn look_ups(max_threads: usize) -> (LookUps, mpsc::Sender<()>, Arc<AtomicUsize>) {
        let (release, gate) = mpsc::channel();
        let gate = Mutex::new(gate);
        let begun = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&begun);
        let ask = move |name: &str| {
            count.fetch_add(1, Ordering::SeqCst);
            if name.starts_with("stuck") {
                let _ = gate.lock().unwrap().recv();
            }
            if name.ends_with("bad") { Err(io::Error::other("no such host")) } else { Ok(vec![address(1)]) }
        };
        (LookUps::new(ask, max_threads, Clock::system()), release, begun)
    }

    /// Waits until no thread is at work.
    async fn idle(look_ups: &LookUps) {
        let idle = async {
            while look_ups.lock().threads > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(TIME_LIMIT, idle).await.expect("the threads end");
    }

    /// Joins a look-up as a request does that gives up at once.
    async fn give_up(look_ups: &LookUps, name: &str) {
        let found = tokio::time::timeout(Duration::ZERO, look_ups.find(name)).await;
        assert!(found.is_err(), "{found:?}");
    }

    #[tokio::test]
    async fn requests_for_one_name_share_one_look_up() {
        let (look_ups, release, begun) = look_ups(4);
        let requests: Vec<_> = (0..50)
            .map(|_| {
                let look_ups = look_ups.clone();
                tokio::spawn(async move { look_ups.find("stuck.example").await })
            })
            .collect();

        while look_ups
            .lock()
            .names
            .values()
            .map(|entry| matches!(entry, Entry::UnderWay(of) if of.len() == 50))
            .all(|all| !all)
        {
            tokio::task::yield_now().await;
        }
        drop(release);
        for request in requests {
            assert_eq!(request.await.unwrap().unwrap(), [address(1)]);
        }

        assert_eq!(begun.load(Ordering::SeqCst), 1);

        idle(&look_ups).await;
    }

    #[tokio::test]
    async fn a_stuck_look_up_delays_no_other_name() {
        let (look_ups, release, _) = look_ups(2);
        give_up(&look_ups, "stuck.example").await;
        for name in ["a.example", "b.example"] {
            let found = tokio::time::timeout(TIME_LIMIT, look_ups.find(name)).await;
            assert_eq!(found.expect("it is found").unwrap(), [address(1)]);
        }
        let error = look_ups.find("bad").await.unwrap_err();
        assert_eq!(error.to_string(), "no such host");
        drop(release);
        idle(&look_ups).await;
    }

    #[tokio::test]
    async fn threads_are_bounded_and_names_without_requests_skipped() {
        let (look_ups, release, begun) = look_ups(2);
        give_up(&look_ups, "stuck1.example").await;
        give_up(&look_ups, "stuck2.example").await;
        give_up(&look_ups, "unwanted.example").await;
        let waits = tokio::spawn({
            let look_ups = look_ups.clone();
            async move { look_ups.find("wanted.example").await }
        });
        while look_ups.lock().queue.len() < 2 {
            tokio::task::yield_now().await;
        }

        assert_eq!(look_ups.lock().threads, 2);

        // What is counted below is what begins after these.
        while begun.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        release.send(()).unwrap();

        assert_eq!(waits.await.unwrap().unwrap(), [address(1)]);
        assert_eq!(begun.load(Ordering::SeqCst), 3, "the unwanted name is not looked up");

        drop(release);
        idle(&look_ups).await;
    }

    #[tokio::test]
    async fn a_late_answer_is_used_once() {
        let (look_ups, release, begun) = look_ups(2);
        give_up(&look_ups, "stuck.example").await;
        drop(release);
        idle(&look_ups).await;
        for asked in [1, 2] {
            assert_eq!(look_ups.find("stuck.example").await.unwrap(), [address(1)]);
            assert_eq!(begun.load(Ordering::SeqCst), asked);
        }
    }

    #[tokio::test]
    async fn a_late_answer_is_of_use_for_a_while() {
        static SLEPT: AtomicU64 = AtomicU64::new(0);
        let (mut look_ups, release, begun) = look_ups(2);
        look_ups.clock = look_ups.clock.on_a_machine(|| Duration::from_secs(SLEPT.load(Ordering::SeqCst)));
        give_up(&look_ups, "stuck.example").await;
        drop(release);
        idle(&look_ups).await;
        SLEPT.store(FRESH.as_secs() + 1, Ordering::SeqCst);
        assert_eq!(look_ups.find("stuck.example").await.unwrap(), [address(1)]);
        assert_eq!(begun.load(Ordering::SeqCst), 2, "it is looked up again");
    }

    #[tokio::test]
    async fn a_late_error_is_not_kept() {
        let (look_ups, release, _) = look_ups(2);
        give_up(&look_ups, "stuck.bad").await;
        drop(release);
        idle(&look_ups).await;
        assert!(look_ups.lock().names.is_empty());
    }
}
