//! What is in the packages of both kinds, and where.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dist::{dist, file};
use crate::root::REQUIRED;
use crate::skip::skipped_unless_required;

/// Beside them there are only manual pages, documents and samples.
const FILES: [&str; 5] = [
    "/usr/bin/restore-watch",
    "/usr/lib/systemd/system/restore-watch.service",
    "/usr/lib/systemd/system/restore-watch-wait@.service",
    "/usr/lib/systemd/user/restore-watch-user.service",
    "/usr/share/bash-completion/completions/restore-watch",
];

#[test]
fn debian_package_has_its_files_where_debian_looks() {
    let Some(package) = package(".deb", "dpkg-deb") else { return };

    let files = files_of(&package);

    has_the_usual_files(&files);
    for file in [
        "/usr/share/zsh/vendor-completions/_restore-watch",
        "/usr/share/fish/vendor_completions.d/restore-watch.fish",
        "/usr/share/doc/restore-watch/copyright",
        "/usr/share/doc/restore-watch/licenses-of-crates.txt.gz",
        "/usr/share/doc/restore-watch/changelog.Debian.gz",
    ] {
        assert!(files.contains(file), "{file}: {files:#?}");
    }
}

#[test]
fn lintian_finds_nothing_in_the_debian_package() {
    let Some(package) = package(".deb", "lintian") else { return };

    let said = run(Command::new("lintian")
        .args(["--allow-root", "--no-cfg", "--fail-on", "error,warning"])
        .arg(package));

    assert_eq!(said, "");
}

#[test]
fn links_between_installed_documents_lead_somewhere() {
    let Some(package) = package(".deb", "dpkg-deb") else { return };
    let place = tempfile::tempdir().unwrap();
    run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(place.path()));
    let root = place.path().join("usr/share/doc/restore-watch");

    let pages = pages(&root);
    let broken: Vec<_> = pages
        .iter()
        .flat_map(|page| links(page).into_iter().map(move |link| (page, link)))
        .filter(|(page, link)| !page.parent().unwrap().join(link).exists())
        .collect();

    assert!(pages.len() > 20 && broken.is_empty(), "{broken:#?}");
}

#[test]
fn licenses_of_the_crates_go_with_the_program() {
    let Some(package) = package(".deb", "dpkg-deb") else { return };
    let script = "dpkg-deb --fsys-tarfile \"$1\" | tar --extract --to-stdout \
        ./usr/share/doc/restore-watch/licenses-of-crates.txt.gz | gzip --decompress";

    let text = run(Command::new("sh").args(["-c", script, "sh"]).arg(package));

    let crates: Vec<_> = text.split("\n== ").skip(1).collect();
    assert!(crates.iter().any(|of| of.starts_with("tokio ") && of.contains("MIT License")), "{text}");
    let without: Vec<_> = crates.iter().filter(|of| of.lines().count() < 8).collect();
    assert!(crates.len() > 100 && without.is_empty(), "{without:?}");
}

#[test]
fn rpm_has_its_files_where_fedora_looks() {
    let Some(package) = package(".rpm", "rpm") else { return };

    let listed = run(Command::new("rpm").args(["--query", "--list", "--package"]).arg(&package));
    let files: BTreeSet<_> = listed.lines().map(str::to_owned).collect();

    has_the_usual_files(&files);
    for file in [
        "/usr/share/zsh/site-functions/_restore-watch",
        "/usr/share/fish/vendor_completions.d/restore-watch.fish",
        "/usr/share/licenses/restore-watch/LICENSE",
        "/usr/share/licenses/restore-watch/crates.txt.gz",
    ] {
        assert!(files.contains(file), "{file}: {listed}");
    }
    assert!(!listed.contains("vendor-completions"), "{listed}");
}

#[test]
fn rpm_is_whole_and_says_what_it_needs() {
    let Some(package) = package(".rpm", "rpm") else { return };
    let asked = |format: &str| {
        run(Command::new("rpm").args(["--query", "--queryformat", format, "--package"]).arg(&package))
    };

    let checked = run(Command::new("rpm").arg("--checksig").arg(&package));

    assert!(checked.trim_end().ends_with("digests OK"), "{checked}");
    assert_eq!(asked("%{NAME} %{VERSION} %{LICENSE}"), format!("restore-watch {} Apache-2.0", version()));
    let needed = asked("[%{REQUIRENAME}\\n]");
    assert!(needed.contains("/bin/sh\n"), "{needed}");
    assert!(needed.lines().all(|name| !name.contains("ssl") && !name.contains("dbus")), "{needed}");
}

#[track_caller]
fn has_the_usual_files(files: &BTreeSet<String>) {
    for file in FILES {
        assert!(files.contains(file), "{file}: {files:#?}");
    }
    // Whatever is in /etc would be a configuration that no administrator made.
    assert!(files.iter().all(|file| file.starts_with("/usr/")), "{files:#?}");
    let pages = files.iter().filter(|file| file.starts_with("/usr/share/man/man1/restore-watch"));
    assert!(pages.count() > 20, "{files:#?}");
    for sample in ["docs/guides/systemd.md", "config/restore-watch.toml", "config/examples/Makefile"] {
        assert!(files.contains(&format!("/usr/share/doc/restore-watch/{sample}")), "{sample}: {files:#?}");
    }
}

/// The package of this kind, if there is one and the program that looks into it.
fn package(end: &str, program: &str) -> Option<PathBuf> {
    let package = file(&dist()?, end);
    let is_there = Command::new(program).arg("--version").output().is_ok();
    if !is_there {
        skipped_unless_required(REQUIRED, "what is in the packages", &format!("{program} is not installed"));
    }
    is_there.then_some(package)
}

/// The files of a Debian package.
fn files_of(package: &Path) -> BTreeSet<String> {
    let script = "dpkg-deb --fsys-tarfile \"$1\" | tar --list --file=-";
    let listed = run(Command::new("sh").args(["-c", script, "sh"]).arg(package));
    let files = listed.lines().filter(|line| !line.ends_with('/'));
    files.map(|file| file.trim_start_matches('.').to_owned()).collect()
}

/// The pages below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let found = run(Command::new("find").arg(folder).args(["-name", "*.md"]));
    found.lines().map(PathBuf::from).collect()
}

/// The files that a page links to.
fn links(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
    targets.filter(|target| !target.is_empty() && !target.contains(':')).map(str::to_owned).collect()
}

/// Cargo's version, as RPM writes that of a pre-release.
fn version() -> String {
    env!("CARGO_PKG_VERSION").replace('-', "~")
}

/// What a command prints, which must succeed.
#[track_caller]
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
