//! What a wait says at once if its first request fails in a way that puts the address in doubt.
//!
//! Invariant: it is said once, and changes nothing about when the wait ends.

use std::time::Duration;

use tracing::warn;

use super::patience::Patience;
use crate::app::driver::{Driver, FirstFailure};
use crate::engine::{FailureClass, ProjectView};

/// Says that the first request failed, if so.
pub(super) fn report(driver: &mut Driver, patience: Patience) {
    // A wrong protocol ends the wait, and is part of its report.
    let first = driver.take_first_failure().filter(|first| first.class != FailureClass::WrongProtocol);
    let Some(first) = first else { return };
    let project = driver.engine().projects().find(|project| *project.name == first.project);
    let limit = project.and_then(|project| limit(first.class, &project));

    // Without any time to go on, the wait ends with the same words.
    if patience.limit(limit).is_none_or(|limit| !limit.is_zero()) {
        warn!(project = %first.project, "{}", in_words(&first, &patience.retrying(limit)));
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

fn in_words(first: &FirstFailure, retrying: &str) -> String {
    let message = first.message.trim_end_matches('.');
    let help = first.advice.as_ref().map(|advice| format!("\n  help: {advice}"));
    format!("{message}; {retrying}{}", help.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ProjectName;

    #[test]
    fn the_line_says_what_failed_and_what_to_do() {
        let first = FirstFailure {
            project: ProjectName::default(),
            class: FailureClass::NotFound,
            message: "HTTP 404: Not found.".to_owned(),
            advice: Some("look".to_owned()),
        };

        let line = in_words(&first, &Patience::default().retrying(Some(Duration::from_mins(10))));

        assert_eq!(line, "HTTP 404: Not found; retrying, gives up in 10m\n  help: look");
    }
}
