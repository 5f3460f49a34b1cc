//! `/metrics`: what a scraper reads.

use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::context::Context;
use crate::adapters::metrics::Format;
use crate::adapters::report::Question;
use crate::platform::usage::Usage;

pub(super) async fn scrape(State(context): State<Context>, headers: HeaderMap) -> Response {
    let reading = match context.ask(Question::Metrics).await {
        Ok(reading) => reading,
        Err(fault) => return (StatusCode::SERVICE_UNAVAILABLE, fault.error + "\n").into_response(),
    };

    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let format = Format::accepted(accept);
    match format.encode(reading, Usage::now()) {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, format.content_type()), (VARY, "accept")]
                .map(|(name, value)| (name, HeaderValue::from_static(value)));
            (headers, text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
