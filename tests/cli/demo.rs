//! `restore-watch demo`

use std::process::Stdio;

use crate::support::{Folder, Watch, unused_address};

#[test]
fn demo_shows_each_outcome_within_half_a_minute() {
    let folder = Folder::new();
    let path = folder.path().join("demo.txt");
    let file = std::fs::File::create(&path).unwrap();

    let into_file = Watch::new(["demo"]).stdout(Stdio::from(file)).start();
    let piped = Watch::new(["demo"]).run().expect(0);
    let into_file = into_file.finish().expect(0);

    for done in [&piped, &into_file] {
        assert!(done.took.as_secs() < 30, "{:?}", done.took);
        assert_eq!(done.stderr, "");
    }
    is_shown(&piped.stdout);
    is_shown(&std::fs::read_to_string(path).unwrap());
}

#[test]
fn commands_that_the_demo_prints_work_without_a_key() {
    let port = unused_address().port();
    let output = Watch::new(["demo"]).run().expect(0).stdout;
    let (_, commands) = output.split_once("Next, still without a key").expect("a next step");
    let commands: Vec<_> = commands.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    // A script has no `%1` unless it controls jobs.
    let script = format!("set -em\n{}\n", commands.join("\n")).replace(":8080", &format!(":{port}"));

    let done = Watch::program(&["bash", "-c", &script]).env("PATH", &path_with_the_program()).run().expect(0);

    assert_eq!(commands.len(), 4, "{commands:?}");
    assert!(done.stdout.contains("docs-search"), "{}", done.stdout);
}

/// `PATH`, with the program first.
fn path_with_the_program() -> String {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_restore-watch"));
    format!("{}:{}", program.parent().expect("a folder").display(), std::env::var("PATH").expect("PATH"))
}

/// What holds for all output of the demo.
#[track_caller]
fn is_shown(output: &str) {
    for line in output.lines() {
        assert!(line.chars().count() <= 80 || line.contains("http://"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    for text in [
        "A simulated control plane serves 7 restores",
        " completed after ",
        " failed within ",
        " was cancelled within ",
        "status `Initializing` is unknown",
        "POST restore_job.completed of ",
        "POST restore_job.failed of ",
        "POST restore_job.cancelled of ",
        "Every restore ended; one failed and one was cancelled, as scripted.",
        "7 webhooks were received",
    ] {
        assert!(output.contains(text), "{text} is not in\n{output}");
    }
    assert_eq!(output.matches(" completed after ").count(), 5, "{output}");
    assert!(!output.contains("DEBUG") && !output.contains(" % after "), "{output}");
}
