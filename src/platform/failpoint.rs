//! Places at which a test can kill or stall the process.
//!
//! Invariant: without the feature `failpoints`, which only the tests of this crate enable, this
//! does nothing.

/// Marks a place. If `RESTORE_WATCH_FAILPOINT` is `PLACE:N`, the N-th call kills the process by
/// SIGKILL; if it is `PLACE:N:pause`, the call stops the process by SIGSTOP, until it is continued.
/// If the name of the place begins with `stall_`, it stops this thread instead.
#[cfg(feature = "failpoints")]
pub fn reached(place: &str) {
    use std::sync::LazyLock;

    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    static WANTED: LazyLock<Option<(String, AtomicU64, Signal)>> = LazyLock::new(|| {
        let wanted = std::env::var("RESTORE_WATCH_FAILPOINT").ok()?;
        let (place, times) = wanted.split_once(':')?;
        let (times, signal) = match times.strip_suffix(":pause") {
            Some(times) => (times, Signal::STOP),
            None => (times, Signal::KILL),
        };
        Some((place.to_owned(), AtomicU64::new(times.parse().ok()?), signal))
    });

    if let Some((wanted, left, signal)) = &*WANTED
        && wanted == place
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        if place.starts_with("stall_") {
            eprintln!("stalled at {place}");
            loop {
                std::thread::park();
            }
        }
        // It cannot fail: a process may signal itself.
        _ = kill_process(getpid(), *signal);
    }
}

/// Does nothing.
#[cfg(not(feature = "failpoints"))]
pub fn reached(_place: &str) {}
