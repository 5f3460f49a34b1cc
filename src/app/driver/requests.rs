//! Requests to the API, and what came of them.

use jiff::Timestamp;
use tracing::warn;

use super::Driver;
use crate::adapters::pinecone::{self, Page, Reply};
use crate::engine::{Answer, Failure, Input, ListId, ListPage, PollId};
use crate::model::ProjectName;

/// What came of a request to the API of a project.
pub(super) struct Answered {
    project: ProjectName,
    input: Input,
    server_time: Option<Timestamp>,
}

impl Driver {
    /// Hands the time at the server to the engine, which may need it to judge the answer that came with it.
    pub(super) fn answered(&mut self, answered: Answered) -> Input {
        let Answered { project, input, server_time } = answered;
        if let Some(time) = server_time {
            self.change(|engine, now| engine.server_time(&project, time, now));
        }
        input
    }

    /// Describes a job, or an index in its place.
    pub(super) fn poll(&mut self, poll: PollId, index: Option<String>) {
        let client = self.clients.get(&poll.project).expect("each project has a client").clone();
        self.polls.start(self.clock.now().instant, async move {
            let project = poll.project.clone();
            let (answer, server_time) = if let Some(index) = index {
                let Reply { result, server_time } = client.describe_index(&index).await;
                (result.map(Answer::Index).map_err(pinecone::Error::of_index), server_time)
            } else {
                let Reply { result, server_time } = client.describe(&poll.job).await;
                (result.map(Answer::Job).map_err(Failure::from), server_time)
            };
            let input = match answer {
                Ok(answer) => Input::Answered { poll, answer },
                Err(failure) => Input::PollFailed { poll, failure },
            };
            Answered { project, input, server_time }
        });
    }

    pub(super) fn list(&mut self, list: ListId, token: Option<String>) {
        let client = self.clients.get(&list.project).expect("each project has a client").clone();
        self.polls.start(self.clock.now().instant, async move {
            let project = list.project.clone();
            let Reply { result, server_time } = client.list_page(token.as_deref()).await;
            let input = match result {
                Ok(Page { jobs, unreadable, fault, surplus, next }) => {
                    if let Some(fault) = fault
                        && client.reports_unreadable()
                    {
                        warn!(%project, unreadable, "project {project}: the list has rows that cannot be read, and their restores are not discovered: {fault}");
                    }
                    Input::Listed { list, page: ListPage { jobs, surplus, next } }
                }
                Err(error) => {
                    let is_of_token = token.is_some() && error.is_bad_request();
                    Input::ListFailed { list, is_of_token, failure: error.into() }
                }
            };
            Answered { project, input, server_time }
        });
    }
}
