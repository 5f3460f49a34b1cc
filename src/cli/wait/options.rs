//! The options of every command that waits, and what they mean.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::Failure;
use crate::cli::ci::CiArgs;
use crate::cli::project::ProjectArgs;
use crate::cli::values::{bound, parse_duration, parse_effort, parse_expect, parse_interval};
use crate::config::{
    DesktopSettings, Effort, ProjectSettings, SinkSettings, SinkTarget, UrlSource, WatchSettings,
    WebhookSettings, WebhookUrl,
};
use crate::model::{Until, duration};

/// How to wait, and what to report of it.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaitOptions {
    /// Run this command if the wait ends with 0; it replaces this process
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandName)]
    pub(in crate::cli) command: Vec<OsString>,

    #[command(flatten, next_help_heading = RESTORES)]
    pub(in crate::cli) project: ProjectArgs,

    /// Wait until the restore ends, or until its index is ready [default: completed, unless the
    /// configuration says otherwise]
    #[arg(long, value_enum, value_name = "STATE", help_heading = END)]
    pub(in crate::cli) until: Option<Until>,

    /// Give up after this time, such as 90s, 10m or 1h30m [default: never]
    #[arg(long, short, value_name = "DURATION", value_parser = parse_duration, help_heading = END)]
    pub(in crate::cli) timeout: Option<Duration>,

    /// Give up on an id that the API does not know after this time [default: 60s]
    ///
    /// A restore that has just begun can be unknown for some seconds. This is also how long one can
    /// be missing from the API's list.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = END)]
    pub(in crate::cli) not_found_grace: Option<Duration>,

    /// Give up if the key is refused twice, at least this far apart (at most 1m) [default: 5s]
    ///
    /// Refused means 401 or 403. If the second one is not the API's own answer, such as the page of
    /// a gateway, it must come 12 times as late.
    #[arg(long, value_name = "DURATION", value_parser = parse_unauthorized_grace, help_heading = END)]
    pub(in crate::cli) unauthorized_grace: Option<Duration>,

    /// Give up if the API cannot be reached for this time [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = END)]
    pub(in crate::cli) unreachable_after: Option<Duration>,

    /// What to print on standard output
    #[arg(long, value_enum, default_value_t = OutputForm::Human, help_heading = OUTPUT)]
    pub(in crate::cli) output: OutputForm,

    /// Print only errors on standard error
    #[arg(long, short, help_heading = OUTPUT)]
    pub(in crate::cli) quiet: bool,

    /// How to show progress on standard error
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto, help_heading = OUTPUT)]
    pub(in crate::cli) progress: ProgressForm,

    /// With plain progress, print a line at least this often; 0 for never
    #[arg(
        long = "heartbeat",
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "60s",
        help_heading = OUTPUT
    )]
    pub(in crate::cli) progress_interval: Duration,

    #[command(flatten, next_help_heading = OUTPUT)]
    pub(in crate::cli) ci: CiArgs,

    /// Show a desktop notification at the end
    ///
    /// Whether the desktop takes notifications is checked at the start. A notification that fails
    /// does not change the exit code.
    #[arg(long, alias = "notify", help_heading = NOTIFICATIONS)]
    pub(in crate::cli) desktop: bool,

    /// Post each event to this address as JSON
    ///
    /// The first event is posted when the first job is seen, so that a wrong address is noticed at
    /// the start. At the end, up to 10 s are spent on events that are not delivered yet. A receiver
    /// that fails does not change the exit code.
    #[arg(long, value_name = "URL", help_heading = NOTIFICATIONS)]
    pub(in crate::cli) webhook: Option<String>,

    /// How many requests to make to notice the end sooner [default: balanced]
    ///
    /// `gentle` makes half as many as `balanced`, `eager` twice as many, and `full` nine tenths of
    /// what the rate permits.
    #[arg(long, value_name = "EFFORT", value_parser = parse_effort(), help_heading = POLLING)]
    pub(in crate::cli) effort: Option<Effort>,

    /// The shortest time between two polls of a job [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, help_heading = POLLING)]
    pub(in crate::cli) min_interval: Option<Duration>,

    /// The longest time between two polls of a job [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval, help_heading = POLLING)]
    pub(in crate::cli) max_interval: Option<Duration>,

    /// About how long the restore takes, such as 10m: polls are closer together around that time
    ///
    /// If past restores of the project are known, their durations are used instead.
    #[arg(long, value_name = "DURATION", value_parser = parse_expect, help_heading = POLLING)]
    pub(in crate::cli) expect: Option<Duration>,
}

pub(in crate::cli) const RESTORES: &str = "Which restores";
pub(in crate::cli) const END: &str = "When the wait ends";
const OUTPUT: &str = "Output";
const NOTIFICATIONS: &str = "Notifications";
const POLLING: &str = "Polling";

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OutputForm {
    /// A report at the end, for people.
    Human,
    /// A report at the end, as one JSON object.
    Json,
    /// Each event as a line of JSON.
    Ndjson,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ProgressForm {
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

impl WaitOptions {
    /// Has the project be waited for as these options say.
    pub(in crate::cli) fn apply(&self, project: &mut ProjectSettings) -> Result<(), Failure> {
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

        Ok(())
    }

    pub(in crate::cli) fn sinks(&self) -> Result<Vec<SinkSettings>, Failure> {
        let Some(url) = &self.webhook else { return Ok(Vec::new()) };
        let url = WebhookUrl::parse(url, false)
            .map_err(|fault| Failure::usage(format!("the URL of --webhook {fault}")))?;
        // The end of a wait leaves no time for a schedule of days: 1 s, doubling, up to about an
        // hour.
        let retry_schedule = (0..12).map(|n| Duration::from_secs(1 << n)).collect();
        let webhook = WebhookSettings { retry_schedule, ..WebhookSettings::new(UrlSource::Given(url)) };
        Ok(vec![SinkSettings::new(SinkTarget::Webhook(webhook))])
    }

    /// Refuses what this program was built without: at the end of a wait it would be too late.
    pub(in crate::cli) fn check_desktop(&self) -> Result<(), Failure> {
        if !self.desktop || DesktopSettings::IS_BUILT_IN {
            return Ok(());
        }
        let failure = Failure::usage(format!("--desktop: {}", DesktopSettings::NOT_BUILT_IN));
        Err(failure.with_help(
            "leave it out, or run a restore-watch with the feature `desktop`, which `restore-watch --version` names",
        ))
    }

    /// Whether no progress is printed.
    pub(in crate::cli) fn is_silent(&self) -> bool {
        self.quiet || self.progress == ProgressForm::None
    }

    /// The same options, as a command that goes on waiting has them. Options about output are left
    /// out, and those that may hold secrets: the address of a webhook, and the command.
    pub(in crate::cli) fn words(&self) -> Vec<String> {
        let duration = |value: Option<Duration>| value.map(duration::written);
        let path = |path: &Path| path.display().to_string();
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
        let desktop = self.desktop.then(|| "--desktop".to_owned());
        let options = given.into_iter().filter_map(|(option, value)| Some([option.to_owned(), value?]));
        desktop.into_iter().chain(options.flatten()).collect()
    }
}
