//! Requests for the history of restores.

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::server::error_response;
use crate::adapters::report::{Readers, history_answer};

pub(super) async fn history(State(readers): State<Readers>, RawQuery(query): RawQuery) -> Response {
    history_answer(&readers, query.as_deref().unwrap_or_default()).await.unwrap_or_else(error_response)
}
