//! The program as the first process of a container: it ends when it is asked to, and leaves no
//! zombies.

#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use restore_watch::simulate::Simulator;

use crate::Daemon;
use crate::support::{Folder, Running, Watch, done, play, skipped};

/// Runs a program as the first process of a namespace of its own. It is killed with this launcher.
const LAUNCHER: [&str; 5] = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Whether namespaces can be made here; says so if they cannot.
fn has_namespaces() -> bool {
    let probe = Command::new(LAUNCHER[0]).args(&LAUNCHER[1..]).arg("true").stderr(Stdio::null()).status();
    let can = probe.is_ok_and(|status| status.success());
    if !can {
        skipped("the first process of a container: unshare cannot make a namespace of processes here");
    }
    can
}

/// The children of a process, zombies included.
fn children(id: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("its threads");
    let of_task = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).ok();
    let lists: Vec<_> = tasks.filter_map(|task| of_task(task.expect("a thread"))).collect();
    lists.iter().flat_map(|list| list.split_whitespace()).map(|id| id.parse().expect("a number")).collect()
}

/// The first process, as it is seen from here, once it runs this program.
fn first(launcher: &mut Running) -> u32 {
    let of = |launcher: &Running| {
        let program = |id: &u32| std::fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
        children(launcher.id()).into_iter().find(|id| program(id).ends_with("restore-watch"))
    };
    launcher.until("the first process", |launcher| of(launcher).is_some());
    of(launcher).expect("it runs")
}

fn terminate(first: u32) {
    assert!(Command::new("kill").args(["-s", "TERM", &first.to_string()]).status().expect("kill").success());
}

/// The children of the first process that it did not start, and whether each is a zombie. A command
/// leads a process group of its own, which is that of what it starts.
fn orphans(first: u32) -> Vec<bool> {
    let orphan = |id: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let fields: Vec<_> = stat.rsplit(") ").next()?.split(' ').collect();
        (fields[2] != id.to_string()).then(|| fields[0] == "Z")
    };
    children(first).into_iter().filter_map(orphan).collect()
}

/// A daemon whose sink runs this script in a folder, and its control plane.
fn daemon(folder: &Folder, script: &str) -> (Running, Simulator) {
    let plane = play(&done(&[("rj-1", "completed")]));
    let script = folder.write("script", format!("cd {}\n{script}", folder.path().display()));
    let sink = format!(
        "[[sink]]\ntype = \"exec\"\nname = \"hook\"\nevents = [\"restore_job.completed\"]\n\
         command = [\"/bin/sh\", \"{script}\"]\n"
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink);
    (daemon.run_through(&LAUNCHER, &[]).start(), plane)
}

const UNTIL_ASKED: &str = "until test -e go; do sleep 0.01; done";

#[test]
fn first_process_reaps_what_commands_leave_behind() {
    if !has_namespaces() {
        return;
    }
    let folder = Folder::new();
    let (mut daemon, _plane) = daemon(&folder, &format!("({UNTIL_ASKED}) > /dev/null 2>&1 & exit 0"));
    let first = first(&mut daemon);
    daemon.until("an orphan", |_| orphans(first) == [false]);

    folder.write("go", "");

    daemon.until("no child", |_| children(first).is_empty());
    terminate(first);
    daemon.finish().expect(0);
}

#[test]
fn command_of_the_first_process_keeps_its_exit_status() {
    if !has_namespaces() {
        return;
    }
    let folder = Folder::new();
    let (mut daemon, _plane) = daemon(&folder, &format!("(: &); {UNTIL_ASKED}; exit 0"));
    let first = first(&mut daemon);
    daemon.until("a zombie beside the command", |_| orphans(first) == [true]);

    folder.write("go", "");

    daemon.until("no child", |_| children(first).is_empty());
    terminate(first);
    let ended = daemon.finish().expect(0);
    assert!(!ended.stderr.contains("hook"), "{}", ended.stderr);
}

#[test]
fn first_process_ends_when_it_is_asked_to() {
    if !has_namespaces() {
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let folder = Folder::new();
    // A command without a handler of its own, which waits for a configuration that is never written.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = pipe.to_str().unwrap();

    // The second may not listen by itself yet.
    for (arguments, codes) in [
        (&["wait", "rj-1"][..], [143, 143]),
        (&["simulate"][..], [0, 143]),
        (&["stats", "--config", pipe][..], [143, 143]),
    ] {
        let mut launcher = Watch::through(&LAUNCHER, arguments).on(&plane).start();
        let first = first(&mut launcher);
        let listens = |_: &Running| {
            let status = std::fs::read_to_string(format!("/proc/{first}/status")).unwrap_or_default();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or_default();
            u64::from_str_radix(caught.trim(), 16).is_ok_and(|caught| caught & 1 << 14 != 0)
        };
        launcher.until("a handler", listens);

        terminate(first);

        let ended = launcher.finish();
        assert!(codes.map(Some).contains(&ended.code), "{arguments:?}: {ended:?}");
    }
}
