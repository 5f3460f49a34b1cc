//! `restore-watch demo`

use std::process::Stdio;

use crate::support::{Folder, Watch};

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
        "HTTP 503",
        "HTTP 429",
        "status `Initializing` is unknown",
        " %",
        "POST restore_job.completed of ",
        "POST restore_job.failed of ",
        "POST restore_job.cancelled of ",
        "Every restore ended; one failed and one was cancelled, as scripted.",
        "7 webhooks were received",
    ] {
        assert!(output.contains(text), "{text} is not in\n{output}");
    }
    assert_eq!(output.matches(" completed after ").count(), 5, "{output}");
}
