//! `terraform/main.tf`, run by Terraform if it is installed.

use restore_watch::simulate::Simulator;

use crate::stage::{
    SWITCH, Stage, completed, completes, endless, failed, is_there, is_there_for, refusing, restored_before,
};
use crate::support::{Done, Watch};

const VARIABLES: [&str; 2] = ["-var=backup=b-1", "-var=index=docs"];

#[test]
fn completed_restore_switches_traffic() {
    let Some(stage) = stage(completes()) else { return };
    let done = apply(&stage, &[]).expect(0);
    assert!(done.stdout.contains("restore rj-1 into index docs completed after "), "{}", done.stdout);
    assert_eq!((stage.calls(), stage.starts()), (vec![SWITCH.to_owned()], vec![202]));
    assert!(stage.has_seen_it_serve());
    // A second apply has nothing to do.
    let polls = stage.polls();
    apply(&stage, &[]).expect(0);
    assert_eq!((stage.calls().len(), stage.polls()), (1, polls));
}

#[test]
fn failed_restore_fails_the_apply() {
    let Some(stage) = stage(failed()) else { return };
    apply(&stage, &[]).expect(1).logged("exit status 1");
    assert_eq!((stage.calls(), stage.starts()), (Vec::<String>::new(), vec![202]));
}

#[test]
fn apply_after_a_timeout_continues_the_same_restore() {
    let Some(mut stage) = stage(endless()) else { return };
    apply(&stage, &["-var=timeout=300ms"]).expect(1).logged("exit status 124");
    assert_eq!((stage.calls(), stage.starts()), (Vec::<String>::new(), vec![202]));
    stage.turn_to(restored_before());
    apply(&stage, &[]).expect(0);
    assert_eq!((stage.calls(), stage.starts()), (vec![SWITCH.to_owned()], vec![409]));
}

#[test]
fn without_a_restore_nothing_is_waited_for() {
    let Some(stage) = stage(refusing()) else { return };
    apply(&stage, &[]).expect(1);
    assert_eq!((stage.calls(), stage.starts()), (Vec::<String>::new(), vec![412]));
}

#[test]
fn key_is_not_in_the_terraform_state() {
    let Some(stage) = stage(completed()) else { return };
    apply(&stage, &[]).expect(0);
    let file = std::fs::read_to_string(stage.path("terraform.tfstate")).expect("a state");
    assert!(!file.contains(crate::support::KEY), "{file}");
}

#[test]
fn provisioners_run_without_terraform() {
    if is_there("terraform") {
        return;
    }
    for (plane, code) in [(completed(), 0), (failed(), 1)] {
        let bare = Stage::new("terraform/main.tf", plane);
        let line = commands().into_iter().next().expect("the command of the first provisioner");
        let shell = ["bash", "-euo", "pipefail", "-c", &line];
        let run = bare.program(&shell).env("BACKUP", "b-1").env("INDEX", "docs").env("TIMEOUT", "2h").run();
        assert_eq!((run.code, bare.starts()), (Some(code), vec![202]));
    }
}

/// An initialized directory; `None` without Terraform.
fn stage(plane: Simulator) -> Option<Stage> {
    if !is_there_for("terraform", "terraform/main.tf is not applied") {
        return None;
    }
    let stage = Stage::new("terraform/main.tf", plane);
    terraform(&stage, &["init", "-no-color", "-input=false"]).run().expect(0);
    Some(stage)
}

/// Terraform without the settings of the user who runs the tests, and without its check for
/// updates.
fn terraform(stage: &Stage, words: &[&str]) -> Watch {
    stage.program(&[&["terraform"], words].concat()).env("CHECKPOINT_DISABLE", "1")
}

fn apply(stage: &Stage, further: &[&str]) -> Done {
    let words = ["apply", "-auto-approve", "-no-color", "-input=false"];
    terraform(stage, &[&words[..], &VARIABLES, further].concat()).run()
}

/// The commands of its provisioners, in their order.
fn commands() -> Vec<String> {
    let text = Stage::text("terraform/main.tf");
    let command = |line: &str| {
        let (name, value) = line.trim().split_once(" = ")?;
        (name.trim() == "command").then(|| serde_json::from_str(value.trim()).expect("a text"))
    };
    text.lines().filter_map(command).collect()
}
