//! The outputs of a step of GitHub Actions, on which later steps branch.
//!
//! Invariant: no value can end early or add another one. The form is that of
//! `packages/core/src/file-command.ts` of `actions/toolkit`.

use std::fmt::Write as _;

use uuid::Uuid;

use super::{Ending, inert};
use crate::model::Elapsed;

/// The lines of the file of outputs.
pub(super) fn of(ending: &Ending) -> String {
    // It cannot be guessed, so no value can contain it.
    with_delimiter(ending, &format!("ghadelimiter_{}", Uuid::new_v4()))
}

fn with_delimiter(ending: &Ending, delimiter: &str) -> String {
    let mut text = String::new();
    let mut put = |name: &str, value: &str| {
        // Writing to a text does not fail.
        _ = write!(text, "{name}<<{delimiter}\n{value}\n{delimiter}\n");
    };
    put("outcome", ending.outcome);
    put("exit_code", &ending.exit_code.to_string());
    if let [job] = &ending.jobs[..] {
        put("status", &job.outcome.to_string());
        let [elapsed, upper_bound] = seconds(job.elapsed);
        put("elapsed_seconds", &elapsed);
        put("elapsed_upper_bound_seconds", &upper_bound);
        put("target_index_name", job.index.as_deref().unwrap_or_default());
    }

    // Steps print what they are given.
    put("jobs", &inert::json(ending.json.clone()));

    text
}

/// The time that the job took, and the upper bound of it; each is empty if it is not known.
fn seconds(elapsed: Elapsed) -> [String; 2] {
    match elapsed {
        Elapsed::Unknown => [String::new(), String::new()],
        Elapsed::Exact(elapsed) => [elapsed.as_secs_f64().to_string(), String::new()],
        Elapsed::AtMost { bound, .. } => [String::new(), bound.as_secs_f64().to_string()],
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::adapters::ci::samples::{ending, job};
    use crate::model::Outcome;

    #[test]
    fn one_job_has_outputs_of_its_own() {
        let mut hostile = job("rj-1", Outcome::Failed);
        hostile.index = Some("a\nEND\noutcome=met".to_owned());
        hostile.elapsed = Elapsed::AtMost { bound: Duration::from_mins(1), seen_running: None };
        let mut one = ending(1, false, vec![hostile]);
        one.json = r#"[{"id":"a##[add-mask]b"}]"#.to_owned();
        insta::assert_snapshot!(with_delimiter(&one, "D-7"), @r#"
        outcome<<D-7
        failed
        D-7
        exit_code<<D-7
        1
        D-7
        status<<D-7
        failed
        D-7
        elapsed_seconds<<D-7

        D-7
        elapsed_upper_bound_seconds<<D-7
        60
        D-7
        target_index_name<<D-7
        a
        END
        outcome=met
        D-7
        jobs<<D-7
        [{"id":"a##\u005badd-mask]b"}]
        D-7
        "#);
        let many = ending(0, false, vec![job("rj-1", Outcome::Completed), job("rj-2", Outcome::Completed)]);
        let text = with_delimiter(&many, "D");

        assert!(!text.contains("status<<") && text.contains("jobs<<D\n[]\nD\n"), "{text}");
    }

    #[test]
    fn the_delimiter_is_another_one_each_time() {
        let ending = ending(0, false, Vec::new());
        assert_ne!(of(&ending), of(&ending));
    }
}
