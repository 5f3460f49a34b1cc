//! A request whose answer is lost: it is not sent again, and the restore is looked for.

use crate::stage::{NEWER, SOON, Stage};

/// What happens to the answer after the request took effect.
const LOSSES: [&str; 8] = [
    "kind = \"drop\"",
    "kind = \"reset\"",
    "kind = \"hang\"",
    "kind = \"status\"\nstatus = 500",
    "kind = \"status\"\nstatus = 503\nretry_after = \"1s\"",
    "kind = \"truncated\"",
    "kind = \"html\"",
    "kind = \"wrong_type\"",
];

/// The answer to the first request that starts a restore is lost in this way.
fn losing(loss: &str, further: &str) -> Stage {
    let scenario = format!("{further}{SOON}[[fault]]\nendpoint = \"create\"\nfirst = 1\n{loss}\n");
    Stage::with_request_timeout(&scenario, "500ms")
}

#[test]
fn accepted_restore_is_found_by_the_list() {
    for loss in LOSSES {
        let stage = losing(loss, "");
        let done = stage
            .run(&[])
            .expect(0)
            .logged("; the restore may have been started: looking for it, for 1m 00s at most");
        let done = done.logged("found restore rj-1 of backup b-1 into index docs, which was started before");
        assert!(done.stdout.starts_with("completed  docs  rj-1  "), "{loss}: {}", done.stdout);
        assert_eq!(stage.posts().len(), 1, "{loss}");
    }
}

#[test]
fn accepted_restore_is_found_by_its_index() {
    for loss in LOSSES {
        // No start is known, so that only the source of the index shows whose it is.
        let stage = losing(loss, NEWER);
        let done = stage.run(&["--json"]).expect(0);
        assert_eq!(done.json_lines()[0]["restore_job_id"], "rj-1", "{loss}");
        assert_eq!(stage.posts().len(), 1, "{loss}");
    }
}

#[test]
fn source_of_the_index_is_enough_without_a_start() {
    let scenario = "[restore]\nid = \"rj-1\"\ntakes = \"300ms\"\ncreated_at = \"null\"\n\
                    [[fault]]\nendpoint = \"create\"\nfirst = 1\nkind = \"drop\"\n";

    let newer = Stage::new(&format!("{NEWER}{scenario}"));
    newer.run(&[]).expect(0);
    assert_eq!(newer.posts().len(), 1);

    let older = Stage::new(scenario);
    older.run(&["--not-found-grace", "300ms"]).expect(7);
    assert_eq!(older.posts().len(), 1);
}

#[test]
fn restore_that_is_listed_late_is_waited_for() {
    let stage = losing("kind = \"drop\"", "[list]\ndelay_visibility = \"1s\"\n");

    stage.run(&[]).expect(0);

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn nothing_certain_is_7_and_says_where_to_look() {
    for loss in LOSSES {
        let stage = losing(&format!("accepted = false\n{loss}"), "");
        let done = stage.run(&["--not-found-grace", "300ms", "--", "echo", "ran"]).expect(7);

        let said = "error: it is not known whether the restore of backup b-1 into index docs was started: ";
        let done = done.logged(said).logged("`restore-watch list --index docs --config ");
        done.logged("if one is of this backup: restore-watch wait JOB_ID --not-found-grace 300ms --config ");
        assert_eq!(stage.posts().len(), 1, "{loss}");
        assert!(stage.plane.requests().iter().any(|request| request.path == "/indexes/docs"), "{loss}");
    }
}

#[test]
fn older_restore_of_the_backup_is_not_taken() {
    // Its index was deleted; the request made nothing.
    let stage = losing(
        "accepted = false\nkind = \"drop\"",
        "[[job]]\nid = \"rj-old\"\nbackup_id = \"b-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"1m\"\n\
         [[index]]\nname = \"docs\"\nvanishes = \"1ms\"\n",
    );

    stage.run(&["--not-found-grace", "300ms"]).expect(7);

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn older_restore_is_not_taken_for_the_source_of_the_index() {
    let older = "[[job]]\nid = \"rj-old\"\nbackup_id = \"b-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"1m\"\n\
                 [[index]]\nname = \"docs\"\nsource_backup_id = \"b-1\"\n";
    let stage = losing("accepted = false\nkind = \"drop\"", &format!("{NEWER}{older}"));

    stage.run(&["--not-found-grace", "300ms"]).expect(7);

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn request_after_a_pause_is_not_repeated_either() {
    // The second one goes over a connection that was used before.
    let stage = Stage::new(&format!(
        "{SOON}[[fault]]\nendpoint = \"create\"\nrequests = [1]\nkind = \"status\"\nstatus = 429\n\
         [[fault]]\nendpoint = \"create\"\nrequests = [2]\nkind = \"reset\"\n"
    ));

    stage.run(&[]).expect(0).logged("the restore may have been started");

    assert_eq!(stage.posts().iter().map(|post| post.answered).collect::<Vec<_>>(), [Some(429), None]);
}

#[test]
fn search_that_fails_says_why() {
    let outage = "[[fault]]\nkind = \"status\"\nstatus = 503\naccepted = true\n";
    let stage = Stage::new(&format!("{SOON}{outage}"));

    let done =
        stage.run(&["--unreachable-after", "1s"]).expect(7).logged("the search for it failed: HTTP 503");

    assert_eq!(stage.posts().len(), 1, "{}", done.stderr);
}

#[test]
fn search_outlasts_an_outage() {
    let outage = "[[fault]]\nkind = \"status\"\nstatus = 503\nto = \"1500ms\"\n";
    let stage = Stage::new(&format!("{SOON}{outage}"));

    stage.run(&["--not-found-grace", "0"]).expect(0);

    assert_eq!(stage.posts().len(), 1);
}
