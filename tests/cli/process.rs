//! What the process keeps private, by the files that the kernel shows.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Folder, KEY, PATIENCE, Watch, done, fast, play, skipped};

const PROGRAM: &str = env!("CARGO_BIN_EXE_restore-watch");

const NOBODY: u32 = 65534;

/// Execs a program as a user other than root.
const AS_NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

#[test]
fn memory_is_readable_by_root_alone() {
    if !nobody_can_run_it() {
        return;
    }
    let mut simulator = Watch::through(&AS_NOBODY, ["simulate"]).start();
    simulator.until("its address", |running| running.stdout().contains("http://"));
    assert_eq!(owner_of_memory(simulator.id()), 0);

    // A control: another program is dumpable.
    let mut another =
        Watch::through(&[&AS_NOBODY[..], &["sh", "-c", "echo up; exec sleep 60"]].concat(), [""; 0]).start();
    another.until("a word", |running| running.stdout().contains("up"));
    assert_eq!(owner_of_memory(another.id()), NOBODY);
}

#[test]
fn command_of_a_wait_is_dumpable_and_has_the_callers_umask() {
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
fn files_of_the_daemon_are_private() {
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

#[test]
fn memory_is_not_dumped() {
    let folder = Folder::new();
    if !dies_with_a_dump(start_with_dumps(&folder, &["sh", "-c", "echo up; exec sleep 60"])) {
        skipped("no memory is dumped here, whatever dies");
        return;
    }
    assert!(!dies_with_a_dump(start_with_dumps(&folder, &[PROGRAM, "simulate"])));
}

/// Whether that is possible here and that user can start the program.
fn nobody_can_run_it() -> bool {
    // By a shell, because what changes the user may itself still pass folders that the user may not.
    let by_shell = ["sh", "-c", "exec \"$@\"", "sh", PROGRAM, "--version"];
    let tried = Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).args(by_shell).output();
    let works = tried.is_ok_and(|done| done.status.success());
    if !works {
        skipped("no process can be started here as another user, so none is checked");
    }
    works
}

/// The owner of /proc/PID/mem: root if the process is not dumpable (proc(5)).
fn owner_of_memory(process: u32) -> u32 {
    fs::metadata(format!("/proc/{process}/environ")).expect("a process").uid()
}

/// Starts a program without a limit on core dumps, in `folder`.
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

/// Kills a process with SIGABRT once it printed something. Returns whether the kernel dumped its
/// memory.
fn dies_with_a_dump(mut child: Child) -> bool {
    let mut printed = child.stdout.take().expect("a pipe");
    let (sender, printed_something) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(std::io::Read::read(&mut printed, &mut [0; 64]).map(drop)));
    printed_something.recv_timeout(PATIENCE).expect("a word").expect("a pipe that can be read");
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
