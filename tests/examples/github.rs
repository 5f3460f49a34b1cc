//! `github-actions.yml`, its steps run as GitHub's runner runs them.

use restore_watch::simulate::Simulator;
use serde_json::Value;

use crate::composite::Use;
use crate::expression::Context;
use crate::runner::{self, Left};
use crate::stage::{
    ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, refusing, restored_before,
};
use crate::support::KEY;
use crate::yaml;

const EXAMPLE: &str = "github-actions.yml";

#[test]
fn completed_restore_switches_traffic() {
    let job = run(completes(), None);
    assert_eq!((job.calls(), job.stage.starts()), (vec![SWITCH.to_owned()], vec![202]), "{}", job.log);
    assert!(!job.context.failure && job.stage.has_seen_it_serve(), "{}", job.log);
}

#[test]
fn failed_restore_rolls_back() {
    let job = run(failed(), None);
    assert_eq!(job.calls(), [ROLL_BACK], "{}", job.log);
    assert!(job.context.failure && job.context.get("steps.restore.outputs.exit_code") == "1");
}

#[test]
fn timeout_prints_the_hint() {
    let job = run(endless(), Some("300ms"));
    assert!(job.calls().is_empty(), "{}", job.log);
    assert!(
        job.context.failure && job.log.contains("::warning::The restore goes on unwatched"),
        "{}",
        job.log
    );

    // The same again goes on without a second restore.
    let job = run(restored_before(), None);
    assert_eq!((job.calls(), job.stage.starts()), (vec![SWITCH.to_owned()], vec![409]), "{}", job.log);
    assert!(!job.context.failure);
}

#[test]
fn failed_switch_is_rolled_back() {
    let mut job = run(completed(), None);
    job.stage.script("switch-traffic.sh", "exit 1");
    for step in steps().into_iter().skip_while(|step| step["id"] != "switch") {
        if job.context.holds(step["if"].as_str()) {
            job.step(&step, &[("INDEX".to_owned(), "docs".to_owned())]);
        }
    }
    assert_eq!(job.calls()[1..], [SWITCH, ROLL_BACK], "{}", job.log);
}

#[test]
fn restore_that_is_refused_rolls_back() {
    let job = run(refusing(), None);
    assert_eq!((job.calls(), job.stage.starts()), (vec![ROLL_BACK.to_owned()], vec![412]), "{}", job.log);
    assert_eq!(job.context.get("steps.restore.outputs.outcome"), "failed");
}

#[test]
fn no_input_becomes_part_of_a_script() {
    for script in scripts() {
        assert!(!script.contains("${{"), "{script}");
    }
}

fn workflow() -> Value {
    yaml::read(&Stage::text(EXAMPLE))
}

fn steps() -> Vec<Value> {
    workflow()["jobs"]["restore"]["steps"].as_array().expect("steps").clone()
}

/// The scripts of all steps.
pub(crate) fn scripts() -> Vec<String> {
    let steps = steps();
    steps.iter().filter_map(|step| step["run"].as_str()).map(str::to_owned).collect()
}

/// A job that ended.
struct Job {
    stage: Stage,
    context: Context,
    /// What the steps printed.
    log: String,
}

/// Runs the job on a new runner.
fn run(plane: Simulator, timeout: Option<&str>) -> Job {
    let mut job = Job { stage: Stage::new(EXAMPLE, plane), context: inputs(), log: String::new() };
    let workflow = workflow();
    assert_eq!(workflow["defaults"]["run"]["shell"], "bash", "the one whose pipes fail");
    let mut environment = runner::filled(&workflow["env"], &job.context);
    environment.extend(timeout.map(|timeout| ("TIMEOUT".to_owned(), timeout.to_owned())));
    for (name, value) in &environment {
        job.context.set(&format!("env.{name}"), value);
    }
    for step in steps() {
        if job.context.holds(step["if"].as_str()) {
            job.step(&step, &environment);
        }
    }
    job
}

fn inputs() -> Context {
    let mut context = Context::default();
    for (path, value) in
        [("inputs.backup", "b-1"), ("inputs.index", "docs"), ("secrets.PINECONE_API_KEY", KEY)]
    {
        context.set(path, value);
    }
    context
}

impl Job {
    fn step(&mut self, step: &Value, environment: &[(String, String)]) {
        let mut variables = environment.to_vec();
        variables.extend(runner::filled(&step["env"], &self.context));
        let left = match (step["run"].as_str(), step["uses"].as_str()) {
            (Some(script), _) => {
                let script = self.context.fill(script);
                Left::of(runner::script(&self.stage, &script, &variables).run(), &self.stage)
            }
            (_, Some(action)) if action.starts_with("OWNER/restore-watch@") => {
                Use::new(&self.stage, &runner::filled(&step["with"], &self.context), variables).run()
            }
            (_, action) => {
                assert!(action.is_some_and(|action| action.starts_with("actions/checkout@")), "{action:?}");
                return;
            }
        };
        self.log.push_str(&left.log());
        self.context.failure |= left.code != Some(0);
        left.publish(&step["id"], &mut self.context);
    }

    /// The calls, without those of the build.
    fn calls(&self) -> Vec<String> {
        let calls = self.stage.calls();
        calls
            .into_iter()
            .filter(|call| !call.starts_with("cargo ") && !call.starts_with("the build "))
            .collect()
    }
}
