//! What a daemon reports of itself: the questions that its loop answers, the published answers, and
//! what its state keeps for readers. The control socket and the HTTP listener both serve it.
//!
//! Invariant: nothing here changes anything. Whatever a client does, the watch goes on: a question
//! is one more event of the daemon's loop, and what grows with the number of jobs is answered in
//! parts, each an event of its own.

mod cluster;
mod error;
mod history_query;
mod parts;
mod query;
mod question;
mod reader;
mod readers;
#[cfg(test)]
pub(crate) mod samples;
mod silence;
mod status;
mod status_body;
mod words;

pub use cluster::{ActiveStatus, ClusterStatus, ReplicaStatus, Role};
pub use error::{JOBS_ARE_LISTED, RequestError, RequestErrorKind};
pub use history_query::{HistoryQuery, answer as history_answer};
pub use parts::Parts;
pub use query::StatusQuery;
pub use question::{Question, Responder, ask};
pub use reader::{History, HistoryFilter, HistoryRange, ReadError, Reader};
pub use readers::Readers;
pub use silence::{SilenceStatus, shown as shown_minute};
pub use status::{
    DaemonStatus, DeliveriesReport, JobCursor, JobStatus, JobsPart, OutboxStatus, ProjectStatus,
    ReloadStatus, SinkStatus, Status, StatusPart,
};
pub use status_body::answer as status_answer;
