//! A runner of GitHub Actions, as far as scripts and composite actions need it.
//!
//! Invariant: a script gets the variables of the runner and of its step, and no others.

use std::fs;

use serde_json::Value;

use crate::expression::Context;
use crate::stage::Stage;
use crate::support::{Done, Watch};
use crate::yaml;

/// The files that a script writes for the runner, by their variables.
const FILES: [&str; 4] = ["GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"];

/// Names and values.
pub(crate) type Variables = Vec<(String, String)>;

/// What a step left.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) outputs: Variables,
    pub(crate) summary: String,
}

impl Left {
    /// What the process and its files on this stage have.
    pub(crate) fn of(done: Done, stage: &Stage) -> Self {
        let read = |name: &str| fs::read_to_string(stage.path(name)).expect("a file of the runner");
        let (outputs, summary) = (outputs(&read("GITHUB_OUTPUT")), read("GITHUB_STEP_SUMMARY"));
        // No script here changes what later steps have in common.
        assert!(read("GITHUB_ENV").is_empty() && read("GITHUB_PATH").is_empty());
        Self { code: done.code, stdout: done.stdout, stderr: done.stderr, outputs, summary }
    }

    /// The value of an output; empty if there is none, as in an expression.
    pub(crate) fn output(&self, name: &str) -> &str {
        let found = self.outputs.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Everything that it printed.
    pub(crate) fn log(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails unless it ended with this exit code.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.log());
        self
    }

    /// Makes its outputs known to later steps, if it has an id.
    pub(crate) fn publish(&self, id: &Value, context: &mut Context) {
        let Some(id) = id.as_str() else { return };
        let outcome = if self.code == Some(0) { "success" } else { "failure" };
        context.set(&format!("steps.{id}.outcome"), outcome);
        for (name, value) in &self.outputs {
            context.set(&format!("steps.{id}.outputs.{name}"), value);
        }
    }
}

/// The script of a step as the process that the runner starts, with the shell `bash`.
pub(crate) fn script(stage: &Stage, text: &str, variables: &[(String, String)]) -> Watch {
    let script = stage.path("step.sh").display().to_string();
    fs::write(&script, text).expect("a file");
    let mut program = stage
        .program(&["bash", "--noprofile", "--norc", "-eo", "pipefail", &script])
        // A step has the key only if the workflow passes it.
        .env_remove("PINECONE_API_KEY")
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_SERVER_URL", "https://github.com")
        .env("GITHUB_ACTION_PATH", &stage.path("action").to_string_lossy())
        .env("RUNNER_TEMP", &stage.path("temp").to_string_lossy())
        .env("RUNNER_OS", "Linux")
        .env("RUNNER_ARCH", "X64");
    for name in FILES {
        fs::write(stage.path(name), "").expect("a file");
        program = program.env(name, &stage.path(name).to_string_lossy());
    }
    variables.iter().fold(program, |program, (name, value)| program.env(name, value))
}

/// The variables of a mapping, as they are in this context.
pub(crate) fn filled(mapping: &Value, context: &Context) -> Variables {
    let variables = yaml::variables(mapping).into_iter();
    variables.map(|(name, value)| (name, context.fill(&value))).collect()
}

/// The outputs in a file, each `name=value` or `name<<END`, lines, `END`.
fn outputs(text: &str) -> Variables {
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
