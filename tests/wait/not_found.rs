//! Ids that the API does not know: what the wait says about them.

use crate::support::{Watch, play};

const JOBS: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\n[[job]]\nid = \"rj-2\"\nindex = \"orders\"\n";

#[test]
fn unknown_id_is_said_at_once_and_waited_for() {
    let plane = play(JOBS);
    let mut waiting = Watch::wait(&plane, &["nope"]).start();
    waiting.until_logged(" WARN restore job nope is not found; retrying, gives up in 1m\n");
    waiting.until_logged("  help: is the id right, and is the key that of the project it was started in?");
    waiting.until_logged("`restore-watch list` shows the 2 restore jobs that this key sees");
    let of_list = plane.requests().into_iter().filter(|request| request.path.contains("limit="));
    assert_eq!(of_list.count(), 1);
}

#[test]
fn name_of_an_index_leads_to_its_restore() {
    let plane = play(JOBS);
    let done = Watch::wait(&plane, &["docs", "--not-found-grace", "500ms"]).run().expect(3);
    let hint = "\n  help: docs is an index; its newest restore is rj-1 (Pending): restore-watch wait rj-1\n";
    let done = done.logged(&format!("restore job docs is not found; retrying, gives up in 500ms{hint}"));
    assert!(done.stderr.ends_with(hint), "{}", done.stderr);
}

#[test]
fn list_that_cannot_be_read_leaves_the_advice() {
    let fault = "[[fault]]\nendpoint = \"list\"\nkind = \"status\"\nstatus = 500";
    let plane = play(&format!("{JOBS}{fault}"));
    let done = Watch::wait(&plane, &["nope", "--not-found-grace", "500ms"]).run().expect(3);
    done.logged("`restore-watch list` shows the restore jobs that this key sees");
}

#[test]
fn job_that_was_seen_gets_no_such_advice() {
    let requests: Vec<_> = (2..500).collect();
    let lost = format!(
        "[[fault]]\njob = \"rj-1\"\nendpoint = \"describe\"\nrequests = {requests:?}\nkind = \"status\"\nstatus = 404"
    );
    let plane = play(&format!("{JOBS}{lost}"));
    let done = Watch::wait(&plane, &["rj-1", "--unreachable-after", "500ms"]).run().expect(3);
    assert!(!done.stderr.contains("help:"), "{}", done.stderr);
}

#[test]
fn explain_knows_the_names_of_indexes() {
    let plane = play(JOBS);
    let done = Watch::new(["explain", "docs"]).on(&plane).run().expect(0);
    assert!(done.stdout.contains("help: docs is an index; its newest restore is rj-1"), "{}", done.stdout);
}
