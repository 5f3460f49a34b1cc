//! The report at the end of a wait: the state of every job, and what the exit code says of them.
//!
//! Invariant: every job of the wait is in the report, however the wait ended.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::counts::{Counts, Standing};
use super::order::{Order, Place};
use super::report_text::{self, Line};
use super::resume::{self, Again};
use super::style::Surface;
use super::words;
use crate::adapters::ci;
use crate::engine::{Engine, IndexWatch, JobView};
use crate::model::time::Now;
use crate::model::{
    Elapsed, Exit, Expectation, JobRef, Outcome, ProjectName, Status, Until, duration, schema,
};

/// The version of the JSON form. It grows with each change that is no mere addition.
const VERSION: u32 = 1;

/// The state of all jobs at the end of a wait. Its serialized form is what `--output json` prints.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(
    description = "The state of all jobs at the end of a wait: what `restore-watch wait --output json` prints."
)]
pub struct Report {
    /// The version of this form. It grows with each change that is no mere addition.
    #[schemars(extend("const" = VERSION))]
    version: u32,
    /// How the wait ended.
    #[schemars(schema_with = "outcomes")]
    outcome: &'static str,
    /// The exit code of the wait.
    #[schemars(schema_with = "exit_codes")]
    exit_code: u8,
    /// Whether the wait ended because its time was over, whatever the exit code says.
    pub(super) timed_out: bool,
    /// How long the wait took.
    waited_seconds: f64,
    /// The command that waits for the same of the jobs that are open, if time or a signal ended
    /// the wait.
    resume: Option<String>,
    /// How long restores took in the past, of the group of all jobs or else of the project, where
    /// some are known beside those of the wait.
    expected: Option<Expectation>,
    /// Why the restores cannot be listed, if unfinished ones are looked for and that fails.
    pub(super) list_error: Option<String>,
    /// Every job of the wait.
    pub(super) jobs: Vec<JobReport>,
    #[serde(skip)]
    pub(super) exit: Exit,
}

/// The state of one job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct JobReport {
    /// The project it belongs to.
    pub(super) project: ProjectName,
    /// The job.
    pub(super) job: JobRef,
    /// How it stands.
    pub(super) outcome: Outcome,
    /// Its last known status; `null` if none was seen.
    pub(super) status: Option<Status>,
    #[serde(flatten)]
    pub(super) elapsed: Elapsed,
    /// Seconds from its end to the answer that showed it, if both are known.
    pub(super) detection_delay_seconds: Option<f64>,
    /// How often it was asked for.
    pub(super) polls: u64,
    /// Why the last request for it was not answered well, unless a good answer followed.
    pub(super) last_error: Option<String>,
    /// Until when it was watched.
    pub(super) until: Until,
    /// The last known state of its index, if the index was watched.
    pub(super) index_state: Option<Status>,
    #[serde(skip)]
    pub(super) words: String,
    /// Its place in the report for people.
    #[serde(skip)]
    pub(super) place: Place,
}

impl Report {
    /// Reports on the jobs of `engine`, for a wait that began at `started` and ends with `exit`.
    pub fn new(engine: &Engine, exit: Exit, timed_out: bool, started: Now, now: Now) -> Self {
        Self {
            version: VERSION,
            outcome: exit.word().unwrap_or("error"),
            exit_code: exit.code(),
            timed_out,
            waited_seconds: now.instant.since(started.instant).as_secs_f64(),
            resume: None,
            expected: words::expected(engine),
            list_error: words::list_error(engine),
            jobs: engine.jobs().map(|job| JobReport::new(&job, now)).collect(),
            exit,
        }
    }

    /// Adds the command that goes on, if there is anything to go on with. `again` are the options
    /// by which it waits for the same; unless it `names_jobs`, they also say which jobs are meant,
    /// so that one not yet known may be open.
    #[must_use]
    pub fn with_resume(mut self, again: &Again, names_jobs: bool) -> Self {
        let open = |job: &&JobReport| job.outcome == Outcome::Open;
        let ids: Vec<_> = self.jobs.iter().filter(open).map(|job| job.job.id.as_str()).collect();
        if (!ids.is_empty() || !names_jobs) && (self.timed_out || self.exit.is_signal()) {
            self.resume = Some(resume::command(ids, again));
        }
        self
    }

    /// Has the report for people list the jobs in this order.
    #[must_use]
    pub(super) fn in_order(mut self, order: &Order) -> Self {
        for job in &mut self.jobs {
            job.place = order.place(&job.job.id);
        }
        self
    }

    /// The command that goes on.
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether the wait ended because its time was over.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// What the exit code means here.
    pub fn meaning(&self) -> &'static str {
        let index_alone =
            !self.jobs.iter().any(|job| matches!(job.outcome, Outcome::Failed | Outcome::Cancelled));
        match self.exit {
            Exit::Failed if index_alone => "an index did not become ready",
            Exit::Failed => "a job failed or was cancelled",
            Exit::Config => "the API cannot be reached as it is configured",
            other => other.meaning(),
        }
    }

    /// The report for the host of a pipeline.
    pub fn ending(&self) -> ci::Ending {
        ci::Ending {
            outcome: self.outcome,
            exit_code: self.exit_code,
            meaning: self.meaning(),
            cut_short: self.timed_out || self.exit.is_signal(),
            resume: self.resume.clone(),
            jobs: self.jobs.iter().map(JobReport::for_ci).collect(),
            json: serde_json::to_string(&self.jobs).unwrap_or_default(),
        }
    }

    /// The report for people: a line for each job, and a summary.
    pub fn human(&self, surface: Surface) -> String {
        if self.jobs.is_empty() && self.exit == Exit::Success {
            return "no unfinished restores\n".to_owned();
        }
        let mut jobs: Vec<_> = self.jobs.iter().collect();
        jobs.sort_by(|a, b| a.place.compare(a.job.label(), b.place, b.job.label()));
        let texts: Vec<_> = jobs.iter().map(|job| (job.name(), job.time(), job.noticed())).collect();
        let lines = jobs.iter().zip(&texts).map(|(job, (name, time, noticed))| Line {
            outcome: job.outcome,
            words: &job.words,
            name: name.as_deref(),
            id: job.job.id.as_str(),
            time,
            noticed: noticed.as_deref(),
            error: job.last_error.as_deref(),
        });

        let error = self.list_error.iter().map(|error| format!("the restores cannot be listed: {error}\n"));
        error.collect::<String>()
            + &report_text::text(lines.collect(), &self.summary(), self.exit_code, surface)
    }

    /// What all jobs come to: `3 of 5 restores ready, 1 failed, 1 cancelled, in 33s`.
    fn summary(&self) -> String {
        let standing = |job: &JobReport| Standing::of(job.outcome, job.status.as_ref());
        let counts: Counts = self.jobs.iter().map(standing).collect();
        let good = if self.is_until_ready() { Standing::Ready } else { Standing::Completed };
        let others = counts.words_without(good);
        let what = match (&self.jobs[..], counts.total()) {
            ([], _) => "no restores found".to_owned(),
            ([job], _) => format!("1 restore {}", standing(job).words()),
            (_, total) => {
                let good = format!("{} of {} {}", counts.count(good), words::restores(total), good.words());
                [good, others].into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(", ")
            }
        };

        let waited = Duration::try_from_secs_f64(self.waited_seconds).unwrap_or_default();
        let waited = duration::human(waited);
        let how = match self.exit {
            exit if exit.is_signal() => format!("{} after {waited}", exit.meaning()),
            _ if self.timed_out => format!("timed out after {waited}"),
            _ => format!("in {waited}"),
        };
        format!("{what}, {how}")
    }

    fn is_until_ready(&self) -> bool {
        self.jobs.iter().any(|job| job.until == Until::Ready)
    }
}

#[cfg(test)]
impl Report {
    /// A report on these jobs.
    pub(super) fn sample(exit: Exit, jobs: Vec<JobReport>) -> Self {
        Self {
            version: VERSION,
            outcome: exit.word().unwrap_or("error"),
            exit_code: exit.code(),
            timed_out: false,
            waited_seconds: 1.0,
            resume: None,
            expected: None,
            list_error: None,
            jobs,
            exit,
        }
    }
}

impl JobReport {
    fn new(view: &JobView<'_>, now: Now) -> Self {
        let tracker = view.tracker;
        Self {
            project: view.project.clone(),
            job: tracker.job(),
            outcome: view.outcome(),
            status: tracker.status().cloned(),
            elapsed: tracker.elapsed(now),
            detection_delay_seconds: tracker.detection_delay(now).map(|delay| delay.as_secs_f64()),
            polls: view.polls,
            last_error: view.unauthorized.or(tracker.last_error()).map(str::to_owned),
            until: tracker.until(),
            index_state: tracker.index().and_then(IndexWatch::state).cloned(),
            words: words::outcome(view),
            place: Place::default(),
        }
    }

    fn for_ci(&self) -> ci::Job {
        ci::Job {
            id: self.job.id.to_string(),
            name: self.job.name.clone(),
            index: self.job.facts.target_index_name.clone(),
            outcome: self.outcome,
            words: self.words.clone(),
            elapsed: if self.status.is_some() { self.elapsed } else { Elapsed::Unknown },
            error: self.last_error.clone(),
        }
    }

    /// Its name, and that of the index it makes; nothing if it has only its id.
    fn name(&self) -> Option<String> {
        match (&self.job.name, &self.job.facts.target_index_name) {
            (Some(name), Some(index)) if name != index => Some(format!("{name} (index {index})")),
            (Some(name), _) | (None, Some(name)) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// How long it took, if it was seen.
    fn time(&self) -> String {
        self.elapsed.in_words().filter(|_| self.status.is_some()).unwrap_or_default()
    }

    /// How late its end was noticed, if that says more than how long it took.
    fn noticed(&self) -> Option<String> {
        self.elapsed.noticed().map(|noticed| format!("noticed {noticed}"))
    }
}

/// The exit codes that a wait with a report can have, each with its published word.
fn ends() -> impl Iterator<Item = (Exit, &'static str)> {
    Exit::OF_WAIT.into_iter().filter_map(|exit| Some((exit, exit.word()?)))
}

fn outcomes(_: &mut SchemaGenerator) -> Schema {
    schema::names(ends().map(|(exit, word)| (word, exit.meaning())))
}

fn exit_codes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "enum": ends().map(|(exit, _)| exit.code()).collect::<Vec<_>>() })
}
