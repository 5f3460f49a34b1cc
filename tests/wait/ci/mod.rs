//! A wait within a pipeline: annotations and log sections for GitHub Actions and GitLab, and
//! outputs for later steps.

mod files;
mod github;
mod gitlab;
mod injection;
mod terminal;

use std::collections::BTreeMap;

use restore_watch::simulate::Simulator;

use crate::support::{Folder, Watch};

/// The commands that the runner of GitHub Actions knows
/// (`src/Runner.Worker/ActionCommandManager.cs`).
const KNOWN: [&str; 16] = [
    "internal-set-repo-path",
    "set-env",
    "set-output",
    "save-state",
    "add-mask",
    "add-path",
    "add-matcher",
    "remove-matcher",
    "debug",
    "warning",
    "error",
    "notice",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];

/// A step of GitHub Actions: the files it is given.
struct Step(Folder);

impl Step {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs this process as part of the step.
    fn of(&self, watch: Watch) -> Watch {
        watch
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", &self.path("output"))
            .env("GITHUB_STEP_SUMMARY", &self.path("summary"))
    }

    fn wait(&self, plane: &Simulator, arguments: &[&str]) -> Watch {
        self.of(Watch::wait(plane, arguments))
    }

    fn summary(&self) -> String {
        std::fs::read_to_string(self.path("summary")).expect("a summary")
    }

    /// The outputs, as the runner reads them (`EnvFileKeyValuePairs` in
    /// `src/Runner.Worker/FileCommandManager.cs`).
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.path("output")).expect("outputs");
        let mut lines = text.lines();
        let mut outputs = BTreeMap::new();
        while let Some(line) = lines.next() {
            let (name, delimiter) = line.split_once("<<").expect("a name and a delimiter");
            assert!(!name.contains('='), "{line}");
            let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        }
        outputs
    }
}

/// The commands that the runner finds in a stream: the name of each, and all after it (`TryParseV2`
/// and `TryParse` in `src/Runner.Common/ActionCommand.cs`).
fn commands(text: &str) -> Vec<(String, String)> {
    let known = |name: &str| KNOWN.contains(&name.to_lowercase().as_str());
    let parse = |line: &str, begin: &str, middle: &str| {
        let (info, data) = line.strip_prefix(begin)?.split_once(middle)?;
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        known(name).then(|| (name.to_owned(), format!("{properties}::{data}")))
    };
    let command = |line: &str| {
        let new = parse(line.trim_start(), "::", "::");
        new.or_else(|| parse(&line[line.find("##[")?..], "##[", "]"))
    };
    text.split(['\n', '\r']).filter_map(command).collect()
}

fn names(commands: &[(String, String)]) -> Vec<&str> {
    commands.iter().map(|(name, _)| name.as_str()).collect()
}
