//! The options of `restore-watch wait`, and what they mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::exit_codes;
use crate::app::wait::{Again, Options, Progress};
use crate::cli::ci::CiArgs;
use crate::cli::project::ProjectArgs;
use crate::cli::values::{bound, parse_duration, parse_effort, parse_expect, parse_interval};
use crate::cli::{Failure, examples, ids};
use crate::config::{
    DiscoverySettings, Effort, IndexPattern, JobSettings, ProjectSettings, SinkSettings, SinkTarget,
    UrlSource, WatchSettings, WebhookSettings, WebhookUrl,
};
use crate::engine::Condition;
use crate::model::{JobId, Until, duration};
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

    /// Run this command if the wait ends with 0; it replaces this process
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandName)]
    pub(super) command: Vec<OsString>,

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

    #[command(flatten, next_help_heading = RESTORES)]
    pub(super) project: ProjectArgs,

    /// Wait until every job completes (the default)
    #[arg(long, conflicts_with = "any", help_heading = END)]
    pub(super) all: bool,

    /// Wait until one job completes
    #[arg(long, help_heading = END)]
    pub(super) any: bool,

    /// End when the first job does not complete, instead of waiting for the others
    #[arg(long, conflicts_with = "any", help_heading = END)]
    pub(super) fail_fast: bool,

    /// Wait until the restore ends, or until its index is ready [default: completed, unless the
    /// configuration says otherwise]
    #[arg(long, value_enum, value_name = "STATE", help_heading = END)]
    pub(super) until: Option<Until>,

    /// Give up after this time, such as 90s, 10m or 1h30m [default: never]
    #[arg(long, short, value_name = "DURATION", value_parser = parse_duration, help_heading = END)]
    pub(super) timeout: Option<Duration>,

    /// Give up on an id that the API does not know after this time [default: 60s]
    ///
    /// A restore that has just begun can be unknown for some seconds. This is also how long one can
    /// be missing from the API's list.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = END)]
    pub(super) not_found_grace: Option<Duration>,

    /// Give up if the key is refused twice, at least this far apart (at most 1m) [default: 5s]
    ///
    /// Refused means 401 or 403. If the second one is not the API's own answer, such as the page of
    /// a gateway, it must come 12 times as late.
    #[arg(long, value_name = "DURATION", value_parser = parse_unauthorized_grace, help_heading = END)]
    pub(super) unauthorized_grace: Option<Duration>,

    /// Give up if the API cannot be reached for this time [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = END)]
    pub(super) unreachable_after: Option<Duration>,

    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = OutputForm::Human, help_heading = OUTPUT)]
    pub(super) output: OutputForm,

    /// Print only errors on standard error
    #[arg(long, short, help_heading = OUTPUT)]
    pub(super) quiet: bool,

    /// How to show progress on standard error
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto, help_heading = OUTPUT)]
    pub(super) progress: ProgressForm,

    /// With plain progress, print a line at least this often; 0 for never
    #[arg(
        long = "heartbeat",
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "60s",
        help_heading = OUTPUT
    )]
    pub(super) progress_interval: Duration,

    #[command(flatten, next_help_heading = OUTPUT)]
    pub(super) ci: CiArgs,

    /// Show a desktop notification at the end
    ///
    /// Whether the desktop takes notifications is checked at the start. A notification that fails
    /// does not change the exit code.
    #[arg(long, alias = "notify", help_heading = NOTIFICATIONS)]
    pub(super) desktop: bool,

    /// Post each event to this address as JSON
    ///
    /// The first event is posted when the first job is seen, so that a wrong address is noticed at
    /// the start. At the end, up to 10 s are spent on events that are not delivered yet. A receiver
    /// that fails does not change the exit code.
    #[arg(long, value_name = "URL", help_heading = NOTIFICATIONS)]
    pub(super) webhook: Option<String>,

    /// How many requests to make to notice the end sooner [default: balanced]
    ///
    /// `gentle` makes half as many as `balanced`, `eager` twice as many, and `full` nine tenths of
    /// what the rate permits.
    #[arg(long, value_name = "EFFORT", value_parser = parse_effort(), help_heading = POLLING)]
    pub(super) effort: Option<Effort>,

    /// The shortest time between two polls of a job [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, help_heading = POLLING)]
    pub(super) min_interval: Option<Duration>,

    /// The longest time between two polls of a job [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, help_heading = POLLING)]
    pub(super) max_interval: Option<Duration>,

    /// About how long the restore takes, such as 10m: polls are closer together around that time
    ///
    /// If past restores of the project are known, their durations are used instead.
    #[arg(long, value_name = "DURATION", value_parser = parse_expect, help_heading = POLLING)]
    pub(super) expect: Option<Duration>,
}

const RESTORES: &str = "Which restores";
const END: &str = "When the wait ends";
const OUTPUT: &str = "Output";
const NOTIFICATIONS: &str = "Notifications";
const POLLING: &str = "Polling";

/// What `--help` ends with.
fn after_long_help() -> String {
    format!("{}\n{}", exit_codes::table(), examples::of("wait").unwrap_or_default())
}

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputForm {
    /// A report at the end, for people.
    Human,
    /// A report at the end, as one JSON object.
    Json,
    /// Each event as a line of JSON.
    Ndjson,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressForm {
    /// A live display on a terminal, lines elsewhere.
    Auto,
    /// Lines.
    Plain,
    /// Nothing.
    None,
}

/// Parses the distance of two refusals.
fn parse_unauthorized_grace(text: &str) -> Result<Duration, String> {
    let grace = duration::parse(text).map_err(|error| error.to_string())?;
    if grace <= WatchSettings::MAX_UNAUTHORIZED_GRACE {
        Ok(grace)
    } else {
        Err("must be at most 1m".to_owned())
    }
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
        let mut project = self.project.choose()?;
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

        project.cadence.effort = self.effort.unwrap_or(project.cadence.effort);
        project.cadence.expect = self.expect.or(project.cadence.expect);
        bound(&mut project.cadence, self.min_interval, self.max_interval)?;
        let watch = &mut project.watch;
        if let Some(until) = self.until {
            watch.until = until;
            project.jobs.iter_mut().for_each(|job| job.until = None);
        }
        watch.not_found_grace = self.not_found_grace.unwrap_or(watch.not_found_grace);
        watch.unauthorized_grace = self.unauthorized_grace.unwrap_or(watch.unauthorized_grace);
        watch.unreachable_after = self.unreachable_after.unwrap_or(watch.unreachable_after);

        Ok(project)
    }

    /// Whether unfinished restores are waited for that are not named.
    fn discovers(&self) -> bool {
        self.all_pending || !self.index.is_empty()
    }

    pub(super) fn sinks(&self) -> Result<Vec<SinkSettings>, Failure> {
        let Some(url) = &self.webhook else { return Ok(Vec::new()) };
        let url = WebhookUrl::parse(url, false)
            .map_err(|fault| Failure::usage(format!("the URL of --webhook {fault}")))?;
        // The end of a wait leaves no time for a schedule of days: 1 s, doubling, up to about an
        // hour.
        let retry_schedule = (0..12).map(|n| Duration::from_secs(1 << n)).collect();
        let webhook = WebhookSettings { retry_schedule, ..WebhookSettings::new(UrlSource::Given(url)) };
        Ok(vec![SinkSettings::new(SinkTarget::Webhook(webhook))])
    }

    pub(super) fn options(&self, progress: Progress) -> Options {
        let condition = if self.any { Condition::Any } else { Condition::All { fail_fast: self.fail_fast } };
        let ndjson = self.output == OutputForm::Ndjson;
        Options {
            condition,
            timeout: self.timeout,
            progress,
            named: Vec::new(),
            ndjson,
            again: self.again(),
            names_jobs: !self.discovers(),
            of_project: self.project.words(),
            nothing_found: self.nothing_found(),
            section: None,
        }
    }

    /// What to do if no unfinished restore is found. With --all-pending, that is no failure; an index
    /// that is named is one for which a restore was expected, and its restore may have failed.
    fn nothing_found(&self) -> Option<String> {
        if self.all_pending || self.index.is_empty() {
            return None;
        }
        let patterns = self.index.iter().flat_map(|pattern| ["--index".to_owned(), pattern.to_string()]);
        let list = ["restore-watch".to_owned(), "list".to_owned()].into_iter().chain(patterns);
        let list: Vec<_> = list.chain(self.project.words()).collect();
        let list = list.iter().map(|word| shell::word(word)).collect::<Vec<_>>().join(" ");
        Some(format!(
            "no restore into this index is unfinished; `{list}` shows those that have ended; with --all-pending, it is \
             no failure to find none"
        ))
    }

    /// The options that repeat this wait, without the ids of jobs. Options about output are left
    /// out, and those that may hold secrets: the address of a webhook, and the command.
    fn again(&self) -> Again {
        let duration = |value: Option<Duration>| value.map(duration::written);
        let path = |path: &Path| path.display().to_string();
        let patterns = |option: &'static str, patterns: &[IndexPattern]| {
            let words = patterns.iter().flat_map(|pattern| [option.to_owned(), pattern.to_string()]);
            words.collect::<Vec<_>>()
        };
        let given = [
            ("--until", self.until.map(|until| until.to_string())),
            ("--timeout", duration(self.timeout)),
            ("--not-found-grace", duration(self.not_found_grace)),
            ("--unauthorized-grace", duration(self.unauthorized_grace)),
            ("--unreachable-after", duration(self.unreachable_after)),
            ("--effort", self.effort.map(|effort| effort.to_string())),
            ("--min-interval", duration(self.min_interval)),
            ("--max-interval", duration(self.max_interval)),
            ("--expect", duration(self.expect)),
            ("--config", self.project.config().map(path)),
            ("--project", self.project.name().map(str::to_owned)),
        ];

        let flags = [
            ("--all-pending", self.all_pending),
            ("--any", self.any),
            ("--fail-fast", self.fail_fast),
            ("--desktop", self.desktop),
        ];
        let flags = flags.into_iter().filter(|(_, given)| *given).map(|(flag, _)| flag.to_owned());
        let options = given.into_iter().filter_map(|(option, value)| Some([option.to_owned(), value?]));
        let found = [patterns("--index", &self.index), patterns("--exclude-index", &self.exclude_index)];

        let options = flags.chain(found.concat()).chain(options.flatten()).collect();
        Again { options, webhook: self.webhook.is_some() }
    }
}

/// A job with what the configuration says of it, if anything.
fn with_settings_of(id: JobId, configured: &[JobSettings]) -> JobSettings {
    configured.iter().find(|job| job.id == id).cloned().unwrap_or_else(|| JobSettings::new(id))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

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
        assert_eq!(all.again().options, words);
        assert!(!all.options(Progress::Silent).names_jobs);
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
        assert_eq!(wait.again().options, ["--index", "docs"]);
        assert!(!wait.options(Progress::Silent).names_jobs);
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
        assert_eq!(expecting.again().options, ["--expect", "10m"]);
        assert_eq!(args(&["a"]).project_settings().unwrap().cadence.expect, None);
        for refused in ["0s", "999ms", "31d", "10"] {
            assert!(Args::try_parse_from(["wait", "a", "--expect", refused]).is_err(), "{refused}");
        }
    }

    #[test]
    fn effort() {
        let eager = args(&["a", "--effort", "eager"]);
        assert_eq!(eager.project_settings().unwrap().cadence.effort, Effort::Eager);
        assert_eq!(eager.again().options, ["--effort", "eager"]);
        let usual = args(&["a"]);
        assert_eq!(usual.project_settings().unwrap().cadence.effort, Effort::Balanced);
    }
}
