//! `github-actions.yml`, its steps run as GitHub's runner runs them.

use std::fs;

use restore_watch::simulate::Simulator;
use serde_json::Value;

use crate::expression::Context;
use crate::stage::{
    ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, refusing, restored_before,
};
use crate::support::KEY;
use crate::yaml;

const EXAMPLE: &str = "github-actions.yml";

#[test]
fn completed_restore_switches_traffic() {
    let job = run(completes(), None);
    let install = "cargo install --locked --git https://git.example/restore-watch --rev abc restore-watch";
    assert_eq!(
        (job.stage.calls(), job.stage.starts()),
        (vec![install.to_owned(), SWITCH.to_owned()], vec![202])
    );
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
    let mut environment = yaml::variables(&workflow["env"]);
    environment.extend(timeout.map(|timeout| ("TIMEOUT".to_owned(), timeout.to_owned())));
    for step in steps() {
        if job.context.holds(step["if"].as_str()) && step["run"].is_string() {
            job.step(&step, &environment);
        }
    }
    job
}

fn inputs() -> Context {
    let mut context = Context::default();
    for (path, value) in [
        ("inputs.backup", "b-1"),
        ("inputs.index", "docs"),
        ("secrets.PINECONE_API_KEY", KEY),
        ("vars.RESTORE_WATCH_GIT", "https://git.example/restore-watch"),
        ("vars.RESTORE_WATCH_REV", "abc"),
    ] {
        context.set(path, value);
    }
    context
}

impl Job {
    fn step(&mut self, step: &Value, environment: &[(String, String)]) {
        let script = self.stage.path("step.sh").display().to_string();
        fs::write(&script, self.context.fill(step["run"].as_str().expect("a script"))).expect("a file");
        // A step has the key only if the workflow passes it.
        let mut program = self
            .stage
            .program(&["bash", "--noprofile", "--norc", "-eo", "pipefail", &script])
            .env_remove("PINECONE_API_KEY")
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true");
        for name in ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"] {
            let file = self.stage.path(name).display().to_string();
            fs::write(&file, "").expect("a file");
            program = program.env(name, &file);
        }
        for (name, value) in environment.iter().chain(&yaml::variables(&step["env"])) {
            program = program.env(name, &self.context.fill(value));
        }
        let done = program.run();
        self.log.extend([done.stdout, done.stderr]);
        self.context.failure |= done.code != Some(0);
        let Some(id) = step["id"].as_str() else { return };
        let outcome = if done.code == Some(0) { "success" } else { "failure" };
        self.context.set(&format!("steps.{id}.outcome"), outcome);
        let outputs = fs::read_to_string(self.stage.path("GITHUB_OUTPUT")).expect("the file of outputs");
        for (name, value) in self::outputs(&outputs) {
            self.context.set(&format!("steps.{id}.outputs.{name}"), &value);
        }
    }

    /// The calls, without those of installers.
    fn calls(&self) -> Vec<String> {
        let calls = self.stage.calls();
        calls.into_iter().filter(|call| first_word(call) != "cargo").collect()
    }
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

/// The outputs in a file, each `name=value` or `name<<END`, lines, `END`.
fn outputs(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines();
    let mut outputs = Vec::new();
    while let Some(line) = lines.next() {
        let several = line.split_once("<<").filter(|(name, _)| !name.contains('='));
        if let Some((name, end)) = several {
            let value: Vec<_> = lines.by_ref().take_while(|line| *line != end).collect();
            outputs.push((name.to_owned(), value.join("\n")));
        } else {
            let (name, value) = line.split_once('=').expect("an output");
            outputs.push((name.to_owned(), value.to_owned()));
        }
    }
    outputs
}
