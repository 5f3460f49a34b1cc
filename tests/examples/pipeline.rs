//! Pipelines of GitLab: what they include, and their jobs as GitLab's runner runs them.
//!
//! Invariant: an input of another form than the component declares is refused, as by GitLab.

use std::fs;

use serde_json::{Map, Value, json};

use crate::composite;
use crate::runner::Variables;
use crate::stage::Stage;
use crate::support::Done;
use crate::yaml;

/// The component.
const COMPONENT: &str = "packaging/gitlab/restore-watch.yml";

/// The two documents of the component: its inputs, and the jobs as text.
pub(crate) fn component() -> (Value, String) {
    let text = composite::text(COMPONENT);
    let (header, jobs) = text.split_once("\n---\n").expect("two documents");
    (yaml::read(header)["spec"]["inputs"].clone(), jobs.to_owned())
}

/// The jobs of the component with these inputs, or why GitLab refuses them.
pub(crate) fn with_inputs(given: &[(String, String)]) -> Result<Value, String> {
    let (declared, mut jobs) = component();
    let declared = declared.as_object().expect("inputs");
    if let Some((unknown, _)) = given.iter().find(|(name, _)| !declared.contains_key(name)) {
        return Err(format!("no input {unknown}"));
    }
    for (name, input) in declared {
        let given = given.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let value = match (given, input.get("default")) {
            (Some(value), _) => value,
            (None, Some(default)) => yaml::text(default),
            (None, None) => return Err(format!("{name} is required")),
        };
        let mut form = Map::new();
        form.extend(input.get("regex").map(|regex| ("pattern".to_owned(), regex.clone())));
        form.extend(input.get("options").map(|options| ("enum".to_owned(), options.clone())));
        assert!(!form.is_empty(), "{name} may be any text");
        if !jsonschema::is_valid(&Value::Object(form), &json!(value)) {
            return Err(format!("{name} is not of its form: {value}"));
        }
        // GitLab interpolates text.
        jobs = jobs.replace(&format!("$[[ inputs.{name} ]]"), &value);
    }
    assert!(!jobs.contains("$[["), "an input that is not declared");
    Ok(yaml::read(&jobs))
}

/// A pipeline with the component that it includes; its own keys add to those of a job.
pub(crate) fn read(text: &str) -> Value {
    let mut document = yaml::read(text);
    let includes = document.as_object_mut().expect("a mapping").remove("include").unwrap_or_default();
    for include in includes.as_array().into_iter().flatten() {
        assert_eq!(include["file"], COMPONENT);
        let mut jobs = with_inputs(&yaml::variables(&include["inputs"])).expect("inputs of their form");
        merge(&mut jobs, document);
        document = jobs;
    }
    document
}

/// Puts all that `over` has into `below`.
fn merge(below: &mut Value, over: Value) {
    match (below, over) {
        (Value::Object(below), Value::Object(over)) => {
            for (key, value) in over {
                merge(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (below, over) => *below = over,
    }
}

/// The script of a job as the runner has it: all lines in one shell, which ends with the first that
/// fails.
pub(crate) fn script(job: &Value) -> String {
    let lines = [yaml::texts(&job["before_script"]), yaml::texts(&job["script"])].concat();
    format!("set -e\n{}\n", lines.join("\n"))
}

/// A pipeline whose jobs share their reports.
pub(crate) struct Pipeline {
    pub(crate) stage: Stage,
    pub(crate) document: Value,
    /// The shell of the image.
    shell: &'static str,
    /// The variables that it was given; they win over those of a job.
    given: Variables,
}

impl Pipeline {
    pub(crate) fn new(stage: Stage, document: Value, shell: &'static str) -> Self {
        Self { stage, document, shell, given: Vec::new() }
    }

    /// Gives the pipeline a variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.given.retain(|(known, _)| known != name);
        self.given.push((name.to_owned(), value.to_owned()));
    }

    /// Runs one job.
    pub(crate) fn job(&self, name: &str) -> Done {
        let job = &self.document[name];
        let file = self.stage.path("job.sh").display().to_string();
        fs::write(&file, script(job)).expect("a file");
        let program = self
            .stage
            .program(&[self.shell, &file])
            // Sections of the log begin and end with one.
            .with_escapes()
            .env("CI", "true")
            .env("GITLAB_CI", "true");
        let of_job = yaml::variables(&job["variables"]).into_iter();
        let of_job = of_job.map(|(name, value)| (name, self.expanded(&value)));
        // The report of the previous job.
        let variables = of_job.chain(self.reported()).chain(self.given.iter().cloned());
        variables.fold(program, |program, (name, value)| program.env(&name, &value)).run()
    }

    /// The variables that the last job reported.
    pub(crate) fn reported(&self) -> Variables {
        let text = fs::read_to_string(self.stage.path("restore.env")).unwrap_or_default();
        let variables = text.lines().map(|line| line.split_once('=').expect("a variable"));
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// A value that is the name of a variable is that variable's.
    fn expanded(&self, value: &str) -> String {
        let Some(name) = value.strip_prefix('$') else { return value.to_owned() };
        let found = self.given.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }
}
