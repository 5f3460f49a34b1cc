//! The files that GitHub Actions gives to a step.

use std::time::Duration;

use super::Step;
use crate::support::{Running, done, play};

#[test]
fn unwritable_ci_file_changes_no_exit_code() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    for (job, code) in [("rj-1", 0), ("rj-2", 1)] {
        let step = Step::new();
        let wait = step.wait(&plane, &[job]);
        let done = wait.env_remove("GITHUB_OUTPUT").env("GITHUB_STEP_SUMMARY", "/proc/none/summary").run();
        let done =
            done.expect(code).logged("restore-watch: warning: the job summary could not be written to ");
        done.logged("warning: the outputs could not be written to $GITHUB_OUTPUT: it is not set");
        // The other file is written all the same.
        let step = Step::new();
        step.wait(&plane, &[job]).env("GITHUB_STEP_SUMMARY", "/dev/full").run().expect(code);
        assert_eq!(step.outputs()["exit_code"], code.to_string());
    }
}

#[test]
fn ci_file_without_a_reader_does_not_hold_up_the_wait() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let step = Step::new();
    let pipe = step.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();

    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let start = || step.wait(&plane, &["rj-1"]).env("GITHUB_OUTPUT", &pipe).start();

    let patient: Running = start();
    let mut interrupted = start();
    interrupted.until_logged("::notice");
    interrupted.signal("TERM");

    assert!(interrupted.finish().expect(143).took < Duration::from_secs(2));
    let done = patient.finish().expect(0).logged("the outputs took too long to be written");

    assert!(done.stdout.starts_with("completed  "), "{}", done.stdout);
}

#[test]
fn command_of_a_wait_sees_the_ci_files() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let step = Step::new();
    let wait = step.wait(&plane, &["rj-1", "--", "sh", "-c", "cat \"$GITHUB_OUTPUT\""]);
    let done = wait.run().expect(0);
    assert!(done.stdout.contains("\noutcome<<ghadelimiter_"), "{}", done.stdout);
}
