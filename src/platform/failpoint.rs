//! Places at which a test can have the process killed, or stalled.
//!
//! Invariant: without the feature `failpoints`, which only the tests of this crate turn on, there is nothing here.

/// The process came to this place. Where `RESTORE_WATCH_FAILPOINT` is `PLACE:N` and this is the N-th time, it is the end
/// of the process, by SIGKILL; but where the place begins with `stall_`, this thread goes no further.
#[cfg(feature = "failpoints")]
pub fn reached(place: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    static WANTED: LazyLock<Option<(String, AtomicU64)>> = LazyLock::new(|| {
        let wanted = std::env::var("RESTORE_WATCH_FAILPOINT").ok()?;
        let (place, times) = wanted.split_once(':')?;
        Some((place.to_owned(), AtomicU64::new(times.parse().ok()?)))
    });
    if let Some((wanted, left)) = &*WANTED
        && wanted == place
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        if place.starts_with("stall_") {
            eprintln!("stalled at {place}");
            loop {
                std::thread::park();
            }
        }
        // It cannot fail: a process may kill itself.
        _ = kill_process(getpid(), Signal::KILL);
    }
}

/// The process came to this place.
#[cfg(not(feature = "failpoints"))]
pub fn reached(_place: &str) {}
