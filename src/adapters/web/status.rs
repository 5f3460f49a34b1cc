//! `/v1/status`: how everything stands, as on the control socket, without the places of files.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::context::Context;
use crate::adapters::report::{Question, RequestError, Status, StatusPart, StatusQuery, status_answer};

pub(super) async fn status(
    State(context): State<Context>,
    RawQuery(query): RawQuery,
) -> Result<Response, RequestError> {
    let query = StatusQuery::parse(query.as_deref().unwrap_or_default())?;
    let StatusPart { status, rest } = context.ask(|reply| Question::Status(query, reply)).await?;
    let part = StatusPart { status: Status { daemon: status.daemon.without_places(), ..status }, rest };
    // What goes wrong in writing JSON is a bug.
    Ok(status_answer(part, context.questions())
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}
