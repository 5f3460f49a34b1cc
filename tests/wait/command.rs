//! `-- COMMAND`: the command that a successful wait execs.

use crate::support::{Folder, Watch, done, play};

#[test]
fn command_replaces_the_wait_and_keeps_its_status() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let script = "echo \"$$ $MARK $1\"; exit 7";
    let wait =
        Watch::wait(&plane, &["rj-1", "--", "sh", "-c", script, "sh", "--argument"]).env("MARK", "kept");

    let wait = wait.start();
    let id = wait.id();
    let done = wait.finish().expect(7);

    // The report comes first, because the command replaces the process.
    let lines: Vec<_> = done.stdout.lines().collect();
    assert!(lines[0].starts_with("completed  "), "{lines:?}");
    assert!(lines[1].starts_with("1 restore completed, in "), "{lines:?}");
    assert_eq!(lines[2], format!("{id} kept --argument"));
}

#[test]
fn command_ended_by_a_signal_is_reported_as_such() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let done = Watch::wait(&plane, &["rj-1", "--", "sh", "-c", "kill -TERM $$"]).run();
    assert_eq!((done.code, done.signal), (None, Some(15)), "{done:?}");
}

#[test]
fn command_runs_on_exit_code_0_only() {
    let plane = play(&format!("{}[[job]]\nid = \"open\"", done(&[("failed", "failed")])));
    for (arguments, code) in [
        (&["failed"][..], 1),
        (&["unknown", "--not-found-grace", "0"], 3),
        (&["open", "--timeout", "100ms"], 124),
        (&["not an id"], 2),
    ] {
        let command = ["--", "echo", "ran"];
        let arguments: Vec<_> = arguments.iter().chain(&command).copied().collect();
        assert!(!Watch::wait(&plane, &arguments).run().expect(code).stdout.contains("ran"));
    }
}

#[test]
fn command_that_cannot_run_has_the_codes_of_shells() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let folder = Folder::new();
    let no_program = folder.write("data", "no program");
    for (command, code) in
        [("/nonexistent/command", 127), ("surely-not-in-the-path", 127), (&*no_program, 126)]
    {
        let done = Watch::wait(&plane, &["rj-1", "--", command]).run().expect(code);
        assert_eq!(done.logged(&format!("cannot run {command}")).stdout, "");
    }
    assert_eq!(plane.count(), 0, "a wait of hours for a command that is not there asks nothing");
}
