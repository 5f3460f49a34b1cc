//! `wait --all-pending`: every unfinished restore on the list.

use crate::support::{Watch, done, play};

const GRACE: [&str; 3] = ["--all-pending", "--not-found-grace", "1s"];

#[test]
fn all_pending_includes_restores_that_begin_meanwhile() {
    let plane = play(&format!(
        "{}[[job]]\nid = \"one\"\ntakes = \"1s\"\n[[job]]\nid = \"two\"\nappears = \"700ms\"\ntakes = \"1500ms\"",
        done(&[("old", "completed"), ("bad", "failed")])
    ));
    let ended = pending(&plane, &["--output", "json"]).run().expect(0);
    let report = ended.json();
    let jobs: Vec<_> = report["jobs"].as_array().unwrap().iter().map(|job| &job["job"]["id"]).collect();
    assert_eq!(jobs, ["one", "two"], "{report}");
    assert_eq!(report["outcome"], "met");
}

#[test]
fn failed_restore_makes_the_exit_code_1() {
    let plane = play(
        "[[job]]\nid = \"a\"\ntakes = \"300ms\"\nends = \"failed\"\n[[job]]\nid = \"b\"\ntakes = \"500ms\"",
    );
    pending(&plane, &[]).run().expect(1);
    let plane = play("[[job]]\nid = \"a\"\ntakes = \"300ms\"\nends = \"failed\"\n[[job]]\nid = \"b\"\n");
    pending(&plane, &["--fail-fast"]).run().expect(1);
}

#[test]
fn nothing_pending_is_reported_once_it_is_certain() {
    let plane = play(&done(&[("old", "completed")]));
    let ended = pending(&plane, &["--heartbeat", "200ms"]).run().expect(0);
    assert_eq!(ended.stdout, "no unfinished restores\n");
    let line = " looking for unfinished restores ... (the list may lag; 1s more)\n";
    assert!(ended.stderr.contains(line), "{}", ended.stderr);
    assert!(ended.took.as_secs_f64() >= 1.0, "a restore that has just begun may be missing from the list");
    assert!((2..=4).contains(&plane.count()), "{}", plane.count());
}

#[test]
fn restore_not_on_the_list_yet_is_found() {
    let plane = play("[list]\ndelay_visibility = \"500ms\"\n[[job]]\nid = \"new\"\ntakes = \"1s\"");
    let ended = pending(&plane, &[]).run().expect(0);
    assert!(ended.stdout.starts_with("completed  ") && ended.stdout.contains("  new  "), "{}", ended.stdout);
}

#[test]
fn index_option_selects_by_pattern() {
    let jobs = ["prod-a", "prod-b-tmp", "scratch"];
    let jobs = jobs.map(|name| format!("[[job]]\nid = \"{name}\"\nindex = \"{name}\"\ntakes = \"200ms\"\n"));
    let plane = play(&jobs.concat());
    let ended = pending(&plane, &["--index", "prod-*", "--exclude-index", "*-tmp"]).run().expect(0);
    assert!(ended.stdout.starts_with("completed  prod-a  ") && ended.stdout.lines().count() == 2);
}

#[test]
fn index_without_an_unfinished_restore_is_not_found() {
    let plane =
        play("[[job]]\nid = \"a\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"1m\"\nends = \"failed\"\n");
    let wait = |arguments: &[&str]| {
        Watch::wait(&plane, &[arguments, &["--not-found-grace", "300ms"]].concat()).run()
    };

    let done = wait(&["--index", "docs"]).expect(3);
    assert!(done.stdout.starts_with("no restores found, in "), "{}", done.stdout);
    done.logged("`restore-watch list --index docs` shows those that have ended");
    assert_eq!(wait(&["--all-pending", "--index", "docs"]).expect(0).stdout, "no unfinished restores\n");
}

#[test]
fn index_option_alone_waits_for_its_restores() {
    let plane = play(
        "[[job]]\nid = \"a\"\nindex = \"docs\"\ntakes = \"200ms\"\n\
         [[job]]\nid = \"b\"\nindex = \"orders\"\n[[job]]\nid = \"c\"\nindex = \"other\"\ntakes = \"200ms\"",
    );
    let of_index = Watch::wait(&plane, &["--index", "docs", "--not-found-grace", "1s"]).run().expect(0);
    assert!(of_index.stdout.contains(" a ") && !of_index.stdout.contains(" c "), "{}", of_index.stdout);

    let with_id = Watch::wait(&plane, &["c", "--index", "docs", "--not-found-grace", "1s"]).run().expect(0);
    assert!(with_id.stdout.contains(" c "), "{}", with_id.stdout);
}

#[test]
fn timeout_before_certainty_is_no_success() {
    let plane = play(&done(&[("old", "completed")]));
    let ended = Watch::wait(&plane, &["--all-pending", "--timeout", "300ms"]).run().expect(124);
    assert!(ended.stdout.starts_with("no restores found, timed out after "), "{}", ended.stdout);
    assert!(ended.stderr.contains("to go on: restore-watch wait --all-pending --timeout 300ms"));
    let plane = play("[[job]]\nid = \"open\"");
    let ended = Watch::wait(&plane, &["--all-pending", "--timeout", "1s"]).run().expect(124);
    assert!(ended.stdout.starts_with("Pending  ") && ended.stdout.contains("  open  "), "{}", ended.stdout);
    // The hint names the known jobs by id, because they may have ended by the next wait.
    assert!(ended.stderr.contains("to go on: restore-watch wait open --all-pending --timeout 1s"));
}

#[test]
fn unreadable_list_sets_the_exit_code_and_is_reported() {
    let plane = play("forbidden = true");
    pending(&plane, &[]).run().expect(4);
    let plane = play("[[fault]]\nkind = \"status\"\nstatus = 500");
    let ended = pending(&plane, &["--unreachable-after", "500ms"]).run().expect(5);
    assert!(ended.stdout.starts_with("the restores cannot be listed: HTTP 500"), "{}", ended.stdout);
}

#[test]
fn ends_during_a_list_outage_are_reported_as_they_were() {
    // The first answer of the list is unusable.
    let plane = play(
        "[[fault]]\nendpoint = \"list\"\nkind = \"status\"\nstatus = 503\nrequests = [1]\n\
         [[job]]\nid = \"j\"\ntakes = \"2s\"\nends = \"failed\"",
    );
    let ended = pending(&plane, &[]).run().expect(1);
    assert!(ended.stdout.starts_with("failed  ") && ended.stdout.contains("  j  "), "{}", ended.stdout);
}

#[test]
fn throttled_list_takes_nothing_from_a_wait() {
    let plane = play(
        "[[fault]]\nendpoint = \"list\"\nkind = \"status\"\nstatus = 429\nretry_after = \"1h\"\n\
         [[job]]\nid = \"j\"\ntakes = \"1s\"",
    );
    let ended = Watch::wait(&plane, &["j"]).run().expect(0);
    assert!(ended.took.as_secs_f64() < 10.0);
}

/// A wait for all unfinished restores of a control plane, with these options.
fn pending(plane: &restore_watch::simulate::Simulator, options: &[&str]) -> Watch {
    Watch::wait(plane, &[&GRACE[..], options].concat())
}
