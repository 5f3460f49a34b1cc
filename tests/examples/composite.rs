//! `action.yml`, its steps run as GitHub's runner runs those of a composite action.
//!
//! Invariant: an expression or an action that is not known here fails.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::expression::Context;
use crate::runner::{self, Left, Variables};
use crate::stage::Stage;
use crate::support::Watch;
use crate::yaml;

/// What the runner downloads of the action; the key of a cache is made of it.
const FILES: [&str; 3] = ["action.yml", "packaging/action/run", "Cargo.toml"];

/// A step of a workflow that uses the action.
pub(crate) struct Use<'a> {
    stage: &'a Stage,
    context: Context,
    variables: Variables,
}

/// The action itself.
pub(crate) fn definition() -> Value {
    yaml::read(&text("action.yml"))
}

/// A file of the project.
pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a file of the project")
}

impl<'a> Use<'a> {
    /// The action on this stage, with these inputs and this environment.
    pub(crate) fn new(stage: &'a Stage, with: &[(String, String)], variables: Variables) -> Self {
        for name in FILES {
            let copy = stage.path("action").join(name);
            fs::create_dir_all(copy.parent().expect("a folder")).expect("a folder");
            fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(name), copy).expect("a copy");
        }
        fs::create_dir_all(stage.path("temp")).expect("a folder");
        // It builds the program.
        let built = format!(
            "echo \"the build has the key '$PINECONE_API_KEY'\" >> \"$CALLS\"\nmkdir -p \"$CARGO_TARGET_DIR/release\"\n\
             ln -s '{}' \"$CARGO_TARGET_DIR/release/restore-watch\"",
            env!("CARGO_BIN_EXE_restore-watch")
        );
        stage.script("bin/cargo", &built);

        let mut context = Context::default();
        context.set("runner.temp", &stage.path("temp").to_string_lossy());
        context.set("github.action_repository", "example/restore-watch");
        context.set("github.token", "token-1");
        let definition = definition();
        let inputs = definition["inputs"].as_object().expect("inputs");
        for (name, input) in inputs {
            context.set(&format!("inputs.{name}"), &yaml::text(&input["default"]));
        }
        for (name, value) in with {
            assert!(inputs.contains_key(name), "no input {name}");
            context.set(&format!("inputs.{name}"), value);
        }
        Self { stage, context, variables }
    }

    /// Runs the steps up to the first that fails. What they left: the exit code and the summary of
    /// the last, the outputs of the action, and everything that was printed.
    pub(crate) fn run(mut self) -> Left {
        let mut left = Left { code: Some(0), ..Left::default() };
        for step in steps() {
            if !self.context.holds(step["if"].as_str()) {
                continue;
            }
            let of_step = match step["uses"].as_str() {
                Some(action) => self.cache(action, &step["with"]),
                None => Left::of(self.process(&step).run(), self.stage),
            };
            of_step.publish(&step["id"], &mut self.context);
            left.stdout.push_str(&of_step.stdout);
            left.stderr.push_str(&of_step.stderr);
            left.summary = of_step.summary;
            if of_step.code != Some(0) && step["continue-on-error"] != true {
                left.code = of_step.code;
                break;
            }
        }
        left.outputs = self.outputs();
        left
    }

    /// The process of a step that has a script.
    pub(crate) fn process(&self, step: &Value) -> Watch {
        assert_eq!(step["shell"], "bash");
        let mut variables = self.variables.clone();
        variables.extend(runner::filled(&step["env"], &self.context));
        runner::script(self.stage, step["run"].as_str().expect("a script"), &variables)
    }

    /// The outputs that the workflow sees; there are some also after a failure.
    fn outputs(&self) -> Variables {
        let definition = definition();
        let outputs = definition["outputs"].as_object().expect("outputs").iter();
        let filled =
            outputs.map(|(name, output)| (name.clone(), self.context.fill(&yaml::text(&output["value"]))));
        filled.collect()
    }

    /// What `actions/cache` does, with the stage as its server.
    fn cache(&self, action: &str, with: &Value) -> Left {
        let [path, key] = ["path", "key"].map(|name| self.context.fill(&yaml::text(&with[name])));
        let kept = self.stage.path("cache").join(&key);
        assert!(!key.is_empty() && !key.contains('/'), "{key}");
        let (action, _) = action.split_once('@').expect("a commit");
        let mut outputs = Vec::new();
        match action {
            "actions/cache/restore" if kept.exists() => {
                symlink(fs::canonicalize(kept).expect("a program"), path).expect("a program of the cache");
                outputs.push(("cache-hit".to_owned(), "true".to_owned()));
            }
            "actions/cache/restore" => outputs.push(("cache-hit".to_owned(), String::new())),
            "actions/cache/save" => {
                fs::create_dir_all(kept.parent().expect("a folder")).expect("a folder");
                symlink(fs::canonicalize(path).expect("a program"), kept).expect("a program for the cache");
            }
            other => panic!("no such action here: {other}"),
        }
        Left { code: Some(0), outputs, ..Left::default() }
    }
}

/// The steps of the action.
pub(crate) fn steps() -> Vec<Value> {
    definition()["runs"]["steps"].as_array().expect("steps").clone()
}
