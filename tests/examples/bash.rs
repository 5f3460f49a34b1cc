//! `restore.sh`

use crate::stage::{RESTORE, ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed};
use crate::support::Watch;

#[test]
fn completed_restore_switches_traffic() {
    let stage = stage(completes());
    let done = script(&stage).run().expect(0);
    assert!(done.stdout.contains("ready  docs  rj-1"), "{}", done.stdout);
    assert_eq!(stage.calls(), [RESTORE, SWITCH]);
    assert!(stage.has_seen_it_serve());
    // A second run starts no second restore.
    script(&stage).run().expect(0);
    assert_eq!(stage.calls(), [RESTORE, SWITCH, SWITCH]);
}

#[test]
fn failed_restore_rolls_back() {
    let stage = stage(failed());
    script(&stage)
        .run()
        .expect(1)
        .logged("the restore failed or was cancelled, or its index does not serve: rolling back");
    assert_eq!(stage.calls(), [RESTORE, ROLL_BACK]);
}

#[test]
fn retry_after_a_timeout_continues_the_same_restore() {
    let mut stage = stage(endless());
    script(&stage).env("TIMEOUT", "300ms").run().expect(124).logged("Run this again to go on waiting");
    assert_eq!(stage.calls(), [RESTORE]);
    stage.turn_to(completed());
    script(&stage).run().expect(0);
    assert_eq!(stage.calls(), [RESTORE, SWITCH]);
}

#[test]
fn failed_switch_is_rolled_back() {
    let stage = stage(completed());
    stage.script("switch-traffic.sh", "exit 9");
    script(&stage).run().expect(9);
    assert_eq!(stage.calls(), [RESTORE, SWITCH, ROLL_BACK]);
}

#[test]
fn restore_that_cannot_start_is_not_remembered() {
    let stage = stage(completed());
    for then in ["echo '{ \"error\": \"quota\" }'; exit 1", "echo '{}'", "exit 127"] {
        stage.script("bin/pc", then);
        script(&stage).run().expect(69).logged("no restore was started, as far as pc says");
    }
    assert_eq!((stage.calls(), stage.polls()), (vec![RESTORE.to_owned(); 3], 0));
    assert!(!stage.path("docs.b-1.json").exists() && !stage.path("docs.b-1.json.new").exists());
}

#[test]
fn inconclusive_exit_codes_touch_nothing() {
    let stage = stage(completed());
    script(&stage).env("TIMEOUT", "soon").run().expect(2).logged("restore-watch could not wait (2)");
    let elsewhere = script(&stage).env("PINECONE_CONTROLLER_HOST", "ftp://127.0.0.1");
    elsewhere.run().expect(78).logged("restore-watch could not wait (78)");
    assert_eq!((stage.calls(), stage.polls()), (vec![RESTORE.to_owned()], 0));
}

#[test]
fn each_exit_code_is_handled() {
    for (code, said, calls) in [
        (0, "", &[SWITCH][..]),
        (1, "rolling back", &[ROLL_BACK]),
        (2, "could not wait (2)", &[]),
        (3, "the outcome of the restore is unknown", &[]),
        (4, "another PINECONE_API_KEY", &[]),
        (5, "Run this again later", &[]),
        (6, "the outcome of the restore is unknown", &[]),
        (70, "could not wait (70)", &[]),
        (78, "could not wait (78)", &[]),
        (124, "to go on waiting", &[]),
        (130, "to go on waiting", &[]),
        (143, "to go on waiting", &[]),
    ] {
        let stage = stage(completed());
        stage.script("bin/restore-watch", &format!("exit {code}"));
        // Through another shell, because exit code 70 fails [`Done`](crate::support::Done)
        // otherwise.
        let line = "./restore.sh b-1 docs; echo \"ended with $?\"";
        let ran = stage.program(&["bash", "-c", line]).run().expect(0).logged(said);
        assert_eq!(ran.stdout, format!("ended with {code}\n"));
        let wait = "restore-watch wait --from-file docs.b-1.json --until ready --timeout 2h";
        assert_eq!(stage.calls(), [&[RESTORE, wait], calls].concat(), "{code}");
    }
}

#[test]
fn signal_to_the_script_ends_the_wait_with_a_report() {
    for signal in ["TERM", "INT", "HUP"] {
        let stage = stage(endless());
        let mut running = script(&stage).start();
        running.until_logged("watching restore rj-1 into index docs");
        running.signal(signal);
        let done = running.finish().expect(143).logged("the restore goes on, unwatched");
        assert!(done.stdout.starts_with("Pending  docs  rj-1"), "{}", done.stdout);
        assert_eq!(stage.calls(), [RESTORE]);
    }
}

#[test]
fn second_run_at_once_gives_way() {
    let stage = stage(endless());
    let mut first = script(&stage).start();
    first.until_logged("watching restore rj-1");
    script(&stage).run().expect(75).logged("another restore.sh is running for docs");
    first.signal("TERM");
    first.finish().expect(143);
    assert_eq!(stage.calls(), [RESTORE]);
}

#[test]
fn missing_arguments_are_named() {
    let stage = stage(completed());
    stage.program(&["./restore.sh"]).run().expect(1).logged("the id of the backup is missing");
    stage
        .program(&["./restore.sh", "b-1"])
        .run()
        .expect(1)
        .logged("the name of the index to make is missing");
    assert!(stage.calls().is_empty());
}

fn stage(plane: restore_watch::simulate::Simulator) -> Stage {
    Stage::new("restore.sh", plane)
}

fn script(stage: &Stage) -> Watch {
    stage.program(&["./restore.sh", "b-1", "docs"])
}
