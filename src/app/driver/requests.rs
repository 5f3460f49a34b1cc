//! Makes requests to the API, and turns what came of them into inputs.

use jiff::Timestamp;
use tracing::warn;

use crate::adapters::metrics::{Endpoint, Exchange};
use crate::adapters::pinecone::{ApiReply, Client, Error, Page};
use crate::engine::{Answer, FailureClass, Input, ListId, ListPage, PollId};
use crate::model::ProjectName;
use crate::platform::clock::Clock;

/// The result of a request to the API of a project.
pub(super) struct Answered {
    pub(super) project: ProjectName,
    pub(super) input: Input,
    /// The time of the server, which may decide what the input means.
    pub(super) server_time: Option<Timestamp>,
    /// Why there is no good answer, if so.
    pub(super) trouble: Option<Trouble>,
    /// The request, if one was made.
    pub(super) exchange: Option<Exchange>,
}

/// A failed request, for people.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) class: FailureClass,
    /// What went wrong.
    pub(super) message: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
    /// Whether the Pinecone API may not be at the address at all.
    pub(super) doubts_address: bool,
}

impl Trouble {
    fn of(error: &Error, client: &Client) -> Self {
        let doubts_address = client.doubts_address(error);
        let message = match error {
            // The others name the address themselves.
            Error::Status { .. } if doubts_address => format!("{} answered {error}", client.address()),
            _ => error.to_string(),
        };
        Self { class: error.class(), message, advice: client.advice(error), doubts_address }
    }
}

/// Describes a job, or its index of this name.
pub(super) async fn poll(client: Client, poll: PollId, index: Option<String>, clock: Clock) -> Answered {
    let project = poll.project.clone();
    let (reply, exchange) = if let Some(index) = &index {
        let (reply, exchange) = timed(Endpoint::DescribeIndex, clock, client.describe_index(index)).await;
        (reply.map(Answer::Index), exchange)
    } else {
        let describing = client.describe(&poll.job);
        let (reply, exchange) = timed(Endpoint::DescribeRestoreJob, clock, describing).await;
        (reply.map(Answer::Job), exchange)
    };
    let ApiReply { result: answer, server_time, .. } = reply;

    let trouble = answer.as_ref().err().map(|error| Trouble::of(error, &client));
    let input = match answer {
        Ok(answer) => Input::PollAnswered { poll, answer },
        Err(error) if index.is_some() => Input::PollFailed { poll, failure: error.of_index() },
        Err(error) => Input::PollFailed { poll, failure: error.into() },
    };
    Answered { project, input, server_time, trouble, exchange }
}

/// Fetches a page of the list of jobs: the first one, or the one of this token.
pub(super) async fn fetch_page(
    client: Client,
    list: ListId,
    token: Option<String>,
    clock: Clock,
) -> Answered {
    let project = list.project.clone();
    let fetching = client.list_page(token.as_deref());
    let (reply, exchange) = timed(Endpoint::ListRestoreJobs, clock, fetching).await;
    let ApiReply { result, server_time, .. } = reply;

    let trouble = result.as_ref().err().map(|error| Trouble::of(error, &client));
    let input = match result {
        Ok(Page { jobs, unreadable, fault, surplus, next }) => {
            if let Some(fault) = fault
                && client.reports_unreadable()
            {
                warn!(%project, unreadable, "project {project}: the list has rows that cannot be read, and their restores are not discovered: {fault}");
            }
            Input::PageFetched { list, page: ListPage { jobs, surplus, next } }
        }
        Err(error) => {
            let is_of_token = token.is_some() && error.is_bad_request();
            Input::PageFailed { list, is_of_token, failure: error.into() }
        }
    };
    Answered { project, input, server_time, trouble, exchange }
}

/// Makes a request. Returns what is counted of it, too.
async fn timed<T>(
    endpoint: Endpoint,
    clock: Clock,
    request: impl Future<Output = ApiReply<T>>,
) -> (ApiReply<T>, Option<Exchange>) {
    let begun = clock.now().instant;
    let reply = request.await;
    let took = clock.now().instant.since(begun);
    let is_answer = reply.result.as_ref().map_or_else(|error| error.class().is_answer(), |_| true);
    let exchange = reply.code.map(|code| Exchange { endpoint, code, took, is_answer });
    (reply, exchange)
}
