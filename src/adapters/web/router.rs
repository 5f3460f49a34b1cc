//! The paths of the listener.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::context::Context;
use super::{events, history, page, status};

pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/v1/events", events::route(&context))
        .route("/v1/history", get(history::history))
        .route("/v1/status", get(status::status))
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
