//! `/v1/history`: the restores that ended.

use axum::Json;
use axum::extract::{RawQuery, State};

use super::context::Context;
use crate::adapters::report::{History, HistoryQuery, RequestError};

pub(super) async fn history(
    State(context): State<Context>,
    RawQuery(query): RawQuery,
) -> Result<Json<History>, RequestError> {
    let HistoryQuery { filter, range } = HistoryQuery::parse(query.as_deref().unwrap_or_default())?;
    context.read(move |reader| reader.history(&filter, range)).await.map(Json)
}
