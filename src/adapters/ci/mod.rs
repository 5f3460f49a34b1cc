//! Services that run pipelines: what they understand beside plain lines, and what they keep of a wait.
//!
//! Invariant: no text from elsewhere (an answer of the API, a name that somebody gave) becomes a command there. Nothing
//! here changes how a wait ends.

mod annotations;
mod command;
mod gitlab;
mod inert;
mod outputs;
mod record;
#[cfg(test)]
mod samples;
mod section;
mod summary;

use std::ffi::OsString;
use std::time::Duration;

pub use section::Section;

use crate::model::Outcome;

/// A service whose own commands are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// GitHub Actions.
    GitHub,
    /// GitLab CI/CD.
    GitLab,
    /// None of these.
    None,
}

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    host: Host,
    /// What is printed becomes the log of some pipeline.
    pipeline: bool,
    /// Whoever reads it looks for commands of GitHub Actions, wanted or not.
    obeyed: bool,
}

/// Makes a text fit for whoever reads it.
pub type Screen = fn(String) -> String;

impl Place {
    /// Reads the environment, and does what it says unless a host is `chosen`.
    pub fn find(chosen: Option<Host>) -> Self {
        Self::of(chosen, |name| std::env::var_os(name))
    }

    fn of(chosen: Option<Host>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
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
            obeyed: host == Host::GitHub || github,
        }
    }

    /// Whether what is printed becomes the log of a pipeline. There, nothing is drawn over and nothing is coloured, even
    /// where a terminal is feigned.
    pub fn is_pipeline(self) -> bool {
        self.pipeline
    }

    /// Whether whoever reads what is printed looks for commands in it.
    pub fn obeys(self) -> bool {
        self.obeyed
    }

    /// What makes a text for people inert.
    pub fn screen(self) -> Screen {
        if self.obeyed { inert::lines } else { std::convert::identity }
    }

    /// What makes JSON inert without a change of its meaning.
    pub fn json_screen(self) -> Screen {
        if self.obeyed { inert::json } else { std::convert::identity }
    }

    /// What folds lines into one, where the host can.
    pub fn section(self) -> Option<Section> {
        Section::of(self.host)
    }

    /// Commands that show how each job stands, for standard error; empty where the host knows none.
    pub fn annotations(self, ending: &Ending) -> String {
        if self.host == Host::GitHub { annotations::of(ending) } else { String::new() }
    }

    /// Writes into the files of the host what it is to keep. Returns what could not be written, and why. A file may be
    /// anything, so this may take for ever.
    pub fn record(self, ending: &Ending) -> Vec<String> {
        if self.host == Host::GitHub { record::write(ending) } else { Vec::new() }
    }
}

/// How a wait ended.
#[derive(Debug, Clone)]
pub struct Ending {
    /// The published name of its outcome.
    pub outcome: &'static str,
    /// Its exit code.
    pub exit_code: u8,
    /// What the exit code means.
    pub meaning: &'static str,
    /// A timeout or a signal ended it, so that a job that is open is one that should not be.
    pub cut_short: bool,
    /// Its jobs.
    pub jobs: Vec<Job>,
    /// The jobs as JSON, as reports have them.
    pub json: String,
}

/// How a job stood at the end of a wait.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// The name that the user gave it.
    pub name: Option<String>,
    /// The index it makes, as far as known.
    pub index: Option<String>,
    /// How it stood.
    pub outcome: Outcome,
    /// The same in words, with its status where that says more.
    pub words: String,
    /// How long it took, or has been taking; none where it was never seen.
    pub took: Option<Duration>,
    /// The same in seconds, or the time since the start of the wait.
    pub elapsed_seconds: f64,
    /// The last error.
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_environment_says() {
        let place = |variables: &[(&str, &str)], chosen| {
            Place::of(chosen, |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            })
        };
        let (hub, lab, none) = (Host::GitHub, Host::GitLab, Host::None);
        for (variables, chosen, host, pipeline, obeyed) in [
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
            // Commands are recognised there, whatever this program is told.
            (&[("GITHUB_ACTIONS", "true")], Some(none), none, true, true),
            (&[("GITHUB_ACTIONS", "true")], Some(lab), lab, true, true),
        ] {
            assert_eq!(
                place(variables, chosen),
                Place { host, pipeline, obeyed },
                "{variables:?} {chosen:?}"
            );
        }
    }
}
