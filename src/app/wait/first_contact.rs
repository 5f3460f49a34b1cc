//! What a wait says at once if its first request fails in a way that puts the address in doubt.
//!
//! Invariant: it is said once, and changes nothing about when the wait ends.

use std::time::Duration;

use tracing::warn;

use crate::app::driver::{Driver, FirstFailure};
use crate::engine::{FailureClass, ProjectView};
use crate::model::duration;

/// Says that the first request failed, if so. `timeout` is that of the wait.
pub(super) fn report(driver: &mut Driver, timeout: Option<Duration>) {
    // A wrong protocol ends the wait, and is part of its report.
    let first = driver.take_first_failure().filter(|first| first.class != FailureClass::WrongProtocol);
    let Some(first) = first else { return };
    let project = driver.engine().projects().find(|project| *project.name == first.project);
    let limit = earlier(project.and_then(|project| limit(first.class, &project)), timeout);

    // Without any time to go on, the wait ends with the same words.
    if limit.is_none_or(|limit| !limit.is_zero()) {
        warn!(project = %first.project, "{}", in_words(&first, limit));
    }
}

/// How long failures of this class are borne.
fn limit(class: FailureClass, project: &ProjectView<'_>) -> Option<Duration> {
    match class {
        FailureClass::NotFound => Some(project.not_found_grace),
        FailureClass::Unauthorized | FailureClass::Blocked => None,
        _ => Some(project.unreachable_after),
    }
}

fn earlier(limit: Option<Duration>, timeout: Option<Duration>) -> Option<Duration> {
    [limit, timeout].into_iter().flatten().min()
}

fn in_words(first: &FirstFailure, limit: Option<Duration>) -> String {
    let message = first.message.trim_end_matches('.');
    let gives_up = limit.map(|limit| format!(", gives up in {}", duration::written(limit)));
    let help = first.advice.as_ref().map(|advice| format!("\n  help: {advice}"));
    format!("{message}; retrying{}{}", gives_up.unwrap_or_default(), help.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProjectName;

    #[test]
    fn the_line_says_how_long_the_wait_goes_on() {
        let minutes = Duration::from_mins;
        for (limit, timeout, line) in [
            (Some(minutes(10)), None, "HTTP 404: Not found; retrying, gives up in 10m\n  help: look"),
            (
                Some(minutes(10)),
                Some(minutes(2)),
                "HTTP 404: Not found; retrying, gives up in 2m\n  help: look",
            ),
            (None, None, "HTTP 404: Not found; retrying\n  help: look"),
        ] {
            let first = FirstFailure {
                project: ProjectName::default(),
                class: FailureClass::NotFound,
                message: "HTTP 404: Not found.".to_owned(),
                advice: Some("look".to_owned()),
            };
            assert_eq!(in_words(&first, earlier(limit, timeout)), line);
        }
    }
}
