//! The disk fails at one system call, in the next run at a later one.
//!
//! Invariant: whatever fails, the daemon either goes on and delivers everything, or ends with an
//! error that names the state; then the next one, on a healthy disk, delivers all pending events.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use restore_watch::model::Exit;

use crate::oracle::{Counts, Emission};
use crate::stage::{Stage, start};
use crate::support::state::is_about_files;
use crate::world::Size;

const TINY: Size = Size { projects: 1, jobs: 8, endless: 0, span: Duration::from_millis(800) };

/// How many daemons run in parallel; most of the time they are idle.
const LANES: usize = 4;

/// The launcher that injects failures into the system calls of a process. Its output is dropped.
const STRACE: [&str; 8] = ["strace", "-D", "-f", "-q", "-q", "-o", "/dev/null", "--seccomp-bpf"];

#[test]
fn failed_sync_is_not_ignored() {
    if is_about_files("the disk of the daemon fails") {
        return;
    }
    if is_there() {
        let whens: Vec<_> = (1..=20).map(|when: u32| when.to_string()).collect();
        let ended = fail("fsync,fdatasync", "EIO", &whens, ": disk I/O error");
        // strace counts the calls of each thread separately, and few threads make many.
        assert!(ended >= 5, "{ended}");
    }
}

#[test]
fn failed_write_is_not_ignored() {
    if is_about_files("the disk of the daemon fails") {
        return;
    }
    if is_there() {
        // All later calls fail, too, as on a full disk.
        let whens: Vec<_> =
            [1, 2, 3, 5, 8, 13, 21, 34, 55, 89].iter().map(|when| format!("{when}+")).collect();
        let ended = fail("pwrite64", "ENOSPC", &whens, ": the disk is full");
        assert!(ended >= whens.len() / 2, "{ended}");
    }
}

/// Whether strace can be used here.
fn is_there() -> bool {
    let (program, arguments) = STRACE.split_first().expect("a program");
    let injects = Command::new(program)
        .args(arguments)
        .args(["-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true"])
        .output();
    let works = injects.is_ok_and(|done| done.status.success());
    if !works {
        println!("SKIPPED: strace cannot be used here, so no call of the system fails");
    }
    works
}

/// Fails each of these calls in a run of its own. Returns how many daemons ended by it.
fn fail(calls: &str, error: &str, whens: &[String], said: &str) -> usize {
    let next = AtomicUsize::new(0);
    let ended = AtomicUsize::new(0);
    let lane = || {
        let mut sum = Counts::default();
        while let Some(when) = whens.get(next.fetch_add(1, Ordering::SeqCst)) {
            let (counts, refused) = run(calls, &format!("error={error}:when={when}"), said);
            sum += counts;
            ended.fetch_add(usize::from(refused), Ordering::SeqCst);
        }
        sum
    };
    let sum = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let mut sum = Counts::default();
        for lane in lanes {
            sum += lane.join().expect("what failed is printed above");
        }
        sum
    });
    let ended = ended.into_inner();
    println!("{error} at {calls}: {ended} of {} daemons ended by it; {sum}", whens.len());
    ended
}

/// Runs a daemon with this injected failure, then one without. Returns whether the first one ended
/// by it.
fn run(calls: &str, failure: &str, said: &str) -> (Counts, bool) {
    let mut stage = Stage::new(TINY, 7);
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:{failure}"));
    stage.launcher = STRACE.into_iter().chain(["-e", &trace, "-e", &inject]).map(str::to_owned).collect();
    let done = start(stage.daemon(&["--exit-when-done"])).finish();
    stage.ended(&done);
    let refused = done.code == Some(i32::from(Exit::State.code()));
    if refused {
        let file = stage.state().display().to_string();
        for part in ["error: cannot ", " the state ", &file, said, "\n  help: check the "] {
            assert!(done.stderr.contains(part), "{failure}: {part:?} is not in\n{}", done.stderr);
        }
    } else {
        assert!(matches!(done.code, Some(0 | 1 | 6)), "{failure}: {:?}: {}", done.code, stage.context());
    }
    stage.launcher.clear();
    stage.finish();
    (stage.judge(Emission::Once), refused)
}
