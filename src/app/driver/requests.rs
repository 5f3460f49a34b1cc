//! Makes requests to the API, and turns what came of them into inputs.

use jiff::Timestamp;
use tracing::warn;

use crate::adapters::pinecone::{ApiReply, Client, Error, Page};
use crate::engine::{Answer, Failure, Input, ListId, ListPage, PollId};
use crate::model::ProjectName;

/// The result of a request to the API of a project.
pub(super) struct Answered {
    pub(super) project: ProjectName,
    pub(super) input: Input,
    /// The time of the server, which may decide what the input means.
    pub(super) server_time: Option<Timestamp>,
}

/// Describes a job, or its index of this name.
pub(super) async fn poll(client: Client, poll: PollId, index: Option<String>) -> Answered {
    let project = poll.project.clone();
    let (answer, server_time) = if let Some(index) = index {
        let ApiReply { result, server_time } = client.describe_index(&index).await;
        (result.map(Answer::Index).map_err(Error::of_index), server_time)
    } else {
        let ApiReply { result, server_time } = client.describe(&poll.job).await;
        (result.map(Answer::Job).map_err(Failure::from), server_time)
    };

    let input = match answer {
        Ok(answer) => Input::PollAnswered { poll, answer },
        Err(failure) => Input::PollFailed { poll, failure },
    };
    Answered { project, input, server_time }
}

/// Fetches a page of the list of jobs: the first one, or the one of this token.
pub(super) async fn fetch_page(client: Client, list: ListId, token: Option<String>) -> Answered {
    let project = list.project.clone();
    let ApiReply { result, server_time } = client.list_page(token.as_deref()).await;

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
    Answered { project, input, server_time }
}
