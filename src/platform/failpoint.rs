//! Places at which a test can kill or stall the process.
//!
//! Invariant: without the feature `failpoints`, which only the tests of this crate enable, this
//! does nothing.

/// Marks a place. If `RESTORE_WATCH_FAILPOINT` is `PLACE:N`, the N-th call kills the process by
/// SIGKILL; if the name of the place begins with `stall_`, it stops this thread instead.
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

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
pub fn reached(_place: &str) {}
