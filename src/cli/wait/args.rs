//! The options of `restore-watch wait`, and what they mean.

use std::path::PathBuf;

use clap::Parser;

use super::exit_codes;
use super::options::{END, RESTORES, WaitOptions};
use crate::cli::{Failure, examples, ids};
use crate::config::{DiscoverySettings, IndexPattern, JobSettings, ProjectSettings};
use crate::engine::Condition;
use crate::model::JobId;
use crate::platform::shell;

/// Wait until restore jobs end, and say how they ended by the exit code
#[derive(Debug, Parser)]
#[command(after_long_help = after_long_help())]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the published command line")]
pub(in crate::cli) struct Args {
    /// Ids of restore jobs; `-` reads them from standard input
    ///
    /// Standard input has one id a line, or JSON objects with a `restore_job_id`, as `pc index
    /// restore --json` and `restore-watch list --output json` print them.
    #[arg(value_name = "JOB_ID")]
    pub(super) jobs: Vec<String>,

    /// Read more ids from this file, in the forms of standard input
    #[arg(long, value_name = "FILE", help_heading = RESTORES)]
    pub(super) from_file: Option<PathBuf>,

    /// Wait for all unfinished restores of the project
    ///
    /// They are added to those that are named. Restores that begin during the wait are included. If
    /// nothing is unfinished, the wait ends with 0 after --not-found-grace, because a restore that
    /// has just begun can be missing from the API's list.
    #[arg(long, help_heading = RESTORES)]
    pub(super) all_pending: bool,

    /// Wait for the unfinished restores into indexes of this name
    ///
    /// It works like --all-pending, for these indexes only; the name of an index is enough, no id
    /// is needed. If none is unfinished, the wait ends with 3. `*` stands for any characters, `?` for
    /// one. Can be given several times. With ids, those jobs are waited for, too, whatever their
    /// index.
    #[arg(long, value_name = "PATTERN", value_parser = IndexPattern::parse, help_heading = RESTORES)]
    pub(super) index: Vec<IndexPattern>,

    /// Leave out restores into indexes of this name
    ///
    /// For --all-pending and --index; jobs that are named by their ids stay. Can be given several
    /// times.
    #[arg(long, value_name = "PATTERN", value_parser = IndexPattern::parse, help_heading = RESTORES)]
    pub(super) exclude_index: Vec<IndexPattern>,

    /// Wait until every job completes (the default)
    #[arg(long, conflicts_with = "any", help_heading = END)]
    pub(super) all: bool,

    /// Wait until one job completes
    #[arg(long, help_heading = END)]
    pub(super) any: bool,

    /// End when the first job does not complete, instead of waiting for the others
    #[arg(long, conflicts_with = "any", help_heading = END)]
    pub(super) fail_fast: bool,

    #[command(flatten)]
    pub(super) options: WaitOptions,
}

/// What `--help` ends with.
fn after_long_help() -> String {
    format!("{}\n{}", exit_codes::of_wait(), examples::of("wait").unwrap_or_default())
}

impl Args {
    /// The project with the jobs to wait for. It has none, and discovers none, if the command line
    /// and the configuration name none: such a wait would never end.
    pub(super) fn project_settings(&self) -> Result<ProjectSettings, Failure> {
        if !self.exclude_index.is_empty() && !self.discovers() {
            return Err(Failure::usage(
                "--exclude-index leaves nothing out, because only named jobs are waited for",
            )
            .with_help("it goes with --all-pending or --index"));
        }
        let ids = ids::collect(&self.jobs, self.from_file.as_deref())?;
        let mut project = self.options.project.choose()?;
        // DiscoverySettings of the configuration is for a daemon; a wait has an option for it.
        let max_jobs = project.discover.map_or(DiscoverySettings::MAX_JOBS, |discover| discover.max_jobs);
        project.discover = self.discovers().then(|| DiscoverySettings {
            indexes: self.index.clone(),
            exclude: self.exclude_index.clone(),
            max_jobs,
        });

        if self.discovers() || !ids.is_empty() {
            project.jobs = ids.into_iter().map(|id| with_settings_of(id, &project.jobs)).collect();
        }

        self.options.apply(&mut project)?;
        Ok(project)
    }

    /// Whether unfinished restores are waited for that are not named.
    pub(super) fn discovers(&self) -> bool {
        self.all_pending || !self.index.is_empty()
    }

    /// When the wait is over.
    pub(super) fn condition(&self) -> Condition {
        if self.any { Condition::Any } else { Condition::All { fail_fast: self.fail_fast } }
    }

    /// What to do if no unfinished restore is found. With --all-pending, that is no failure; an index
    /// that is named is one for which a restore was expected, and its restore may have failed.
    pub(super) fn nothing_found(&self) -> Option<String> {
        if self.all_pending || self.index.is_empty() {
            return None;
        }
        let patterns = self.index.iter().flat_map(|pattern| ["--index".to_owned(), pattern.to_string()]);
        let list = ["restore-watch".to_owned(), "list".to_owned()].into_iter().chain(patterns);
        let list: Vec<_> = list.chain(self.options.project.words()).collect();
        let list = list.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ");
        Some(format!(
            "no restore into this index is unfinished; `{list}` shows those that have ended; with --all-pending, it is \
             no failure to find none"
        ))
    }

    /// The options that select these restores, and say when the wait is over.
    pub(super) fn selection(&self) -> Vec<String> {
        let patterns = |option: &'static str, patterns: &[IndexPattern]| {
            let words = patterns.iter().flat_map(|pattern| [option.to_owned(), pattern.to_string()]);
            words.collect::<Vec<_>>()
        };
        let flags =
            [("--all-pending", self.all_pending), ("--any", self.any), ("--fail-fast", self.fail_fast)];
        let flags = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned());
        let found = [patterns("--index", &self.index), patterns("--exclude-index", &self.exclude_index)];
        flags.chain(found.concat()).collect()
    }
}

/// A job with what the configuration says of it, if anything.
fn with_settings_of(id: JobId, configured: &[JobSettings]) -> JobSettings {
    configured.iter().find(|job| job.id == id).cloned().unwrap_or_else(|| JobSettings::new(id))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::CommandFactory as _;

    use super::*;
    use crate::config::Effort;
    use crate::model::duration;

    fn args(words: &[&str]) -> Args {
        Args::try_parse_from(["wait"].iter().chain(words)).unwrap()
    }

    #[test]
    fn all_pending_selects_by_index_patterns() {
        let words = ["--all-pending", "--index", "prod-*", "--index", "docs", "--exclude-index", "*-old"];
        let all = args(&words);
        let project = all.project_settings().unwrap();
        assert!(project.jobs.is_empty());
        let discovery = project.discover.unwrap();
        assert!(discovery.includes(Some("prod-a")) && discovery.includes(Some("docs")));
        assert!(!discovery.includes(Some("prod-old")) && !discovery.includes(Some("other")));
        assert_eq!(all.selection(), words);
        assert_eq!(
            args(&["--all-pending"]).project_settings().unwrap().discover,
            Some(DiscoverySettings::default())
        );
        assert_eq!(args(&["a"]).project_settings().unwrap().discover, None);
    }

    #[test]
    fn an_index_pattern_selects_without_all_pending() {
        let wait = args(&["--index", "docs"]);
        let project = wait.project_settings().unwrap();
        assert!(project.jobs.is_empty());
        assert!(project.discover.unwrap().includes(Some("docs")));
        assert_eq!(wait.selection(), ["--index", "docs"]);
    }

    #[test]
    fn named_jobs_are_added_to_those_of_an_index() {
        let project = args(&["rj-1", "--index", "docs"]).project_settings().unwrap();
        assert_eq!(project.jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["rj-1"]);
        assert!(project.discover.unwrap().includes(Some("docs")));
    }

    #[test]
    fn exclusion_needs_something_to_leave_out() {
        for words in [&["--exclude-index", "docs"][..], &["rj-1", "--exclude-index", "docs"]] {
            let error = args(words).project_settings().unwrap_err().to_string();
            assert!(error.contains("--all-pending or --index"), "{error}");
        }
    }

    #[test]
    fn help_states_the_declared_defaults() {
        let ProjectSettings { watch, cadence, .. } = ProjectSettings::default();
        let options = Args::command();

        for (option, default) in [
            ("not_found_grace", watch.not_found_grace),
            ("unauthorized_grace", watch.unauthorized_grace),
            ("unreachable_after", watch.unreachable_after),
            ("min_interval", cadence.min_interval),
            ("max_interval", cadence.max_interval),
        ] {
            let option = options.get_arguments().find(|known| known.get_id() == option).unwrap();
            let help = option.get_help().unwrap().to_string();
            let (_, stated) = help.rsplit_once("[default: ").unwrap();

            assert_eq!(duration::parse(stated.trim_end_matches(']')), Ok(default), "{help}");
        }
    }

    #[test]
    fn an_expected_duration_is_within_bounds() {
        let expecting = args(&["a", "--expect", "10m"]);

        assert_eq!(expecting.project_settings().unwrap().cadence.expect, Some(Duration::from_mins(10)));
        assert_eq!(expecting.options.words(), ["--expect", "10m"]);
        assert_eq!(args(&["a"]).project_settings().unwrap().cadence.expect, None);
        for refused in ["0s", "999ms", "31d", "10"] {
            assert!(Args::try_parse_from(["wait", "a", "--expect", refused]).is_err(), "{refused}");
        }
    }

    #[test]
    fn effort() {
        let eager = args(&["a", "--effort", "eager"]);
        assert_eq!(eager.project_settings().unwrap().cadence.effort, Effort::Eager);
        assert_eq!(eager.options.words(), ["--effort", "eager"]);
        let usual = args(&["a"]);
        assert_eq!(usual.project_settings().unwrap().cadence.effort, Effort::Balanced);
    }
}
