//! What this process uses: CPU, memory, files, threads.
//!
//! Invariant: what the system does not tell is left out; nothing here fails or waits for a disk.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// What the process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time since its start.
    pub cpu: Duration,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub open_files: Option<u64>,
    /// The limit of open files, if there is one.
    pub max_files: Option<u64>,
}

impl Usage {
    /// What it uses now.
    pub fn now() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let of_linux = of_linux();
        Self {
            cpu: Duration::try_from(cpu).unwrap_or_default(),
            max_files: getrlimit(Resource::Nofile).current,
            ..of_linux
        }
    }
}

/// What proc(5) tells, even if the memory of the process is private.
#[cfg(target_os = "linux")]
fn of_linux() -> Usage {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |field: &str| -> Option<u64> {
        let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        value.split_whitespace().next()?.parse().ok()
    };
    let bytes = |field| number(field).map(|kibibytes| kibibytes * 1024);
    let files = std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as u64);

    Usage {
        resident_bytes: bytes("VmRSS"),
        virtual_bytes: bytes("VmSize"),
        threads: number("Threads"),
        // Without the one that reads the directory.
        open_files: files.map(|files| files.saturating_sub(1)),
        ..Usage::default()
    }
}

/// Nothing: this system has no such files.
#[cfg(not(target_os = "linux"))]
fn of_linux() -> Usage {
    Usage::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_tells_what_a_process_uses() {
        let usage = Usage::now();

        assert!(usage.cpu > Duration::ZERO);
        assert!(usage.resident_bytes > Some(1024 * 1024) && usage.virtual_bytes >= usage.resident_bytes);
        assert!(usage.threads >= Some(1) && usage.open_files >= Some(3));
    }
}
