//! The same command again: an index of that name exists.

use crate::stage::{NEWER, SOON, Stage};

/// An earlier restore of this backup into `docs`, which is soon over.
fn earlier(backup: &str) -> String {
    format!(
        "[[job]]\nid = \"rj-0\"\nbackup_id = \"{backup}\"\nindex = \"docs\"\nage = \"1m\"\ntakes = \"61s\"\n"
    )
}

#[test]
fn index_of_the_same_backup_is_waited_for() {
    for answers in ["", NEWER] {
        let stage = Stage::new(&format!("{answers}{}", earlier("b-1")));
        let done = stage.run(&[]).expect(0).logged("there is an index docs already (HTTP 409: ");
        let done = done.logged("found restore rj-0 of backup b-1 into index docs");
        assert!(done.stdout.starts_with("completed  docs  rj-0  "), "{}", done.stdout);
        assert_eq!(stage.posts().len(), 1);
    }
}

#[test]
fn index_of_another_backup_is_1_and_named() {
    for answers in ["", NEWER] {
        let stage = Stage::new(&format!("{answers}{}", earlier("b-2")));
        let done = stage.run(&["--", "echo", "ran"]).expect(1);
        let done = done.logged("there is an index docs already, made of backup b-2; nothing was started");
        assert_eq!((stage.posts().len(), done.stdout.as_str()), (1, ""));
    }
}

#[test]
fn index_of_no_backup_is_1_if_the_api_says_so() {
    let stage = Stage::new(&format!("{NEWER}[[index]]\nname = \"docs\"\n"));
    stage.run(&[]).expect(1).logged("there is an index docs already, made of no backup");

    let stage = Stage::new("[[index]]\nname = \"docs\"\n");
    stage.run(&["--not-found-grace", "300ms"]).expect(7);
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn index_without_a_listed_job_is_7() {
    let stage = Stage::new(&format!("{NEWER}[[index]]\nname = \"docs\"\nsource_backup_id = \"b-1\"\n"));

    let done = stage.run(&["--not-found-grace", "300ms"]).expect(7);

    done.logged("index docs is made of backup b-1, but its restore job is not listed");
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn old_restore_is_not_taken_if_its_index_is_gone_or_going() {
    let conflict = "[[fault]]\nendpoint = \"create\"\nkind = \"status\"\nstatus = 409\naccepted = false\n";
    for index in ["vanishes = \"1ms\"", "states = [{ at = \"0s\", state = \"Terminating\" }]"] {
        let stage = Stage::new(&format!("{conflict}{}[[index]]\nname = \"docs\"\n{index}\n", earlier("b-1")));
        stage.run(&["--not-found-grace", "300ms"]).expect(7);
        assert_eq!(stage.posts().len(), 1, "{index}");
    }
}

#[test]
fn old_failed_restore_did_not_make_the_index() {
    let failed = earlier("b-1").replace("takes = \"61s\"", "takes = \"1s\"\nends = \"failed\"");
    let stage = Stage::new(&format!("{failed}[[index]]\nname = \"docs\"\nready_after = \"0s\"\n"));

    stage.run(&["--not-found-grace", "300ms"]).expect(7);

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn killed_command_goes_on_with_the_same_restore() {
    for place in ["after_restore_request:1", "before_restore_is_announced:1"] {
        for answers in ["", NEWER] {
            let stage = Stage::new(&format!("{answers}{SOON}"));
            let killed = stage.restore(&["--json"]).env("RESTORE_WATCH_FAILPOINT", place).run();
            assert_eq!((killed.signal, killed.stdout.as_str()), (Some(9), ""), "nothing was printed");

            let done = stage.run(&["--json"]).expect(0);

            assert_eq!(done.json_lines()[0]["restore_job_id"], "rj-1");
            let answers: Vec<_> = stage.posts().iter().map(|post| post.answered).collect();
            assert_eq!(answers, [Some(202), Some(409)], "one was accepted");
        }
    }
}

#[test]
fn command_killed_before_the_request_starts_it_later() {
    let stage = Stage::new(SOON);
    let killed = stage.restore(&[]).env("RESTORE_WATCH_FAILPOINT", "before_restore_request:1").run();
    assert_eq!((killed.signal, stage.posts().len()), (Some(9), 0));

    stage.run(&[]).expect(0);

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn two_commands_at_once_share_one_restore() {
    let stage = Stage::new(SOON);

    let both = [stage.restore(&[]).start(), stage.restore(&[]).start()];

    for running in both {
        let done = running.finish().expect(0);
        assert!(done.stdout.starts_with("completed  docs  rj-1  "), "{}", done.stdout);
    }
    let accepted = stage.posts().iter().filter(|post| post.answered == Some(202)).count();
    assert_eq!((stage.posts().len(), accepted), (2, 1));
}
