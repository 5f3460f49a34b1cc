//! The paths of the listener.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::context::Context;
use super::probes::{livez, readyz};
use super::refusal::Refusal;
use crate::adapters::report::{Question, StatusQuery, status_answer};

pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/v1/status", get(status))
        .fallback(async |uri: Uri| {
            Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path").answer(uri.path())
        })
        .with_state(context)
}

async fn status(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    let query = StatusQuery::parse(query.as_deref().unwrap_or_default()).unwrap_or_default();
    match context.ask(|reply| Question::Status(query, reply)).await {
        Ok(part) => status_answer(part, context.questions())
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, fault.error + "\n").into_response(),
    }
}
