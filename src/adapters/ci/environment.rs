//! The environment that a command runs in: in which pipeline, if any, and who reads what it prints.

use std::ffi::OsString;

use super::{Ending, Host, Section, annotations, inert, record};

/// The pipeline that a command runs in, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    host: Host,
    /// Output becomes the log of a pipeline.
    pipeline: bool,
    /// The reader looks for commands of GitHub Actions in it, wanted or not.
    commands_are_read: bool,
}

/// Makes a text inert for its reader.
pub type TextFilter = fn(String) -> String;

impl Environment {
    /// Detects the host from the environment, unless one is `chosen`.
    pub fn detect(chosen: Option<Host>) -> Self {
        Self::from_variables(chosen, |name| std::env::var_os(name))
    }

    fn from_variables(chosen: Option<Host>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let github = variable("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let found = if github {
            Host::GitHub
        } else if set("GITLAB_CI") {
            Host::GitLab
        } else {
            Host::None
        };

        let host = chosen.unwrap_or(found);
        let generic = set("CI") && variable("CI").is_none_or(|value| value != "false" && value != "0");

        Self {
            host,
            pipeline: host != Host::None || found != Host::None || set("JENKINS_URL") || generic,
            commands_are_read: host == Host::GitHub || github,
        }
    }

    /// Whether output becomes the log of a pipeline. Then no lines are redrawn and none are
    /// colored, even if there seems to be a terminal.
    pub fn is_pipeline(self) -> bool {
        self.pipeline
    }

    /// Whether the reader of the output looks for commands in it.
    pub fn reads_commands(self) -> bool {
        self.commands_are_read
    }

    /// The filter that makes texts for people inert.
    pub fn text_filter(self) -> TextFilter {
        if self.commands_are_read { inert::lines } else { std::convert::identity }
    }

    /// The filter that makes JSON inert without changing its value.
    pub fn json_filter(self) -> TextFilter {
        if self.commands_are_read { inert::json } else { std::convert::identity }
    }

    /// The section that folds lines into one, if the host has such.
    pub fn section(self) -> Option<Section> {
        Section::of(self.host)
    }

    /// Commands that annotate the run with each job, for standard error; empty if the host has
    /// none.
    pub fn annotations(self, ending: &Ending) -> String {
        if self.host == Host::GitHub { annotations::of(ending) } else { String::new() }
    }

    /// The command that annotates the run with where to set the API key, which this variable does
    /// not hold; empty if the host has none.
    pub fn missing_key(self, variable: &str) -> String {
        if self.host == Host::GitHub { annotations::missing_key(variable) } else { String::new() }
    }

    /// Writes summary and outputs to the files of the host. Returns a warning for each that could
    /// not be written. A file may be a pipe, so this may block.
    pub fn record(self, ending: &Ending) -> Vec<String> {
        if self.host == Host::GitHub { record::write(ending) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_decide_unless_a_host_is_chosen() {
        let environment = |variables: &[(&str, &str)], chosen| {
            Environment::from_variables(chosen, |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };

        let (hub, lab, none) = (Host::GitHub, Host::GitLab, Host::None);

        for (variables, chosen, host, pipeline, commands_are_read) in [
            (&[][..], None, none, false, false),
            (&[("GITHUB_ACTIONS", "true")], None, hub, true, true),
            (&[("GITHUB_ACTIONS", "false")], None, none, false, false),
            (&[("GITLAB_CI", "true")], None, lab, true, false),
            (&[("GITLAB_CI", "")], None, none, false, false),
            (&[("GITHUB_ACTIONS", "true"), ("GITLAB_CI", "true")], None, hub, true, true),
            (&[("JENKINS_URL", "https://ci.example/")], None, none, true, false),
            (&[("CI", "true")], None, none, true, false),
            (&[("CI", "1")], None, none, true, false),
            (&[("CI", "false")], None, none, false, false),
            (&[("CI", "0")], None, none, false, false),
            (&[("CI", "")], None, none, false, false),
            (&[], Some(hub), hub, true, true),
            (&[], Some(lab), lab, true, false),
            // GitHub recognizes commands whatever host is chosen.
            (&[("GITHUB_ACTIONS", "true")], Some(none), none, true, true),
            (&[("GITHUB_ACTIONS", "true")], Some(lab), lab, true, true),
        ] {
            assert_eq!(
                environment(variables, chosen),
                Environment { host, pipeline, commands_are_read },
                "{variables:?} {chosen:?}"
            );
        }
    }
}
