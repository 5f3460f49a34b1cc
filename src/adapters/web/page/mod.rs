//! The status page: HTML that the daemon makes, with one stylesheet and one small script.
//!
//! Invariant: the page is useful without its script, takes nothing from another server, and is no
//! larger for more restores.

mod assets;
mod banner;
mod bar;
mod chart;
mod content;
mod ended;
mod filter;
mod html;
mod layout;
mod open;
mod projects;
mod query;
mod sinks;
mod table;
#[cfg(test)]
mod tests;
mod times;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::context::Context;
use crate::adapters::report::{RequestError, RequestErrorKind};
use chart::Chart;
use content::Content;
use query::PageQuery;

/// What the page may load: its own files, and nothing that a name could smuggle in.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A drawing brings its own colors, and has nothing else to load.
const POLICY_OF_DRAWING: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// The paths of the page.
pub(super) fn routes() -> Router<Context> {
    Router::new()
        .route("/", get(page))
        .route("/style.css", get(async |RawQuery(query): RawQuery| assets::STYLE.answer(query.as_deref())))
        .route("/script.js", get(async |RawQuery(query): RawQuery| assets::SCRIPT.answer(query.as_deref())))
        .route(
            "/favicon.svg",
            get(async |RawQuery(query): RawQuery| assets::FAVICON.answer(query.as_deref())),
        )
        .route("/v1/durations.svg", get(durations))
}

async fn page(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    let mut asked = PageQuery::parse(query.as_deref().unwrap_or_default());
    let (status, page) = match Content::read(&context, &mut asked).await {
        Ok(shown) => (StatusCode::OK, layout::page(&shown, &asked)),
        Err(fault) => (StatusCode::SERVICE_UNAVAILABLE, layout::unavailable(&fault.error)),
    };
    let head = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, head, page).into_response()
}

async fn durations(
    State(context): State<Context>,
    RawQuery(query): RawQuery,
) -> Result<Response, RequestError> {
    let asked = PageQuery::parse(query.as_deref().unwrap_or_default());
    let project = asked.project.ok_or_else(|| {
        RequestError::new(RequestErrorKind::Invalid, "a drawing is of one project, and none is named")
            .with_help("name one: /v1/durations.svg?project=NAME")
    })?;
    let (daemon, open, past) = content::of_project(&context, &project).await?;

    let status = daemon.projects.iter().find(|status| status.name == project);
    let chart = Chart {
        project: &project,
        past: &past.restores,
        open: &open.iter().collect::<Vec<_>>(),
        expected: status.and_then(|status| status.expected.as_ref()),
        now: daemon.timestamp,
    };
    let head = [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CONTENT_SECURITY_POLICY, POLICY_OF_DRAWING),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok((head, chart.document().into_string()).into_response())
}
