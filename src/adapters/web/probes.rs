//! `/livez` and `/readyz`: one line, or a line for each check with `?verbose`.

use std::fmt::Write as _;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;

use super::context::Context;
use super::health::Check;

pub(super) async fn livez(State(context): State<Context>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    answer(&context.health.liveness(context.clock).await, None, query.as_deref())
}

pub(super) async fn readyz(
    State(context): State<Context>,
    RawQuery(query): RawQuery,
) -> (StatusCode, String) {
    answer(&context.health.readiness(), context.health.role(), query.as_deref())
}

/// The answer, with the role of the replica if there is one.
fn answer(checks: &[Check], role: Option<&str>, query: Option<&str>) -> (StatusCode, String) {
    let fault = checks.iter().find_map(|check| check.fault.as_deref());
    let status = if fault.is_none() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };

    let mut text = String::new();
    let is_verbose =
        query.is_some_and(|query| query.split('&').any(|pair| pair.split('=').next() == Some("verbose")));
    for Check { name, good, fault } in checks.iter().filter(|_| is_verbose) {
        let (mark, words) = fault.as_deref().map_or(("+", *good), |fault| ("-", fault));
        // Writing to a text does not fail.
        let _ = writeln!(text, "[{mark}] {name}: {words}");
    }
    let good = role.map_or_else(|| "ok".to_owned(), |role| format!("ok ({role})"));
    (status, text + fault.unwrap_or(&good) + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_listed_if_asked_for() {
        let checks = |fault: Option<&str>| {
            [
                Check { name: "loop", good: "runs", fault: None },
                Check { name: "work", good: "flows", fault: fault.map(str::to_owned) },
            ]
        };

        assert_eq!(answer(&checks(None), None, None), (StatusCode::OK, "ok\n".to_owned()));
        let (status, text) = answer(&checks(None), None, Some("verbose"));
        assert_eq!((status, text.as_str()), (StatusCode::OK, "[+] loop: runs\n[+] work: flows\nok\n"));
        let (status, text) = answer(&checks(Some("it sticks")), Some("active"), Some("a=b&verbose=1"));
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(text, "[+] loop: runs\n[-] work: it sticks\nit sticks\n");
        assert_eq!(answer(&checks(Some("it sticks")), None, None).1, "it sticks\n");
        assert_eq!(
            answer(&checks(None), Some("standby"), None),
            (StatusCode::OK, "ok (standby)\n".to_owned())
        );
    }
}
