//! The disk fails at one call of the system, the next time at a later one.
//!
//! Invariant: whatever fails, the daemon either goes on and has nothing pending in the end, or ends
//! with an error that names the state; then the next one, on a disk that is well again, delivers
//! all that is pending.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use restore_watch::model::Exit;

use crate::oracle::{Counts, Emission};
use crate::stage::{Stage, start};
use crate::world::Size;

const TINY: Size = Size { projects: 1, jobs: 8, endless: 0, span: Duration::from_millis(800) };

/// How many daemons run beside each other; most of the time they wait.
const LANES: usize = 4;

/// What makes the calls of a process fail and becomes that process. Its own words go nowhere.
const STRACE: [&str; 8] = ["strace", "-D", "-f", "-q", "-q", "-o", "/dev/null", "--seccomp-bpf"];

/// Whether that can be used here.
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

/// Has each of these calls fail in a run of its own. Returns how many runs ended by that.
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

/// Runs a daemon whose calls fail like this, then one whose calls do not. Says whether the first
/// one ended by it.
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

#[test]
fn a_sync_that_fails_is_not_passed_over() {
    if is_there() {
        let whens: Vec<_> = (1..=20).map(|when: u32| when.to_string()).collect();
        let ended = fail("fsync,fdatasync", "EIO", &whens, ": disk I/O error");
        // Each thread counts its own calls, and few make many.
        assert!(ended >= 5, "{ended}");
    }
}

#[test]
fn a_write_that_finds_no_room_is_not_passed_over() {
    if is_there() {
        // From then on, as on a disk that is full.
        let whens: Vec<_> =
            [1, 2, 3, 5, 8, 13, 21, 34, 55, 89].iter().map(|when| format!("{when}+")).collect();
        let ended = fail("pwrite64", "ENOSPC", &whens, ": the disk is full");
        assert!(ended >= whens.len() / 2, "{ended}");
    }
}
