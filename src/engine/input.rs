//! What goes into the engine: what happened, and commands.
//!
//! Invariant: inputs are plain data, so a sequence of them can be written down and replayed.

use std::time::Duration;

use jiff::Timestamp;

use super::action::{ListId, PollId, RequestAnswer};
use super::failure::Failure;
use super::silences::NewSilence;
use super::sink_plan::SinkPlan;
use super::snapshot::DeliveryRecord;
use crate::config::{JobSettings, ProjectSettings, Retention};
use crate::model::{DeliveryId, IndexObservation, JobId, Observation, ProjectName, SilenceId};

/// Something that happened, or a command.
#[derive(Debug, Clone)]
pub enum Input {
    /// The time of [`Engine::poll_timeout`](super::Engine::poll_timeout) has come.
    Timeout,
    /// The API of a project says that it is `time` there. Comes before the answer that said so,
    /// which may be judged by it, and makes nothing due by itself.
    ServerTime {
        /// The project whose API answered.
        project: ProjectName,
        /// The time, by the clock of the server.
        time: Timestamp,
    },
    /// A poll was answered, and the answer could be read.
    PollAnswered {
        poll: PollId,
        /// What the API said.
        answer: Answer,
    },
    /// A poll was not answered, or with an error.
    PollFailed {
        poll: PollId,
        /// What went wrong.
        failure: Failure,
    },
    /// A page of a project's list was answered, and could be read.
    PageFetched { list: ListId, page: ListPage },
    /// A page of a project's list was not answered, or with an error.
    PageFailed {
        list: ListId,
        /// Whether the server rejected the page token, so that the scan starts over.
        is_of_token: bool,
        /// What went wrong.
        failure: Failure,
    },
    /// The batch of the last [`Action::Commit`](super::Action::Commit) is durable.
    Committed,
    /// A sink accepted a delivery.
    Delivered(DeliveryId),
    /// A sink did not accept a delivery.
    DeliveryFailed {
        id: DeliveryId,
        /// What went wrong.
        failure: Failure,
    },
    /// Another process changed pending deliveries in the state.
    DeliveriesEdited(Vec<Edit>),
    /// The machine was suspended for this long, or the process was not scheduled: nothing was done
    /// in that time, and nothing that passed in it counts.
    Suspended(Duration),
    /// A person or a caller wants something.
    Command(Command),
}

impl From<Command> for Input {
    fn from(command: Command) -> Self {
        Self::Command(command)
    }
}

/// What people and callers ask of the engine.
#[derive(Debug, Clone)]
pub enum Command {
    /// Follow this plan from now on. What is known of jobs, projects and sinks that it does not
    /// have is archived, and used if they come back.
    Reconfigure(Plan),
    /// Watch a job that the configuration need not name, until [`Command::Forget`].
    Add(ProjectName, JobSettings),
    /// Stop watching a job that was added, and delete what is known of it. Its pending deliveries
    /// go on.
    Forget(ProjectName, JobId),
    /// Make no request for a project until [`Command::Resume`], over restarts, too.
    Pause(ProjectName),
    /// Make requests for a paused project again.
    Resume(ProjectName),
    /// For some time, drop deliveries of events that match.
    Silence(NewSilence),
    /// End a silence before its time.
    EndSilence(SilenceId),
    /// Commit all changes so far as soon as the commit under way permits it.
    Commit,
    /// Begin no commit until [`Command::Answer`].
    HoldCommits,
    /// Commit all changes so far in one batch, and these answers with them.
    Answer(Vec<RequestAnswer>),
    /// Read the first page of a project's list soon, unless one was read: for what it shows about
    /// other jobs.
    ReadList(ProjectName),
    /// Poll each job that has not ended once more, because a wait is about to end.
    FinalPoll,
    /// Stop polling and commit what is known; pending deliveries go on.
    Stop,
}

/// What an engine is configured to do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it watches.
    pub projects: Vec<ProjectSettings>,
    /// Where events are delivered.
    pub sinks: Vec<SinkPlan>,
    /// How long what has ended is kept.
    pub keep: Retention,
}

/// What the engine answers to an input at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandReply {
    /// The input has its effect.
    Done,
    /// A [`Command::Reconfigure`] has its effect.
    Reconfigured(Reconfigured),
    /// What a command asks for was so before.
    Unchanged,
    /// The configuration has no such project.
    UnknownProject,
    /// The job is neither watched nor archived.
    UnknownJob,
    /// The configuration names the job, so it is watched as before.
    Configured,
    /// The silence is in force under this number.
    Silenced(SilenceId),
    /// No silence of this number is in force.
    UnknownSilence,
    /// No further silence can be in force beside those that are.
    TooManySilences,
}

/// What a new plan changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconfigured {
    /// Jobs that are watched since.
    pub added: Vec<JobId>,
    /// Jobs that are no longer watched.
    pub removed: Vec<JobId>,
}

/// What the API said to a poll.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A description of the job.
    Job(Observation),
    /// A description of its index.
    Index(IndexObservation),
}

/// A page of the list of jobs. The list is best effort: the absence of a job proves nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListPage {
    /// The jobs on it; one may be there twice.
    pub jobs: Vec<Observation>,
    /// How many rows it had beyond the requested number; they are left out.
    pub surplus: usize,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// A change that another process made to a delivery in the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// Attempt it now.
    Retry(DeliveryRecord),
    /// Make no further attempt.
    Drop(DeliveryRecord),
}
