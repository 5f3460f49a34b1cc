//! `gitlab-ci.yml`, its jobs run as GitLab's runner runs them.

use std::fs;

use restore_watch::simulate::Simulator;

use crate::pipeline::{self, Pipeline};
use crate::stage::{
    ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, refusing, restored_before,
};
use crate::yaml;

const EXAMPLE: &str = "gitlab-ci.yml";

const JOBS: [&str; 3] = ["restore", "switch-traffic", "roll-back"];

#[test]
fn completed_restore_switches_traffic() {
    let example = example(completes());
    assert_eq!(run(&example), Some(0));
    assert_eq!((example.stage.calls(), example.stage.starts()), (vec![SWITCH.to_owned()], vec![202]));
    assert!(example.stage.has_seen_it_serve());
}

#[test]
fn failed_restore_rolls_back() {
    let example = example(failed());
    assert_eq!(run(&example), Some(1));
    assert_eq!(example.stage.calls(), [ROLL_BACK]);
}

#[test]
fn retry_after_a_timeout_continues_the_same_restore() {
    let mut example = example(endless());
    example.set("RESTORE_TIMEOUT", "300ms");
    assert_eq!(run(&example), Some(124));
    assert_eq!((example.stage.calls(), example.stage.starts()), (Vec::<String>::new(), vec![202]));
    example.stage.turn_to(restored_before());
    example.set("RESTORE_TIMEOUT", "2h");
    assert_eq!(run(&example), Some(0));
    assert_eq!((example.stage.calls(), example.stage.starts()), (vec![SWITCH.to_owned()], vec![409]));
}

#[test]
fn restore_that_is_refused_rolls_back() {
    let example = example(refusing());
    assert_eq!(run(&example), Some(1));
    assert_eq!((example.stage.calls(), example.stage.starts()), (vec![ROLL_BACK.to_owned()], vec![412]));
}

#[test]
fn missing_program_touches_nothing() {
    let example = example(completed());
    fs::remove_file(example.stage.path("bin/restore-watch")).expect("a file");
    assert_eq!(run(&example), Some(127));
    assert!(example.stage.calls().is_empty(), "{:?}", example.stage.calls());
}

#[test]
fn limits_of_jobs_are_above_those_of_waits() {
    let document = pipeline::read(&Stage::text(EXAMPLE));
    let restore = &document["restore"];
    assert_eq!((&restore["timeout"], &restore["variables"]["RESTORE_TIMEOUT"]), (&"3h".into(), &"2h".into()));
    assert_eq!((&restore["stage"], &restore["resource_group"]), (&"restore".into(), &"restore".into()));
}

/// The scripts of all jobs.
pub(crate) fn scripts() -> Vec<String> {
    let document = pipeline::read(&Stage::text(EXAMPLE));
    JOBS.map(|job| pipeline::script(&document[job])).into()
}

/// The example on a new stage, in a pipeline that was given its variables.
fn example(plane: Simulator) -> Pipeline {
    let document = pipeline::read(&Stage::text(EXAMPLE));
    let mut pipeline = Pipeline::new(Stage::new(EXAMPLE, plane), document, "bash");
    pipeline.set("BACKUP", "b-1");
    pipeline.set("INDEX", "docs");
    pipeline
}

/// Runs all jobs that apply after the outcome of the restore. Returns the exit code of the restore.
fn run(pipeline: &Pipeline) -> Option<i32> {
    let restore = pipeline.job("restore");
    let when =
        |job: &str| pipeline.document[job]["rules"][0]["when"].as_str().unwrap_or("on_success").to_owned();
    let then = if restore.code == Some(0) { "on_success" } else { "on_failure" };
    for job in &JOBS[1..] {
        assert_eq!(yaml::texts(&pipeline.document[*job]["needs"]), ["restore"]);
        if when(job) == then {
            pipeline.job(job).expect(0);
        }
    }
    restore.code
}
