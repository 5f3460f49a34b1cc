//! `gitlab-ci.yml`, its jobs run as GitLab's runner runs them.

use std::fs;

use restore_watch::simulate::Simulator;
use serde_json::Value;

use crate::stage::{
    ROLL_BACK, SWITCH, Stage, completed, completes, endless, failed, refusing, restored_before,
};
use crate::support::Done;
use crate::yaml;

const EXAMPLE: &str = "gitlab-ci.yml";

const JOBS: [&str; 3] = ["restore", "switch-traffic", "roll-back"];

#[test]
fn completed_restore_switches_traffic() {
    let pipeline = Pipeline::new(completes());
    assert_eq!(pipeline.run(), Some(0));
    assert_eq!((pipeline.stage.calls(), pipeline.stage.starts()), (vec![SWITCH.to_owned()], vec![202]));
    assert!(pipeline.stage.has_seen_it_serve());
}

#[test]
fn failed_restore_rolls_back() {
    let pipeline = Pipeline::new(failed());
    assert_eq!(pipeline.run(), Some(1));
    assert_eq!(pipeline.stage.calls(), [ROLL_BACK]);
}

#[test]
fn retry_after_a_timeout_continues_the_same_restore() {
    let mut pipeline = Pipeline::new(endless());
    pipeline.timeout = Some("300ms");
    assert_eq!(pipeline.run(), Some(124));
    assert_eq!((pipeline.stage.calls(), pipeline.stage.starts()), (Vec::<String>::new(), vec![202]));
    pipeline.stage.turn_to(restored_before());
    assert_eq!(pipeline.run(), Some(0));
    assert_eq!((pipeline.stage.calls(), pipeline.stage.starts()), (vec![SWITCH.to_owned()], vec![409]));
}

#[test]
fn restore_that_is_refused_rolls_back() {
    let pipeline = Pipeline::new(refusing());
    assert_eq!(pipeline.run(), Some(1));
    assert_eq!((pipeline.stage.calls(), pipeline.stage.starts()), (vec![ROLL_BACK.to_owned()], vec![412]));
}

#[test]
fn missing_program_is_installed() {
    let pipeline = Pipeline::new(completed());
    // It is not installed; the stub only records the installation.
    fs::remove_file(pipeline.stage.path("bin/restore-watch")).expect("a file");
    assert_eq!(pipeline.job("restore").code, Some(127));
    let calls = pipeline.stage.calls();

    assert!(calls.len() == 1 && calls[0].starts_with("cargo install --locked --git "), "{calls:?}");
}

fn pipeline() -> Value {
    yaml::read(&Stage::text(EXAMPLE))
}

/// The script of a job as the runner has it: all lines in one shell, which ends with the first that
/// fails.
fn script(job: &Value) -> String {
    let lines = [yaml::texts(&job["before_script"]), yaml::texts(&job["script"])].concat();
    format!("set -eo pipefail\nset +o noclobber\n{}\n", lines.join("\n"))
}

/// The scripts of all jobs.
pub(crate) fn scripts() -> Vec<String> {
    let pipeline = pipeline();
    JOBS.map(|job| script(&pipeline[job])).into()
}

/// A pipeline whose jobs share their cache and reports.
struct Pipeline {
    stage: Stage,
    timeout: Option<&'static str>,
}

impl Pipeline {
    fn new(plane: Simulator) -> Self {
        Self { stage: Stage::new(EXAMPLE, plane), timeout: None }
    }

    /// Runs one job.
    fn job(&self, name: &str) -> Done {
        let job = &pipeline()[name];
        let file = self.stage.path("job.sh").display().to_string();
        fs::write(&file, script(job)).expect("a file");
        let mut program = self
            .stage
            .program(&["bash", &file])
            // Sections of the log begin and end with one.
            .with_escapes()
            .env("CI", "true")
            .env("GITLAB_CI", "true")
            .env("BACKUP", "b-1")
            .env("INDEX", "docs");
        for (name, value) in yaml::variables(&job["variables"]) {
            let directory = self.stage.path("").display().to_string();
            program = program.env(&name, &value.replace("$CI_PROJECT_DIR", &directory));
        }
        // The report of the previous job.
        let reported = fs::read_to_string(self.stage.path("restore.env")).unwrap_or_default();
        for (name, value) in reported.lines().filter_map(|line| line.split_once('=')) {
            program = program.env(name, value);
        }
        if let Some(timeout) = self.timeout {
            program = program.env("TIMEOUT", timeout);
        }
        program.run()
    }

    /// Runs all jobs that apply after the outcome of the restore. Returns the exit code of the
    /// restore.
    fn run(&self) -> Option<i32> {
        let restore = self.job("restore");
        let when =
            |job: &str| pipeline()[job]["rules"][0]["when"].as_str().unwrap_or("on_success").to_owned();
        let then = if restore.code == Some(0) { "on_success" } else { "on_failure" };
        for job in &JOBS[1..] {
            assert_eq!(yaml::texts(&pipeline()[*job]["needs"]), ["restore"]);
            if when(job) == then {
                self.job(job).expect(0);
            }
        }
        restore.code
    }
}
