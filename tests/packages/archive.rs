//! The archive, for systems without one of the package formats.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::dist::{dist, file};

/// What the archive has at its top.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "LICENSE",
    "LICENSES-OF-CRATES.txt",
    "README.md",
    "SECURITY.md",
    "completions",
    "config",
    "docs",
    "man",
    "restore-watch",
    "systemd",
];

/// The archive, unpacked.
pub(crate) struct Archive {
    place: TempDir,
}

impl Archive {
    /// Unpacks it, if the packages were built.
    pub(crate) fn unpack() -> Option<Self> {
        let archive = file(&dist()?, ".tar.gz");
        let place = tempfile::tempdir().unwrap();
        let unpacked = Command::new("tar")
            .args(["--extract", "--strip-components=1", "--file"])
            .arg(archive)
            .current_dir(place.path())
            .status()
            .unwrap();
        assert!(unpacked.success());
        Some(Self { place })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.path("restore-watch")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(self.program()).args(arguments).current_dir(self.place.path()).output().unwrap()
    }
}

#[test]
fn archive_runs_from_where_it_is_unpacked() {
    let Some(archive) = Archive::unpack() else { return };

    let version = archive.run(&["--version"]);

    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    let start = format!("restore-watch {} (", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(&start), "{version}");
    assert!(version.ends_with("-linux, static; features: postgres)\n"), "{version}");
}

#[test]
fn archive_has_the_names_of_the_repository() {
    let Some(archive) = Archive::unpack() else { return };

    assert_eq!(names(&archive.path("")), TOP.iter().map(ToString::to_string).collect());
    for same in ["README.md", "LICENSE", "config/restore-watch.toml", "systemd/restore-watch.service"] {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join(same);
        assert_eq!(fs::read(archive.path(same)).unwrap(), fs::read(here).unwrap(), "{same}");
    }
    // The unit names the place where the commands of the README install the program.
    let unit = fs::read_to_string(archive.path("systemd/restore-watch.service")).unwrap();
    assert!(unit.contains("ExecStart=/usr/local/bin/restore-watch "), "{unit}");
}

#[test]
fn archive_has_a_manual_page_for_each_command() {
    let Some(archive) = Archive::unpack() else { return };
    let place = tempfile::tempdir().unwrap();

    let made = archive.run(&["man", "--dir", &place.path().display().to_string()]);

    assert!(made.status.success());
    let pages = names(place.path());
    assert_eq!(names(&archive.path("man/man1")), pages);
    assert!(pages.contains("restore-watch.1") && pages.contains("restore-watch-wait.1"), "{pages:?}");
    let completions = ["_restore-watch", "restore-watch.bash", "restore-watch.fish"];
    assert_eq!(names(&archive.path("completions")), completions.map(str::to_owned).into());
}

#[test]
fn archive_says_nothing_of_who_made_it() {
    let Some(dist) = dist() else { return };

    let listed = Command::new("tar")
        .args(["--list", "--verbose", "--numeric-owner", "--full-time", "--utc", "--file"])
        .arg(file(&dist, ".tar.gz"))
        .output()
        .unwrap();

    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let mut times = BTreeSet::new();
    let mut folders = BTreeSet::new();
    for line in listed.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [mode, owner, _size, day, time, path] = fields[..] else { panic!("{line}") };
        assert_eq!(owner, "0/0", "{line}");
        assert!(["drwxr-xr-x", "-rwxr-xr-x", "-rw-r--r--"].contains(&mode), "{line}");
        times.insert((day, time));
        folders.insert(path.split('/').next());
    }
    assert_eq!(times.len(), 1, "{times:?}");
    assert_eq!(folders.len(), 1, "{folders:?}");
}

#[test]
fn program_without_desktop_says_so() {
    let Some(archive) = Archive::unpack() else { return };
    let config = archive.path("config.toml");
    fs::write(
        &config,
        "jobs = [\"rj-1\"]\n[[sink]]\ntype = \"desktop\"\nevents = [\"restore_job.failed\"]\n",
    )
    .unwrap();

    let wait = archive.run(&["wait", "rj-1", "--desktop"]);
    let check = archive.run(&["check", "--config", "config.toml"]);
    let test = archive.run(&["notify-test", "--config", "config.toml"]);

    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(wait.status.code(), Some(2), "{}", said(&wait));
    assert_eq!(
        said(&wait),
        "error: --desktop: this restore-watch was built without desktop notifications\n  help: leave it out, or run a \
         restore-watch with the feature `desktop`, which `restore-watch --version` names\n"
    );
    for refused in [check, test] {
        assert_eq!(refused.status.code(), Some(78), "{}", said(&refused));
        let said = said(&refused);
        assert!(said.contains("config.toml:3:8\n"), "{said}");
        assert!(said.contains("this restore-watch was built without desktop notifications"), "{said}");
        assert!(said.contains("help: remove this [[sink]], or run a restore-watch with"), "{said}");
        assert!(said.contains("1 problem"), "{said}");
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = folder.read_dir().unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
