//! `--wait-backup`: a backup that is not ready is waited for.

use crate::stage::{SOON, Stage};

#[test]
fn backup_is_restored_when_it_is_ready() {
    let stage = Stage::new(&format!("{SOON}[[backup]]\nid = \"b-1\"\nready_after = \"1500ms\"\n"));

    stage.run(&["--wait-backup"]).expect(0).logged("backup b-1 is Initializing; waiting until it is ready");

    assert_eq!(stage.posts().iter().map(|post| post.answered).collect::<Vec<_>>(), [Some(202)]);
}

#[test]
fn backup_that_is_refused_once_more_is_asked_for_again() {
    let refusal = "[[fault]]\nendpoint = \"create\"\nfirst = 1\nkind = \"status\"\nstatus = 412\n";
    let stage = Stage::new(&format!("{SOON}{refusal}"));

    stage.run(&["--wait-backup"]).expect(0);

    assert_eq!(stage.posts().iter().map(|post| post.answered).collect::<Vec<_>>(), [Some(412), Some(202)]);
}

#[test]
fn backup_that_is_never_ready_ends_the_command() {
    for (backup, limits, code, said) in [
        ("id = \"b-1\"\nstatus = \"InitializationFailed\"", &[][..], 1, "the backup is InitializationFailed"),
        ("id = \"b-1\"\nready_after = \"1h\"", &["--timeout", "1s"], 124, "the backup is Initializing"),
        ("id = \"b-2\"", &["--not-found-grace", "300ms"], 3, "HTTP 404: Backup b-1 not found"),
    ] {
        let stage = Stage::new(&format!("[[backup]]\n{backup}"));
        let further = [&["--wait-backup"], limits].concat();
        stage.run(&further).expect(code).logged(said).logged("nothing was started");
        assert!(stage.posts().is_empty(), "{said}");
    }
}

#[test]
fn outage_does_not_end_the_wait_for_a_backup() {
    let outage = "[[fault]]\nendpoint = \"backup\"\nfirst = 1\nkind = \"status\"\nstatus = 503\n";
    let stage = Stage::new(&format!("{SOON}{outage}"));
    stage.run(&["--wait-backup"]).expect(0);
    assert_eq!(stage.posts().len(), 1);

    let stage = Stage::new(&outage.replace("first = 1\n", ""));
    stage.run(&["--wait-backup", "--unreachable-after", "2s"]).expect(5).logged("HTTP 503");
    assert!(stage.posts().is_empty());
}

#[test]
fn refused_key_ends_the_wait_for_a_backup() {
    let stage = Stage::new("[[fault]]\nendpoint = \"backup\"\nkind = \"status\"\nstatus = 403\n");

    stage.run(&["--wait-backup"]).expect(4);

    assert!(stage.posts().is_empty());
}
