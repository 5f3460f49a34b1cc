//! `Makefile`, run by GNU make.

use restore_watch::simulate::Simulator;

use crate::stage::{RESTORE, ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, is_there_for};
use crate::support::Watch;

#[test]
fn completed_restore_switches_traffic() {
    let Some(stage) = stage(completes()) else { return };
    let done = make(&stage, &[]).run().expect(0).logged("restore rj-1 into index docs completed after ");
    assert!(done.stdout.contains("waiting for index docs at most 2h\n"), "{}", done.stdout);
    assert_eq!(stage.calls(), [RESTORE, SWITCH]);
    assert!(stage.has_seen_it_serve());
    // A second run restores nothing and waits for nothing.
    let polls = stage.polls();
    make(&stage, &[]).run().expect(0);
    assert_eq!((stage.calls().len(), stage.polls()), (3, polls));
}

#[test]
fn restore_runs_in_parallel_with_other_work() {
    let Some(stage) = stage(completes()) else { return };
    let done = make(&stage, &["-j2"]).run().expect(0).logged("watching restore rj-1 into index docs");
    let at = |text: &str| done.stdout.find(text).unwrap_or_else(|| panic!("{text}: {}", done.stdout));
    assert!(at("whatever can be done meanwhile") < at("ready  docs  rj-1"), "{}", done.stdout);
    assert_eq!(stage.calls(), [RESTORE, SWITCH]);
}

#[test]
fn failed_restore_rolls_back() {
    for options in [&[][..], &["-j2"]] {
        let Some(stage) = stage(failed()) else { return };
        make(&stage, options).run().expect(2).logged("Error 1");
        assert_eq!(stage.calls(), [RESTORE, ROLL_BACK]);
        assert!(!stage.path("docs.b-1.ready").exists());
    }
}

#[test]
fn retry_after_a_timeout_continues_the_same_restore() {
    let Some(mut stage) = stage(endless()) else { return };
    make(&stage, &["TIMEOUT=300ms"]).run().expect(2).logged("make the same again to go on waiting");
    assert_eq!(stage.calls(), [RESTORE]);
    stage.turn_to(completed());
    make(&stage, &[]).run().expect(0);
    assert_eq!(stage.calls(), [RESTORE, SWITCH]);
}

#[test]
fn dry_run_does_nothing() {
    let Some(stage) = stage(completed()) else { return };
    let done = make(&stage, &["-n"]).run().expect(0);
    assert!(done.stdout.contains("restore-watch wait --from-file docs.b-1.started"), "{}", done.stdout);
    assert!(stage.calls().is_empty() && stage.polls() == 0);
}

#[test]
fn without_a_restore_nothing_is_waited_for() {
    let Some(stage) = stage(completed()) else { return };
    stage.script("bin/pc", "echo '{ \"error\": \"quota\" }'; exit 1");
    make(&stage, &[]).run().expect(2);
    assert_eq!((stage.calls(), stage.polls()), (vec![RESTORE.to_owned()], 0));
    for words in [&["make"][..], &["make", "deploy", "INDEX=docs"]] {
        stage.program(words).run().expect(2).logged("say make deploy BACKUP=");
    }
}

/// `None` if make is not installed.
fn stage(plane: Simulator) -> Option<Stage> {
    is_there_for("make", "the Makefile is not run").then(|| Stage::new("Makefile", plane))
}

fn make(stage: &Stage, options: &[&str]) -> Watch {
    stage.program(&[&["make"], options, &["deploy", "BACKUP=b-1", "INDEX=docs"]].concat())
}
