//! Resource limits that are too low.

use std::process::Command;

use crate::support::{Watch, done, play, skipped};

#[test]
fn too_few_open_files_are_an_error_and_no_panic() {
    let plane = play(&done(&[("rj-1", "completed")]));
    if !can(&["prlimit", "--nofile=32"]) {
        return;
    }

    for (files, code) in [(4, 71), (6, 71), (8, 71), (20, 0), (32, 0)] {
        let limit = format!("--nofile={files}");
        let done = Watch::through(&["prlimit", &limit], ["wait", "rj-1"]).on(&plane).run().expect(code);
        if code == 71 {
            done.logged("error: cannot open 12 more files: ").logged("help: raise the limit of open files");
        }
    }
}

#[test]
fn thread_limit_is_an_error_and_no_panic() {
    let plane = play(&done(&[("rj-1", "completed")]));
    // The limit does not hold for root.
    let user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "prlimit", "--nproc=0"];
    let plain = ["prlimit", "--nproc=0"];
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let launcher = if is_root { &user[..] } else { &plain[..] };
    if !can(launcher) {
        return;
    }
    let config = ["check", "--config", "/nowhere"];

    for words in [&["wait", "rj-1"][..], &["list"], &config, &["run", "--config", "/nowhere"]] {
        let done = Watch::through(launcher, words).on(&plane).run().expect(71);
        done.logged("error: cannot start a thread: ").logged("help: raise the limit of processes");
    }
}

/// Whether this launcher works here and can start the program.
fn can(launcher: &[&str]) -> bool {
    let program = env!("CARGO_BIN_EXE_restore-watch");
    let started = Command::new(launcher[0]).args(&launcher[1..]).args([program, "--version"]).output();
    let can = started.is_ok_and(|done| done.status.success());
    if !can {
        skipped(&format!("{launcher:?} cannot be used here"));
    }
    can
}
