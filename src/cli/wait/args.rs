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
use crate::cli::{Failure, ids};
use crate::config::{
    DiscoverySettings, Effort, IndexPattern, JobSettings, ProjectSettings, SinkSettings, UrlSource,
    WatchSettings, WebhookSettings, WebhookUrl,
};
use crate::engine::Condition;
use crate::model::{JobId, Until, duration};

/// Block until restore jobs end, and say how by the exit code
#[derive(Debug, Parser)]
#[command(after_help = after_help(), arg_required_else_help = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the published command line")]
pub(in crate::cli) struct Args {
    /// Ids of restore jobs; `-` reads them from standard input, one a line or as JSON objects that
    /// have a `restore_job_id`
    #[arg(value_name = "JOB_ID")]
    pub(super) jobs: Vec<String>,

    /// Read further ids from this file; the same forms as standard input
    #[arg(long, value_name = "FILE")]
    pub(super) from_file: Option<PathBuf>,

    /// Wait for every restore of the project that is unfinished, as the API lists them, beside
    /// those that are named; those that begin meanwhile too, until a look at the list,
    /// --not-found-grace after the start at the earliest, shows no other
    #[arg(long)]
    pub(super) all_pending: bool,

    /// With --all-pending: only restores into an index of such a name; `*` stands for any
    /// characters, `?` for one. Can be given several times
    #[arg(
        long,
        value_name = "PATTERN",
        value_parser = IndexPattern::parse,
        requires = "all_pending",
        conflicts_with_all = ["jobs", "from_file"]
    )]
    pub(super) index: Vec<IndexPattern>,

    /// With --all-pending: no restore into an index of such a name. Can be given several times
    #[arg(
        long,
        value_name = "PATTERN",
        value_parser = IndexPattern::parse,
        requires = "all_pending",
        conflicts_with_all = ["jobs", "from_file"]
    )]
    pub(super) exclude_index: Vec<IndexPattern>,

    /// Wait until every job completes (the default)
    #[arg(long, conflicts_with = "any")]
    pub(super) all: bool,

    /// Wait until one job completes
    #[arg(long)]
    pub(super) any: bool,

    /// End as soon as one job did not complete, instead of waiting for the others
    #[arg(long, conflicts_with = "any")]
    pub(super) fail_fast: bool,

    /// What to wait for: that a job completes, or that its index serves, too [default: completed,
    /// unless the configuration says otherwise]
    #[arg(long, value_enum, value_name = "STATE")]
    pub(super) until: Option<Until>,

    /// Give up after this time, such as 90s, 10m or 1h30m; without it, wait as long as it takes
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) timeout: Option<Duration>,

    /// How long a job that was never seen may be unknown to the API, and one that has begun be
    /// missing from its list [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) not_found_grace: Option<Duration>,

    /// How far apart two refusals of the key (401, 403) are at least, so that the wait ends with 4;
    /// 12 times as far where the second has no body of the API, such as a page of a gateway; at
    /// most 1m [default: 5s]
    #[arg(long, value_name = "DURATION", value_parser = parse_unauthorized_grace)]
    pub(super) unauthorized_grace: Option<Duration>,

    /// How long the API may give no good answer about a job [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(super) unreachable_after: Option<Duration>,

    /// How many requests are made to notice the end sooner: `gentle` makes half as many, `eager`
    /// twice as many, and `full` nine tenths of what the rate permits [default: balanced]
    #[arg(long, value_name = "EFFORT", value_parser = parse_effort())]
    pub(super) effort: Option<Effort>,

    /// The shortest time between two polls of a job [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    pub(super) min_interval: Option<Duration>,

    /// The longest time between two polls of a job [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    pub(super) max_interval: Option<Duration>,

    /// How long a restore is expected to take, about, such as 10m: the polls gather about that time.
    /// The past restores of the project, if some are known, take its place
    #[arg(long, value_name = "DURATION", value_parser = parse_expect)]
    pub(super) expect: Option<Duration>,

    /// What is printed on standard output: a report at the end, for people or as one JSON object,
    /// or each transition as a line of JSON
    #[arg(long, value_enum, default_value_t = OutputForm::Human)]
    pub(super) output: OutputForm,

    /// Print nothing on standard error but errors
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// How progress is shown on standard error: `auto` draws a line for each job on a terminal and
    /// prints plain lines elsewhere, and in a pipeline
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto)]
    pub(super) progress: ProgressForm,

    /// Print a line at least this often where progress is plain, as a sign that the wait is not
    /// hung; 0 for never
    #[arg(long = "heartbeat", value_name = "DURATION", value_parser = parse_duration, default_value = "60s")]
    pub(super) progress_interval: Duration,

    #[command(flatten)]
    pub(super) ci: CiArgs,

    /// Show a desktop notification at the end
    #[arg(long)]
    pub(super) desktop: bool,

    /// Post each transition to this address as JSON; at the end, up to 10 s are spent on what is
    /// not yet delivered
    #[arg(long, value_name = "URL")]
    pub(super) webhook: Option<String>,

    #[command(flatten)]
    pub(super) project: ProjectArgs,

    /// Become this command when the wait ended with 0
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandName)]
    pub(super) command: Vec<OsString>,
}

/// What the help ends with.
fn after_help() -> String {
    format!("{}\n{SURROUNDINGS}", exit_codes::table())
}

const SURROUNDINGS: &str = "\
Environment:
  PINECONE_API_KEY          the API key of the project
  PINECONE_CONTROLLER_HOST  the control plane, https://api.pinecone.io unless set
  HTTPS_PROXY, NO_PROXY     the proxy to use, such as http://proxy.example:3128, and hosts to reach without it
  NO_COLOR                  no colours, where set and not empty
  RUST_LOG                  what is logged on standard error, such as restore_watch=debug

Examples:
  restore-watch wait 670e8400-e29b-41d4-a716-446655440001 --timeout 2h
  pc index restore --id BACKUP --name INDEX --json | restore-watch wait -
  restore-watch wait JOB_ID -- ./switch-traffic.sh";

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputForm {
    /// A report at the end.
    Human,
    /// A report at the end, as one JSON object.
    Json,
    /// Each transition as a line of JSON.
    Ndjson,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProgressForm {
    /// By what standard error is.
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
    pub(super) fn project_settings(&self) -> Result<ProjectSettings, Failure> {
        let ids = ids::collect(&self.jobs, self.from_file.as_deref())?;
        let mut project = self.project.choose()?;
        // DiscoverySettings of the configuration is for a daemon; a wait has an option for it.
        let max_jobs = project.discover.map_or(DiscoverySettings::MAX_JOBS, |discover| discover.max_jobs);
        project.discover = self.all_pending.then(|| DiscoverySettings {
            indexes: self.index.clone(),
            exclude: self.exclude_index.clone(),
            max_jobs,
        });

        if self.all_pending || !ids.is_empty() {
            project.jobs = ids.into_iter().map(|id| with_settings_of(id, &project.jobs)).collect();
        }
        // A wait without jobs would never end.
        if project.jobs.is_empty() && !self.all_pending {
            return Err(Failure::usage("no job ids were given").with_help(
                "name the restore jobs to wait for, `-` to read their ids from standard input, or --all-pending",
            ));
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

    pub(super) fn sinks(&self) -> Result<Vec<SinkSettings>, Failure> {
        let Some(url) = &self.webhook else { return Ok(Vec::new()) };
        let url = WebhookUrl::parse(url, false)
            .map_err(|fault| Failure::usage(format!("the URL of --webhook {fault}")))?;
        // The end of a wait leaves no time for a schedule of days: 1 s, doubling, up to about an
        // hour.
        let retry_schedule = (0..12).map(|n| Duration::from_secs(1 << n)).collect();
        let webhook = WebhookSettings { retry_schedule, ..WebhookSettings::new(UrlSource::Given(url)) };
        Ok(vec![SinkSettings::Webhook(webhook)])
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
            names_jobs: !self.all_pending,
            of_project: self.project.words(),
            section: None,
        }
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
