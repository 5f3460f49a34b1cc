//! What is inside the two programs, and what is said of them: dependencies, the glibc, checksums.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::dist::{dist, file};

/// The two programs: of the packages, of the archive and the image.
const KINDS: [&str; 2] = ["glibc", "static"];

/// A program as it is shipped. Those of the packages are laid out beside the folder with them.
fn program(dist: &Path, kind: &str) -> PathBuf {
    let laid_out = dist.with_file_name("package");
    if kind == "glibc" {
        return laid_out.join("root/usr/bin/restore-watch");
    }
    let archive = file(dist, ".tar.gz");
    let name = archive.file_name().unwrap().to_str().unwrap().trim_end_matches(".tar.gz");
    laid_out.join(name).join("restore-watch")
}

/// What a command prints.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// The packages that are linked into a program, as it says itself.
fn dependencies(program: &Path) -> BTreeSet<(String, String)> {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/packages/dependencies.py");
    let list = printed(Command::new("python3").arg(reader).arg(program));
    let packages = list.lines().filter_map(|line| line.strip_prefix("runtime "));
    packages
        .filter_map(|package| package.split_once(' '))
        .map(|(name, version)| (name.into(), version.into()))
        .collect()
}

/// The packages that a bill of materials names.
fn bill(file: &Path) -> (serde_json::Value, BTreeSet<(String, String)>) {
    let bill: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let of = |component: &serde_json::Value| {
        (component["name"].as_str().unwrap().to_owned(), component["version"].as_str().unwrap().to_owned())
    };
    let components = bill["components"].as_array().unwrap().iter();
    let named = components.chain([&bill["metadata"]["component"]]).map(of).collect();
    (bill, named)
}

#[test]
fn programs_and_bills_of_materials_list_dependencies() {
    let Some(dist) = dist() else { return };

    for kind in KINDS {
        let inside = dependencies(&program(&dist, kind));
        let (bill, named) = bill(&file(&dist, &format!("-{kind}.cdx.json")));

        assert!(inside.iter().any(|(name, _)| name == "rusqlite"), "{kind}: {inside:?}");
        assert_eq!(inside.iter().any(|(name, _)| name == "zbus"), kind == "glibc", "{kind}: {inside:?}");
        assert_eq!(inside.difference(&named).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "{kind}");
        assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&"CycloneDX".into(), &"1.5".into()));
        assert!(bill["serialNumber"].is_null(), "it would be another one in each build");
    }
}

#[test]
fn version_says_the_oldest_glibc_that_is_enough() {
    let Some(dist) = dist() else { return };
    let program = program(&dist, "glibc");

    let symbols = printed(Command::new("objdump").arg("-T").arg(&program));
    let version = printed(Command::new(&program).arg("--version"));

    let taken = symbols.split("GLIBC_").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
    let number = |version: &str| version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>();
    let newest = taken.max_by_key(|version| number(version)).unwrap();
    let said = format!("-linux, glibc {newest} or later; features: desktop, postgres)\n");
    assert!(version.ends_with(&said), "{version}, but it needs {newest}");
}

#[test]
fn static_program_needs_no_library() {
    let Some(dist) = dist() else { return };

    let headers = printed(Command::new("objdump").args(["-p"]).arg(program(&dist, "static")));

    assert!(!headers.contains("NEEDED") && !headers.contains("INTERP"), "{headers}");
}

#[test]
fn nothing_names_the_machine_that_built_it() {
    let Some(dist) = dist() else { return };
    let home = std::env::var("HOME").unwrap_or_default();
    let places = [env!("CARGO_MANIFEST_DIR").to_owned(), format!("{home}/.cargo"), format!("{home}/.rustup")];

    let bills = KINDS.map(|kind| file(&dist, &format!("-{kind}.cdx.json")));
    for file in KINDS.map(|kind| program(&dist, kind)).into_iter().chain(bills) {
        let bytes = fs::read(&file).unwrap();
        for place in &places {
            let found = bytes.windows(place.len()).position(|window| window == place.as_bytes());
            let around = found.map(|at| String::from_utf8_lossy(&bytes[at..(at + 120).min(bytes.len())]));
            assert_eq!(around, None, "{}", file.display());
        }
    }
}

#[test]
fn checksums_are_of_all_files() {
    let Some(dist) = dist() else { return };

    let verified = printed(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&dist));

    let mut files: Vec<_> = dist.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.retain(|name| name != "SHA256SUMS");
    assert_eq!(verified.lines().filter(|line| line.ends_with(": OK")).count(), files.len(), "{verified}");
}
