//! A wait that ends before its jobs prints a command with which to go on.

use std::time::Duration;

use crate::support::{Folder, KEY, Watch, done, fast, play};

const OPEN: &str = "[[job]]\nid = \"rj-1\"\n";

#[test]
fn hint_waits_for_the_same_jobs() {
    let plane = play(&format!("{OPEN}[[job]]\nid = \"rj-2\"\n{}", done(&[("over", "completed")])));
    let bounds = "--min-interval 20ms --max-interval 100ms";

    for (arguments, wanted) in [
        (&["rj-1"][..], "rj-1 --timeout 300ms"),
        (&["rj-1", "over", "rj-2"], "rj-1 rj-2 --timeout 300ms"),
        (&["rj-1", "--until", "ready"], "rj-1 --until ready --timeout 300ms"),
        (&["rj-1", "rj-2", "--any"], "rj-1 rj-2 --any --timeout 300ms"),
        (&["rj-1", "over", "--fail-fast"], "rj-1 --fail-fast --timeout 300ms"),
        (
            &["rj-1", "--not-found-grace", "90s", "--unreachable-after", "1h"],
            "rj-1 --timeout 300ms --not-found-grace 1m30s --unreachable-after 1h",
        ),
        // Options that may hold secrets are left out.
        (&["rj-1", "--", "echo", "secret"], "rj-1 --timeout 300ms"),
    ] {
        let arguments: Vec<_> = ["--timeout", "300ms"].iter().chain(arguments).copied().collect();
        let done = Watch::wait(&plane, &arguments).run().expect(124);
        assert_eq!(hint(&done.stderr), format!("restore-watch wait {wanted} {bounds}"));
    }
}

#[test]
#[cfg(feature = "desktop")]
fn hint_keeps_how_the_end_is_shown_without_a_secret() {
    let plane = play(OPEN);
    let arguments = ["rj-1", "--desktop", "--timeout", "300ms", "--webhook", "http://127.0.0.1:9/secret"];

    let done = Watch::wait(&plane, &arguments).run().expect(124);

    let command = hint(&done.stderr).lines().next().unwrap();
    assert!(command.starts_with("restore-watch wait rj-1 --desktop --timeout 300ms "), "{command}");
    assert!(command.ends_with(" --webhook \"$WEBHOOK_URL\""), "{command}");
    assert!(!done.stderr.contains("/secret"), "{}", done.stderr);
}

#[test]
fn report_has_the_hint_if_jobs_are_unfinished() {
    let plane = play(&format!("{OPEN}{}", done(&[("over", "failed")])));
    let resume = |arguments: &[&str], code| {
        let arguments: Vec<_> = arguments.iter().chain(&["--output", "json"]).copied().collect();
        let ended = Watch::wait(&plane, &arguments).run().expect(code);
        ended.json()["resume"].clone()
    };
    let command = resume(&["rj-1", "over", "--timeout", "300ms"], 1);
    assert!(command.as_str().unwrap().starts_with("restore-watch wait rj-1 --timeout 300ms "), "{command}");
    assert!(resume(&["over", "--timeout", "300ms"], 1).is_null());
    assert!(resume(&["rj-1", "over", "--fail-fast"], 1).is_null());
}

#[test]
fn hint_is_a_command_that_works() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let endless = play(OPEN);
    let folder = Folder::new();
    let project = |name: &str, plane| {
        format!("[[project]]\nname = \"{name}\"\njobs = []\n{}", fast(plane).replace('[', "[project."))
    };
    let text = |one| format!("{}{}", project("one", one), project("two", &plane));
    let config = folder.write("it's a config.toml", text(&endless));
    let arguments = ["wait", "--config", &config, "--project", "one", "rj-1", "--timeout", "300ms"];

    let ended = Watch::new(arguments).env("PINECONE_API_KEY", KEY).run().expect(124);
    folder.write("it's a config.toml", text(&plane));
    let program = env!("CARGO_BIN_EXE_restore-watch");
    let line = hint(&ended.stderr).replacen("restore-watch", program, 1);
    Watch::program(&["sh", "-c", &line]).env("PINECONE_API_KEY", KEY).run().expect(0);
}

#[test]
fn hint_is_printed_after_a_signal() {
    let plane = play(OPEN);
    let mut wait = Watch::wait(&plane, &["rj-1", "--until", "ready"]).start();
    wait.until_logged("watching restore rj-1");
    wait.signal("TERM");
    let done = wait.finish().expect(143);
    done.logged("restore-watch: to go on: restore-watch wait rj-1 --until ready ");
}

#[test]
fn timeout_bounds_the_whole_wait() {
    let plane = play("[[job]]\nid = \"rj\"\ncount = 4\n");
    let done = Watch::wait(&plane, &["rj-1", "rj-2", "rj-3", "rj-4", "--timeout", "2s"]).run().expect(124);
    // The final poll may take two seconds at this rate; the rest is for a busy machine.
    assert!(done.took < Duration::from_secs(7), "{:?}", done.took);
    assert_eq!(done.stdout.lines().count(), 5, "{}", done.stdout);
}

#[test]
fn deleted_job_is_lost_and_does_not_hold_the_wait() {
    let plane = play("[[job]]\nid = \"rj-1\"\nvanishes = \"1s\"\n");
    let done = Watch::wait(&plane, &["rj-1", "--unreachable-after", "500ms"]).run().expect(3);
    done.logged("restore rj-1 into index ").logged("can no longer be found: HTTP 404");
}

#[test]
fn hint_passes_ids_that_look_like_options_on_stdin() {
    let plane = play("[[job]]\nid = \"-x\"\n[[job]]\nid = \"it's\"\n");
    let done = Watch::wait(&plane, &["-", "--timeout", "300ms"]).stdin("-x\nit's\n").run().expect(124);
    let command = "printf '%s\\n' -x 'it'\\''s' | restore-watch wait - --timeout 300ms ";
    assert!(hint(&done.stderr).starts_with(command), "{}", done.stderr);
}

/// The command after `to go on: `.
fn hint(stderr: &str) -> &str {
    let (_, hint) = stderr.split_once("to go on: ").unwrap_or_else(|| panic!("no hint: {stderr}"));
    hint.trim_end()
}
