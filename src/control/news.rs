//! What a daemon tells those who follow it: what comes of its polls, as lines of JSON in one answer that goes on.
//!
//! Invariant: what is told is what the API said, not what the daemon makes of it. A follower that does not keep up is
//! let go, and a daemon that says nothing for too long counts as gone.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::engine::{Answer, FailureClass};
use crate::model::{JobId, ProjectName};

/// How often a daemon gives a sign of life to its followers.
pub const ALIVE: Duration = Duration::from_secs(5);

/// How long a daemon may say nothing.
pub(super) const SILENCE: Duration = Duration::from_secs(20);

/// No line is longer, in bytes: the longest repeats the ids of a request, which is not longer either.
const LONGEST_LINE: usize = 1024 * 1024;

/// Jobs that somebody wants to follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowJobs {
    /// The control plane that they belong to: what a daemon says of jobs of another one is left out.
    pub endpoint: String,
    /// The project that they belong to; unless given, any of that control plane.
    #[serde(default)]
    pub project: Option<ProjectName>,
    /// The jobs.
    pub jobs: Vec<JobId>,
}

/// Something new for a follower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum News {
    /// These jobs are polled by the daemon; always the first line. What is known of them follows at once.
    Following {
        /// The jobs, of those that were asked for.
        jobs: Vec<JobId>,
    },
    /// The API answered.
    Answered {
        /// The job.
        job: JobId,
        /// What it said.
        answer: Answer,
        /// When the daemon asks again, from now.
        next_poll_seconds: Option<f64>,
    },
    /// The API did not answer, or not well.
    Failed {
        /// The job.
        job: JobId,
        /// What to make of it.
        class: FailureClass,
        /// What went wrong.
        message: String,
        /// When the daemon asks again, from now.
        next_poll_seconds: Option<f64>,
    },
    /// The daemon polls this job no more, or not for now.
    Left {
        /// The job.
        job: JobId,
    },
    /// Nothing is new.
    Alive,
}

/// What the daemon knows at first, and what comes further.
#[derive(Debug)]
pub struct Followed {
    /// At first.
    pub first: Vec<News>,
    /// Further.
    pub further: mpsc::Receiver<News>,
}

/// The body of the answer. It ends when the daemon lets go.
pub(super) struct NewsBody {
    first: std::vec::IntoIter<News>,
    further: mpsc::Receiver<News>,
}

impl NewsBody {
    pub(super) fn new(followed: Followed) -> Self {
        Self { first: followed.first.into_iter(), further: followed.further }
    }
}

impl Body for NewsBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let news = match self.first.next() {
            Some(news) => Some(news),
            None => std::task::ready!(self.further.poll_recv(cx)),
        };
        let line = |news| Bytes::from(serde_json::to_string(&news).unwrap_or_default() + "\n");
        Poll::Ready(news.map(|news| Ok(Frame::data(line(news)))))
    }
}

/// A daemon that is followed.
#[derive(Debug)]
pub struct Following {
    response: reqwest::Response,
    /// What was read, and so much of it was dealt with.
    buffer: Vec<u8>,
    done: usize,
    jobs: Vec<JobId>,
}

impl Following {
    /// Follows by this answer. Nothing where it does not say which jobs are followed.
    pub(super) async fn begin(response: reqwest::Response) -> Option<Self> {
        let mut following = Self { response, buffer: Vec::new(), done: 0, jobs: Vec::new() };
        match following.next().await? {
            News::Following { jobs } => Some(Self { jobs, ..following }),
            _ => None,
        }
    }

    /// The jobs that the daemon polls, as it said at first.
    pub fn jobs(&self) -> &[JobId] {
        &self.jobs
    }

    /// What is new; nothing where the daemon is gone, or makes no sense. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<News> {
        loop {
            let rest = &self.buffer[self.done..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                self.done += end + 1;
                return serde_json::from_slice(&rest[..end]).ok();
            }
            self.buffer.drain(..self.done);
            self.done = 0;
            if self.buffer.len() > LONGEST_LINE {
                return None;
            }
            let more = self.response.chunk().await.ok()??;
            self.buffer.extend_from_slice(&more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobFacts, Observation, Status};

    #[test]
    fn the_shape_of_the_lines() {
        let job = JobId::new("rj-1").unwrap();
        let observation =
            Observation { id: job.clone(), status: Status::Pending, facts: JobFacts::default() };
        let lines = [
            News::Following { jobs: vec![job.clone()] },
            News::Answered {
                job: job.clone(),
                answer: Answer::Job(observation),
                next_poll_seconds: Some(1.5),
            },
            News::Left { job: job.clone() },
            News::Alive,
        ];
        // A daemon of another version must be understood: these are names on the wire.
        let classes = [
            FailureClass::Transient,
            FailureClass::Throttled,
            FailureClass::Misconfigured,
            FailureClass::Refused,
            FailureClass::Blocked,
            FailureClass::NotFound,
            FailureClass::Permanent,
            FailureClass::Gone,
        ];
        let failed = |class| News::Failed {
            job: job.clone(),
            class,
            message: "HTTP 599".to_owned(),
            next_poll_seconds: None,
        };
        let lines: Vec<_> = lines.into_iter().chain(classes.map(failed)).collect();
        let shown: Vec<_> = lines.iter().map(|news| serde_json::to_string(news).unwrap()).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        {"type":"following","jobs":["rj-1"]}
        {"type":"answered","job":"rj-1","answer":{"job":{"id":"rj-1","status":"Pending","facts":{"backup_id":null,"target_index_name":null,"target_index_id":null,"created_at":null,"completed_at":null,"percent_complete":null}}},"next_poll_seconds":1.5}
        {"type":"left","job":"rj-1"}
        {"type":"alive"}
        {"type":"failed","job":"rj-1","class":"transient","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"throttled","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"misconfigured","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"refused","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"blocked","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"not_found","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"permanent","message":"HTTP 599","next_poll_seconds":null}
        {"type":"failed","job":"rj-1","class":"gone","message":"HTTP 599","next_poll_seconds":null}
        "#);
        for (line, news) in shown.iter().zip(lines) {
            assert_eq!(serde_json::from_str::<News>(line).unwrap(), news);
        }
    }
}
