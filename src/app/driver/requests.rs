//! Makes requests to the API, and turns what came of them into inputs.

use jiff::Timestamp;
use tracing::warn;

use crate::adapters::pinecone::{ApiReply, Client, Error, Page};
use crate::engine::{Answer, FailureClass, Input, ListId, ListPage, PollId};
use crate::model::ProjectName;

/// The result of a request to the API of a project.
pub(super) struct Answered {
    pub(super) project: ProjectName,
    pub(super) input: Input,
    /// The time of the server, which may decide what the input means.
    pub(super) server_time: Option<Timestamp>,
    /// Why there is no good answer, if so.
    pub(super) trouble: Option<Trouble>,
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
pub(super) async fn poll(client: Client, poll: PollId, index: Option<String>) -> Answered {
    let project = poll.project.clone();
    let is_of_index = index.is_some();
    let (answer, server_time) = if let Some(index) = index {
        let ApiReply { result, server_time } = client.describe_index(&index).await;
        (result.map(Answer::Index), server_time)
    } else {
        let ApiReply { result, server_time } = client.describe(&poll.job).await;
        (result.map(Answer::Job), server_time)
    };

    let trouble = answer.as_ref().err().map(|error| Trouble::of(error, &client));
    let input = match answer {
        Ok(answer) => Input::PollAnswered { poll, answer },
        Err(error) if is_of_index => Input::PollFailed { poll, failure: error.of_index() },
        Err(error) => Input::PollFailed { poll, failure: error.into() },
    };
    Answered { project, input, server_time, trouble }
}

/// Fetches a page of the list of jobs: the first one, or the one of this token.
pub(super) async fn fetch_page(client: Client, list: ListId, token: Option<String>) -> Answered {
    let project = list.project.clone();
    let ApiReply { result, server_time } = client.list_page(token.as_deref()).await;

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
    Answered { project, input, server_time, trouble }
}
