//! The disk is full, and then it is not.
//!
//! Invariant: the small disk is a file system in its own namespace, which ends with the process
//! that holds it; that process ends with its standard input, so with the tests.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use restore_watch::model::Exit;

use crate::oracle::Emission;
use crate::stage::{Stage, start};
use crate::support::state::is_about_files;
use crate::world::Size;

/// More than fits.
const LARGE: Size = Size { projects: 2, jobs: 40, endless: 0, span: Duration::from_secs(2) };

#[test]
fn full_disk_is_reported_and_loses_nothing() {
    if is_about_files("the disk is full") {
        return;
    }
    let mut stage = Stage::new(LARGE, 11);
    let directory = stage.state().parent().expect("a directory").to_owned();
    std::fs::create_dir(&directory).unwrap();
    let Some(disk) = Disk::mount(&directory, "300k") else {
        println!("SKIPPED: no file system can be mounted here, so no disk is full");
        return;
    };
    stage.launcher = disk.launcher();
    let refused = Some(i32::from(Exit::State.code()));
    let full = format!("the state {}: the disk is full\n  help: check the ", stage.state().display());

    // The last process to close the state truncates its log, which frees a little room, each time
    // less.
    for attempt in 1..=2 {
        let done = start(stage.daemon(&[])).finish();
        stage.ended(&done);
        assert!(done.code == refused && done.stderr.contains(&full), "{attempt}: {}", stage.context());
    }
    disk.grow("64m");
    stage.finish();

    for file in std::fs::read_dir(disk.seen_from_outside()).unwrap().flatten() {
        std::fs::copy(file.path(), directory.join(file.file_name())).unwrap();
    }
    let counts = stage.judge(Emission::Once);
    println!("a full disk: {counts}");
}

/// A small disk, mounted at a directory within its namespace.
struct Disk {
    holder: Child,
    at: PathBuf,
}

impl Disk {
    /// A disk of this size; `None` if this user may not mount.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        let script = format!("mount -t tmpfs -o size={size} tmpfs \"$0\" && echo ready && read -r end");
        let holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .arg(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut disk = Self { holder: holder.ok()?, at: at.to_owned() };
        let mut line = String::new();
        // Ends with the holder, at the latest.
        BufReader::new(disk.holder.stdout.take()?).read_line(&mut line).ok()?;
        (line == "ready\n").then_some(disk)
    }

    /// What starts a process within.
    fn launcher(&self) -> Vec<String> {
        let holder = self.holder.id().to_string();
        ["nsenter", "--target", &holder, "--mount"].map(str::to_owned).to_vec()
    }

    /// Makes more room.
    fn grow(&self, size: &str) {
        let (program, arguments) = (&self.launcher()[0], &self.launcher()[1..]);
        let options = format!("remount,size={size}");
        let grown =
            Command::new(program).args(arguments).args(["mount", "-o", &options]).arg(&self.at).status();
        assert!(grown.is_ok_and(|status| status.success()), "mount -o {options}");
    }

    /// The directory, as seen from outside.
    fn seen_from_outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.at.strip_prefix("/").expect("an absolute path"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Both fail if it has ended.
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}
