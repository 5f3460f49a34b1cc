//! `restore.sh`

use restore_watch::simulate::Simulator;

use crate::stage::{
    ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, refusing, restored_before,
};
use crate::support::Watch;

#[test]
fn completed_restore_switches_traffic() {
    let stage = stage(completes());
    let done = script(&stage).run().expect(0);
    assert!(done.stdout.contains("ready  docs  rj-1"), "{}", done.stdout);
    assert_eq!((stage.calls(), stage.starts()), (vec![SWITCH.to_owned()], vec![202]));
    assert!(stage.has_seen_it_serve());
    // A second run starts no second restore.
    script(&stage).run().expect(0);
    assert_eq!(stage.calls(), [SWITCH, SWITCH]);
    assert_eq!(stage.starts(), [202, 409]);
}

#[test]
fn failed_restore_rolls_back() {
    let stage = stage(failed());
    script(&stage).run().expect(1);
    assert_eq!((stage.calls(), stage.starts()), (vec![ROLL_BACK.to_owned()], vec![202]));
}

#[test]
fn retry_after_a_timeout_continues_the_same_restore() {
    let mut stage = stage(endless());
    script(&stage).env("TIMEOUT", "300ms").run().expect(124).logged("nothing was switched. Run this again");
    assert_eq!((stage.calls(), stage.starts()), (Vec::<String>::new(), vec![202]));
    stage.turn_to(restored_before());
    script(&stage).run().expect(0);
    assert_eq!((stage.calls(), stage.starts()), (vec![SWITCH.to_owned()], vec![409]));
}

#[test]
fn failed_switch_is_rolled_back() {
    let stage = stage(completed());
    stage.script("switch-traffic.sh", "exit 9");
    script(&stage).run().expect(9);
    assert_eq!(stage.calls(), [SWITCH, ROLL_BACK]);
}

#[test]
fn restore_that_is_refused_rolls_back() {
    let stage = stage(refusing());
    script(&stage).run().expect(1).logged("HTTP 412");
    assert_eq!((stage.calls(), stage.starts()), (vec![ROLL_BACK.to_owned()], vec![412]));
}

#[test]
fn inconclusive_exit_codes_touch_nothing() {
    let stage = stage(completed());
    script(&stage).env("TIMEOUT", "soon").run().expect(2).logged("nothing was switched; see above");
    let elsewhere = script(&stage).env("PINECONE_CONTROLLER_HOST", "ftp://127.0.0.1");
    elsewhere.run().expect(78).logged("nothing was switched; see above");
    assert_eq!((stage.calls(), stage.polls()), (Vec::<String>::new(), 0));
}

#[test]
fn each_exit_code_is_handled() {
    for (code, said, calls) in [
        (0, "", &[SWITCH][..]),
        (1, "", &[ROLL_BACK]),
        (2, "see above", &[]),
        (3, "see above", &[]),
        (4, "see above", &[]),
        (5, "Run this again", &[]),
        (6, "see above", &[]),
        (7, "see above", &[]),
        (70, "see above", &[]),
        (78, "see above", &[]),
        (124, "Run this again", &[]),
        (130, "Run this again", &[]),
        (143, "Run this again", &[]),
    ] {
        let stage = stage(completed());
        stage.script("bin/restore-watch", &format!("exit {code}"));
        // Through another shell, because exit code 70 fails [`Done`](crate::support::Done)
        // otherwise.
        let line = "./restore.sh b-1 docs; echo \"ended with $?\"";
        let ran = stage.program(&["bash", "-c", line]).run().expect(0).logged(said);
        assert_eq!(ran.stdout, format!("ended with {code}\n"));
        let restore = "restore-watch restore b-1 --name docs --until ready --timeout 2h";
        assert_eq!(stage.calls(), [&[restore], calls].concat(), "{code}");
    }
}

#[test]
fn signal_to_the_script_ends_the_wait_with_a_report() {
    for signal in ["TERM", "INT", "HUP"] {
        let stage = stage(endless());
        let mut running = script(&stage).start();
        running.until_logged("watching restore rj-1 into index docs");
        running.signal(signal);
        let done = running.finish().expect(143).logged("the restore goes on unwatched");
        assert!(done.stdout.starts_with("Pending  docs  rj-1"), "{}", done.stdout);
        assert_eq!((stage.calls(), stage.starts()), (Vec::<String>::new(), vec![202]));
    }
}

#[test]
fn two_runs_at_once_share_one_restore() {
    let stage = stage(completes());
    let both = [script(&stage).start(), script(&stage).start()];
    for running in both {
        running.finish().expect(0);
    }
    let mut starts = stage.starts();
    starts.sort_unstable();
    assert_eq!((stage.calls().len(), starts), (2, vec![202, 409]));
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
    assert!(stage.calls().is_empty() && stage.polls() == 0);
}

fn stage(plane: Simulator) -> Stage {
    Stage::new("restore.sh", plane)
}

fn script(stage: &Stage) -> Watch {
    stage.program(&["./restore.sh", "b-1", "docs"])
}
