//! The paths of the listener.

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::context::Context;
use super::page;
use crate::adapters::report::{Question, StatusQuery, status_answer};

pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/v1/status", get(status))
        .merge(page::routes())
        .with_state(context)
}

async fn livez(State(context): State<Context>) -> (StatusCode, String) {
    match context.health.fault(context.clock.now().instant) {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(fault) => (StatusCode::SERVICE_UNAVAILABLE, fault + "\n"),
    }
}

async fn readyz(State(context): State<Context>) -> (StatusCode, &'static str) {
    if context.health.is_ready() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the daemon is not ready\n")
    }
}

async fn status(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    let query = StatusQuery::parse(query.as_deref().unwrap_or_default()).unwrap_or_default();
    match context.ask(|reply| Question::Status(query, reply)).await {
        Ok(part) => status_answer(part, context.questions())
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, fault.error + "\n").into_response(),
    }
}
