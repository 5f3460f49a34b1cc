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

use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::time::timeout;

use super::context::Context;
use crate::adapters::report::RequestError;
use chart::Chart;
use content::Content;
use query::PageQuery;

/// How long the daemon has for its answer. A loop that is free answers in milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the page may load: its own files, and nothing that a name could smuggle in.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                      img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A drawing brings its own colors, and has nothing else to load.
const POLICY_OF_DRAWING: &str = "default-src 'none'; style-src 'unsafe-inline'";

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
    let read = timeout(PATIENCE, Content::read(&context, &mut asked)).await;
    let (status, page) = match read {
        Ok(Ok(shown)) => (StatusCode::OK, layout::page(&shown, &asked)),
        Ok(Err(fault)) => (StatusCode::SERVICE_UNAVAILABLE, layout::unavailable(&fault.error)),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, layout::unavailable(&no_answer())),
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

async fn durations(State(context): State<Context>, RawQuery(query): RawQuery) -> Response {
    let asked = PageQuery::parse(query.as_deref().unwrap_or_default());
    let Some(project) = asked.project else {
        return (StatusCode::BAD_REQUEST, "name a project: /v1/durations.svg?project=NAME\n").into_response();
    };
    let read = timeout(PATIENCE, content::of_project(&context, &project)).await;
    let (daemon, open, past) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(fault)) => return refused(&fault),
        Err(_) => return (StatusCode::SERVICE_UNAVAILABLE, no_answer() + "\n").into_response(),
    };
    let past = match past {
        Ok(past) => past,
        Err(fault) => return refused(&fault),
    };

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
    (head, chart.document().into_string()).into_response()
}

fn refused(fault: &RequestError) -> Response {
    let status = StatusCode::from_u16(fault.kind.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    (status, format!("{}\n", fault.error)).into_response()
}

fn no_answer() -> String {
    format!("Its loop did not answer within {} seconds.", PATIENCE.as_secs())
}
