//! The paths of the listener.

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::get;

use super::context::Context;
use super::probes::{livez, readyz};
use super::refusal::Refusal;
use super::{events, history, metrics, page, status};

pub(super) fn router(context: Context) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics::scrape))
        .route("/v1/events", events::route(&context))
        .route("/v1/history", get(history::history))
        .route("/v1/status", get(status::status))
        .merge(page::routes())
        .fallback(async |uri: Uri| {
            Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path").answer(uri.path())
        })
        .with_state(context)
}
