//! `systemd-analyze` on the units, without a running systemd.

use std::path::Path;
use std::process::{Command, Output};

use crate::skip::skipped;
use crate::support::Folder;
use crate::world::UNITS;

/// The units, and whether each is of the system.
const ALL: [(&str, bool); 3] = [
    ("restore-watch.service", true),
    ("restore-watch-wait@.service", true),
    ("restore-watch-user.service", false),
];

#[test]
fn systemd_analyze_accepts_the_units() {
    for (unit, of_system) in ALL {
        if let Some(said) = verify(unit, of_system, &with_program(unit)) {
            assert_eq!(said, "", "{unit}");
        }
    }
}

#[test]
fn systemd_analyze_finds_a_misspelt_directive() {
    for (unit, of_system) in ALL {
        for (right, wrong) in [("NoNewPrivileges=", "NoNewPrivilege="), ("=native", "=nativ")] {
            let slipped = with_program(unit).replacen(right, wrong, 1);
            assert_ne!(slipped, with_program(unit), "{unit}: {right}");
            if let Some(said) = verify(unit, of_system, &slipped) {
                assert!(!said.is_empty(), "{unit}: {wrong}");
            }
        }
    }
}

#[test]
fn system_units_are_sandboxed() {
    for (unit, _) in ALL.iter().filter(|(_, of_system)| *of_system) {
        let arguments = ["security", "--offline=true", "--threshold=15", "--no-pager"];
        let Some(output) = analyze(&arguments, unit, &text(unit)) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout);
        let exposure = said
            .lines()
            .find_map(|line| line.split_once("Overall exposure level for ")?.1.split_once(": "))
            .and_then(|(_, level)| level.split(' ').next()?.parse::<f64>().ok());
        assert!(exposure.is_some_and(|level| level <= 1.5) && output.status.success(), "{unit}: {said}");
    }
}

#[test]
fn each_directive_has_a_comment_before_it() {
    for (unit, _) in ALL {
        let text = text(unit);
        let lines: Vec<_> = text.lines().collect();
        let unexplained: Vec<_> = lines
            .windows(2)
            .filter(|pair| pair[1].starts_with(|first: char| first.is_ascii_uppercase()))
            .filter(|pair| !pair[0].starts_with("# ") && !pair[1].starts_with("Description="))
            .collect();
        assert!(unexplained.is_empty(), "{unit}: {unexplained:?}");
        let long: Vec<_> = lines.iter().filter(|line| line.chars().count() > 120).collect();
        assert!(long.is_empty(), "{unit}: {long:?}");
    }
}

/// The output of `systemd-analyze` about a unit of this text; `None` if it is not installed.
fn analyze(arguments: &[&str], unit: &str, text: &str) -> Option<Output> {
    let folder = Folder::new();
    let path = folder.write(unit, text);
    let output = Command::new("systemd-analyze")
        .args(arguments)
        .arg(path)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder.path())
        .env("XDG_RUNTIME_DIR", folder.path())
        .output();
    match output {
        Ok(output) => Some(output),
        Err(error) => {
            skipped("what systemd-analyze says of the units", &error.to_string());
            None
        }
    }
}

fn text(unit: &str) -> String {
    std::fs::read_to_string(Path::new(UNITS).join(unit)).unwrap()
}

/// The text of a unit with the path of the tested program.
fn with_program(unit: &str) -> String {
    text(unit).replace("/usr/local/bin/restore-watch", env!("CARGO_BIN_EXE_restore-watch"))
}

/// The complaints of `systemd-analyze verify`.
fn verify(unit: &str, of_system: bool, text: &str) -> Option<String> {
    let manager = if of_system { "--system" } else { "--user" };
    // Complaints about other units do not count.
    let output = analyze(&["verify", "--recursive-errors=no", manager], unit, text)?;
    let mut said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if !output.status.success() {
        said.push_str("it failed");
    }
    Some(said)
}
