//! `/v1/status`: how everything stands, as on the control socket, but where files are.

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::context::Context;
use crate::adapters::report::{Question, RequestError, StatusQuery, status_answer};

pub(super) async fn status(
    State(context): State<Context>,
    RawQuery(query): RawQuery,
) -> Result<Response, RequestError> {
    let query = StatusQuery::parse(query.as_deref().unwrap_or_default())?;
    let mut part = context.ask(|reply| Question::Status(query, reply)).await?;
    // Places on the machine are of no use to a client that is elsewhere.
    let daemon = &mut part.status.daemon;
    (daemon.config, daemon.state) = (None, None);
    // What goes wrong in writing JSON is a bug.
    Ok(status_answer(part, context.questions())
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()))
}
