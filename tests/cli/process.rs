//! What the process keeps to itself, as the kernel sees it.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Folder, KEY, PATIENCE, Watch, done, fast, play, skipped};

const PROGRAM: &str = env!("CARGO_BIN_EXE_restore-watch");

const NOBODY: u32 = 65534;

/// Becomes a program as a user that is not root.
const AS_NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

/// Whether that can be done here, and that user can start the program.
fn nobody_can_run_it() -> bool {
    let tried = Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).args([PROGRAM, "--version"]).output();
    let works = tried.is_ok_and(|done| done.status.success());
    if !works {
        skipped("no process can be started here as another user, so none is looked at");
    }
    works
}

/// Who owns what the kernel shows of the memory of a process: root where the process is not dumpable (proc(5)).
fn owner_of_memory(process: u32) -> u32 {
    fs::metadata(format!("/proc/{process}/environ")).expect("a process").uid()
}

#[test]
fn its_memory_is_for_root_alone() {
    if !nobody_can_run_it() {
        return;
    }
    let mut simulator = Watch::through(&AS_NOBODY, ["simulate"]).start();
    simulator.until("its address", |running| running.stdout().contains("http://"));
    assert_eq!(owner_of_memory(simulator.id()), 0);

    // What shows that it is the program that does this.
    let mut another =
        Watch::through(&[&AS_NOBODY[..], &["sh", "-c", "echo up; exec sleep 60"]].concat(), [""; 0]).start();
    another.until("a word", |running| running.stdout().contains("up"));
    assert_eq!(owner_of_memory(another.id()), NOBODY);
}

#[test]
fn the_command_it_becomes_has_its_memory_and_its_umask_from_the_caller() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let wait = |launcher: &[&str]| {
        let script = "umask; stat -c %u /proc/$$/environ";
        let arguments = ["wait", "--quiet", "--output", "ndjson", "rj-1", "--", "sh", "-c", script];
        let done = Watch::through(launcher, arguments).on(&plane).run().expect(0);
        done.stdout.lines().rev().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let umask = ["sh", "-c", "umask 0027; exec \"$@\"", "sh"];
    assert_eq!(wait(&umask)[1], "0027");
    if nobody_can_run_it() {
        assert_eq!(wait(&[&AS_NOBODY[..], &umask].concat()), [&NOBODY.to_string(), "0027"]);
    }
}

#[test]
fn the_daemon_makes_its_files_for_its_owner_alone() {
    let plane = play("[[job]]\nid = \"rj-1\"");
    let folder = Folder::new();
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{}", fast(&plane)));
    let state = folder.path().join("state");
    let launcher = ["sh", "-c", "umask 0; exec \"$@\"", "sh"];
    let mut daemon = Watch::through(&launcher, ["run", "--config", &config])
        .env("PINECONE_API_KEY", KEY)
        .env("STATE_DIRECTORY", &state.to_string_lossy())
        .start();
    daemon.until_logged("watching restore rj-1 ");
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    assert!(status.contains("\nUmask:\t0077\n"), "{status}");
    let mut files = 0;
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
        files += 1;
    }
    assert!(files > 0, "the state is kept in files");
}

/// Starts a program whose memory may be dumped, as far as the limits go. What it dumps is left in `folder`.
fn start_with_dumps(folder: &Folder, words: &[&str]) -> Child {
    Command::new("sh")
        .args(["-c", "ulimit -c unlimited; exec \"$@\"", "sh"])
        .args(words)
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell")
}

/// Has a process die of what would dump its memory, once it printed something. Tells whether the kernel dumped it.
fn dies_with_a_dump(mut child: Child) -> bool {
    let mut printed = child.stdout.take().expect("a pipe");
    let (tell, logged) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(std::io::Read::read(&mut printed, &mut [0; 64]).map(drop)));
    logged.recv_timeout(PATIENCE).expect("a word").expect("a pipe that can be read");
    let killed = Command::new("kill").args(["-s", "ABRT", &child.id().to_string()]).status();
    assert!(killed.expect("kill").success());
    for _ in 0..PATIENCE.as_millis() / 10 {
        if let Some(status) = child.try_wait().expect("a child") {
            assert_eq!(status.signal(), Some(6), "it died of that");
            return status.core_dumped();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(child.kill());
    panic!("it does not die");
}

#[test]
fn its_memory_is_not_dumped() {
    let folder = Folder::new();
    if !dies_with_a_dump(start_with_dumps(&folder, &["sh", "-c", "echo up; exec sleep 60"])) {
        skipped("no memory is dumped here, whatever dies");
        return;
    }
    assert!(!dies_with_a_dump(start_with_dumps(&folder, &[PROGRAM, "simulate"])));
}
