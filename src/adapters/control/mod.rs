//! The control socket: how other commands ask a running daemon for facts and changes.
//!
//! HTTP over a Unix socket, so that any client can be used, such as `curl --unix-socket`. Every
//! request is answered with one JSON document, which is a type of this module; one that cannot be
//! met with `{"error": …, "help": …}`.
//!
//! Invariant: only the user that the daemon runs as, and root, are served. Whatever a client does,
//! the watch goes on: a request is one more event of the daemon's loop, and what grows with the
//! number of jobs is answered in parts, each an event of its own.

mod change;
mod client;
mod connections;
mod explain;
mod handover;
mod history;
mod jobs;
mod path;
mod pause;
mod reload;
mod server;
mod silence;
mod sink_test;

pub use change::{Change, ChangeAnswer, HandedOverRequest, answer_text, parse_answer};
pub use client::{CallError, Client};
pub use explain::{
    CadenceReport, ExplainJob, ExplanationReport, HoldReport, Later, LearnedRate, RateReport, RuleReport,
    SinceReport, TurnReport,
};
pub use handover::{ActiveTerm, Handover, HandoverBegun};
pub use jobs::{AddJobs, ForgetJobs, JobChange, JobResult, JobResults, NewJob};
pub use path::{client_path, server_path};
pub use pause::Changed;
pub use reload::Reloaded;
pub use server::{BindError, Server};
pub use silence::{SetSilence, SilenceList};
pub use sink_test::{SinkTest, SinkTests, TestSinks};

use serde_json::Value;

use super::report::{Question, RequestError, RequestErrorKind, Responder};

/// A request of a client, and how to answer it.
#[derive(Debug)]
pub enum Request {
    /// What a client wants to know, which changes nothing.
    Question(Question),
    /// When a job is polled next, and why.
    Explain(ExplainJob, Responder<ExplanationReport>),
    /// Send a marked test event to sinks.
    TestSinks(TestSinks, Responder<SinkTests>),
    /// Change something. The answer is the document of that change.
    Change(Change, Responder<Value>),
    /// Read the configuration again.
    Reload(Responder<Reloaded>),
    /// Give the lease to another replica.
    Handover(Responder<Handover>),
    /// List the silences in force.
    Silences(Responder<SilenceList>),
}

impl From<Question> for Request {
    fn from(question: Question) -> Self {
        Self::Question(question)
    }
}
