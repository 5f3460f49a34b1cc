//! `Makefile`, run by GNU make.

use restore_watch::simulate::Simulator;

use crate::stage::{
    ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, is_there_for, refusing, restored_before,
};
use crate::support::Watch;

#[test]
fn completed_restore_switches_traffic() {
    let Some(stage) = stage(completes()) else { return };
    make(&stage, &[]).run().expect(0).logged("restore rj-1 into index docs completed after ");
    assert_eq!((stage.calls(), stage.starts()), (vec![SWITCH.to_owned()], vec![202]));
    assert!(stage.has_seen_it_serve());
    // A second run restores nothing.
    make(&stage, &[]).run().expect(0);
    assert_eq!((stage.calls().len(), stage.starts()), (2, vec![202, 409]));
}

#[test]
fn restore_runs_in_parallel_with_other_work() {
    let Some(stage) = stage(completes()) else { return };
    let done = make(&stage, &["-j2"]).run().expect(0).logged("watching restore rj-1 into index docs");
    let at = |text: &str| done.stdout.find(text).unwrap_or_else(|| panic!("{text}: {}", done.stdout));
    assert!(at("whatever can be done meanwhile") < at("ready  docs  rj-1"), "{}", done.stdout);
    assert_eq!(stage.calls(), [SWITCH]);
}

#[test]
fn failed_restore_rolls_back() {
    for options in [&[][..], &["-j2"]] {
        let Some(stage) = stage(failed()) else { return };
        make(&stage, options).run().expect(2).logged("Error 1");
        assert_eq!((stage.calls(), stage.starts()), (vec![ROLL_BACK.to_owned()], vec![202]));
    }
}

#[test]
fn retry_after_a_timeout_continues_the_same_restore() {
    let Some(mut stage) = stage(endless()) else { return };
    make(&stage, &["TIMEOUT=300ms"]).run().expect(2).logged("make the same again to go on with the restore");
    assert_eq!((stage.calls(), stage.starts()), (Vec::<String>::new(), vec![202]));
    stage.turn_to(restored_before());
    make(&stage, &[]).run().expect(0);
    assert_eq!((stage.calls(), stage.starts()), (vec![SWITCH.to_owned()], vec![409]));
}

#[test]
fn dry_run_does_nothing() {
    let Some(stage) = stage(completed()) else { return };
    let done = make(&stage, &["-n"]).run().expect(0);
    assert!(done.stdout.contains("restore-watch restore 'b-1' --name 'docs'"), "{}", done.stdout);
    assert!(stage.calls().is_empty() && stage.polls() == 0);
}

#[test]
fn without_a_restore_nothing_is_waited_for() {
    let Some(stage) = stage(refusing()) else { return };
    make(&stage, &[]).run().expect(2).logged("HTTP 412");
    assert_eq!((stage.polls(), stage.starts()), (1, vec![412]));
    for words in [&["make"][..], &["make", "deploy", "INDEX=docs"]] {
        stage.program(words).run().expect(2).logged("say make deploy BACKUP=");
    }
    assert_eq!(stage.polls(), 1);
}

/// `None` if make is not installed.
fn stage(plane: Simulator) -> Option<Stage> {
    is_there_for("make", "the Makefile is not run").then(|| Stage::new("Makefile", plane))
}

fn make(stage: &Stage, options: &[&str]) -> Watch {
    stage.program(&[&["make"], options, &["deploy", "BACKUP=b-1", "INDEX=docs"]].concat())
}
