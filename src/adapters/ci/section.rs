//! Sections of a log that can be folded.
//!
//! Invariant: a section begins and ends with whole lines, and nothing in them is from elsewhere.

use jiff::Timestamp;

use super::{Host, command, gitlab};

/// A section whose lines are folded.
#[derive(Debug, Clone)]
pub enum Section {
    /// A group of GitHub Actions.
    GitHub,
    /// A section of GitLab, by its name.
    GitLab(String),
}

impl Section {
    /// A section for this process, if the host has sections.
    pub(super) fn of(host: Host) -> Option<Self> {
        match host {
            Host::GitHub => Some(Self::GitHub),
            Host::GitLab => Some(Self::GitLab(format!("restore_watch_{}", std::process::id()))),
            Host::None => None,
        }
    }

    /// Its first line, for a wait for this many restores, or for all that are found if that is 0.
    pub fn begin(&self, restores: usize, at: Timestamp) -> String {
        let title = match restores {
            0 => "Waiting for all unfinished restores".to_owned(),
            1 => "Waiting for 1 restore".to_owned(),
            restores => format!("Waiting for {restores} restores"),
        };
        match self {
            Self::GitHub => command::line("group", "", &title),
            Self::GitLab(name) => gitlab::begin(name, &title, at),
        }
    }

    pub fn end(&self, at: Timestamp) -> String {
        match self {
            Self::GitHub => command::line("endgroup", "", ""),
            Self::GitLab(name) => gitlab::end(name, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let at: Timestamp = "2026-11-23T12:00:00.9Z".parse().unwrap();
        let hub = Section::GitHub;
        insta::assert_snapshot!(hub.begin(1, at) + &hub.end(at), @"
        ::group::Waiting for 1 restore
        ::endgroup::
        ");
        let lab = Section::GitLab("restore_watch_7".to_owned());
        insta::assert_debug_snapshot!(lab.begin(12, at), @r#""\u{1b}[0Ksection_start:1795435200:restore_watch_7\r\u{1b}[0KWaiting for 12 restores\n""#);
        insta::assert_debug_snapshot!(lab.end(at), @r#""\u{1b}[0Ksection_end:1795435200:restore_watch_7\r\u{1b}[0K\n""#);
    }
}
