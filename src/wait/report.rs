//! The last word of a wait: the state of every job, and what the exit code says of them.
//!
//! Invariant: every job of the wait is in the report, however the wait ended.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::engine::time::Now;
use crate::engine::{Engine, JobView, Outcome};
use crate::model::{Exit, JobRef, ProjectName, Status, duration, schema};

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
    /// Whether the wait ended because its time was over, whatever the exit code tells.
    timed_out: bool,
    /// How long the wait took.
    waited_seconds: f64,
    /// Every job of the wait.
    jobs: Vec<JobReport>,
    #[serde(skip)]
    exit: Exit,
}

/// The state of one job.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct JobReport {
    /// The project it belongs to.
    project: ProjectName,
    /// The job.
    job: JobRef,
    /// How it stands.
    outcome: Outcome,
    /// Its last known status; `null` where none was seen.
    status: Option<Status>,
    /// Seconds from its start (or from the start of the wait, where that is unknown) to its end where that is known, else
    /// to the end of the wait.
    elapsed_seconds: f64,
    /// Seconds from its end to the answer that told of it, where both are known.
    detection_delay_seconds: Option<f64>,
    /// How often it was asked for.
    polls: u64,
    /// Why the last request for it was not answered well, unless a good answer followed.
    last_error: Option<String>,
}

impl Report {
    /// The report on the jobs of `engine`, for a wait that began at `started` and ends with `exit`.
    pub fn new(engine: &Engine, exit: Exit, timed_out: bool, started: Now, now: Now) -> Self {
        Self {
            version: VERSION,
            outcome: outcome_of(exit),
            exit_code: exit.code(),
            timed_out,
            waited_seconds: now.instant.since(started.instant).as_secs_f64(),
            jobs: engine.jobs().map(|job| JobReport::new(&job, now)).collect(),
            exit,
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether the wait ended because its time was over.
    pub fn timed_out(&self) -> bool {
        self.timed_out
    }

    /// One line for a notification.
    pub fn headline(&self) -> String {
        match &self.jobs[..] {
            [job] => format!("{} {}", job.job.label(), job.words()),
            jobs => {
                let completed = jobs.iter().filter(|job| job.outcome == Outcome::Completed).count();
                format!("{completed} of {} restores completed", jobs.len())
            }
        }
    }

    /// The ids of the jobs that had not ended.
    pub fn open_ids(&self) -> impl Iterator<Item = &str> {
        let open = |job: &&JobReport| job.outcome == Outcome::Open;
        self.jobs.iter().filter(open).map(|job| job.job.id.as_str())
    }

    /// The report for people: a line for each job.
    pub fn human(&self) -> String {
        let width = self.jobs.iter().map(|job| job.words().len()).max().unwrap_or_default();
        let line = |job: &JobReport| format!("{:<width$}  {}\n", job.words(), job.details());
        self.jobs.iter().map(line).collect::<Vec<_>>().concat()
    }
}

impl JobReport {
    fn new(view: &JobView<'_>, now: Now) -> Self {
        let tracker = view.tracker;
        Self {
            project: view.project.clone(),
            job: tracker.job(),
            outcome: Outcome::of(view),
            status: tracker.status().cloned(),
            elapsed_seconds: tracker.elapsed(now).as_secs_f64(),
            detection_delay_seconds: tracker.detection_delay(now).map(|delay| delay.as_secs_f64()),
            polls: view.polls,
            last_error: view.refused.or(tracker.last_error()).map(str::to_owned),
        }
    }

    fn words(&self) -> String {
        self.outcome.in_words(self.status.as_ref())
    }

    fn details(&self) -> String {
        let mut words = vec![self.job.id.to_string()];
        words.extend(self.job.facts.target_index_name.as_ref().map(|index| format!("index {index}")));
        words.extend(self.job.name.as_ref().map(|name| format!("name {name}")));
        if self.status.is_some() {
            words
                .push(duration::human(Duration::try_from_secs_f64(self.elapsed_seconds).unwrap_or_default()));
        }
        words.extend(self.last_error.as_ref().map(|error| format!("last error: {error}")));
        words.join("  ")
    }
}

/// The exit codes that a wait with a report can have.
const ENDS: [Exit; 9] = [
    Exit::Met,
    Exit::Failed,
    Exit::Missing,
    Exit::Refused,
    Exit::Unreachable,
    Exit::Unrecognised,
    Exit::Timeout,
    Exit::Interrupted,
    Exit::Terminated,
];

fn outcomes(_: &mut SchemaGenerator) -> Schema {
    schema::names(ENDS.map(|exit| (outcome_of(exit), exit.meaning())))
}

fn exit_codes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "enum": ENDS.map(Exit::code) })
}

/// The published name of a wait's outcome.
fn outcome_of(exit: Exit) -> &'static str {
    match exit {
        Exit::Met => "met",
        Exit::Failed => "failed",
        Exit::Missing => "not_found",
        Exit::Refused => "unauthorized",
        Exit::Unreachable => "unreachable",
        Exit::Unrecognised => "unrecognised",
        Exit::Timeout => "timeout",
        Exit::Interrupted => "interrupted",
        Exit::Terminated => "terminated",
        Exit::Usage | Exit::Internal | Exit::State | Exit::Config => "error",
    }
}
