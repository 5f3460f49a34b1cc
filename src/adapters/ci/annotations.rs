//! Annotations of a run of GitHub Actions, one for each job.
//!
//! Invariant: there are never more than the runner keeps of a step (`_maxCountPerIssueType` in
//! `src/Runner.Worker/ExecutionContext.cs` of `actions/runner`); every job is in one, or counted in
//! the last one.

use super::{Ending, Job, command};
use crate::model::Outcome;

/// Annotations of each kind that are kept of a step.
const MAX_ANNOTATIONS: usize = 10;

/// The commands that make the annotations.
pub(super) fn of(ending: &Ending) -> String {
    let (well, others): (Vec<_>, Vec<_>) = ending.jobs.iter().partition(|job| job.outcome.is_success());
    // A wait that ended without this job asks nothing of it any more.
    let bad: Vec<_> =
        others.into_iter().filter(|job| ending.cut_short || job.outcome != Outcome::Open).collect();
    kind("error", &bad, "more restores did not end well") + &kind("notice", &well, "more restores ended well")
}

/// The command that says where to set the API key, which this variable does not hold. A secret that
/// there is not is empty in a workflow, without an error.
pub(super) fn missing_key(variable: &str) -> String {
    let message = format!(
        "The environment variable {variable} is not set or empty. Add the key as a secret in the settings of the \
         repository (Secrets and variables, Actions), and hand it to the step: \
         env: {{ {variable}: ${{{{ secrets.{variable} }}}} }}. Runs for pull requests from forks get no secrets."
    );
    command::line("error", "No API key", &message)
}

fn kind(name: &str, jobs: &[&Job], more: &str) -> String {
    let shown = if jobs.len() > MAX_ANNOTATIONS { MAX_ANNOTATIONS - 1 } else { jobs.len() };
    let mut lines: String =
        jobs[..shown].iter().map(|job| command::line(name, job.outcome.heading(), &message(job))).collect();
    if jobs.len() > shown {
        lines += &command::line(name, "More restores", &format!("{} {more}", jobs.len() - shown));
    }
    lines
}

fn message(job: &Job) -> String {
    let called = job.name.as_ref().unwrap_or(&job.id);
    let index = job.index.as_ref().filter(|index| *index != called);
    let index = index.map(|index| format!(" into index {index}")).unwrap_or_default();
    let after = job.elapsed.after_words().map(|after| format!(" {after}")).unwrap_or_default();
    let error = job.error.as_ref().map(|error| format!("; last error: {error}")).unwrap_or_default();
    format!("restore {called}{index}: {}{after}{error}", job.words)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::adapters::ci::samples::{ending, job};
    use crate::model::Elapsed;

    #[test]
    fn one_annotation_for_each_finished_or_failed_job() {
        let mut lost = job("rj-2", Outcome::NotFound);
        (lost.index, lost.elapsed, lost.error) =
            (None, Elapsed::Unknown, Some("HTTP 404: 100 % gone,\nsorry".to_owned()));
        let mut named = job("rj-3", Outcome::Failed);
        named.name = Some("nightly".to_owned());
        named.elapsed = Elapsed::AtMost { bound: Duration::from_secs(90), seen_running: None };
        let jobs = vec![job("rj-1", Outcome::Completed), lost, named, job("rj-4", Outcome::Open)];
        insta::assert_snapshot!(of(&ending(124, true, jobs.clone())), @"
        ::error title=Restore not found::restore rj-2: not found; last error: HTTP 404: 100 %25 gone,%0Asorry
        ::error title=Restore failed::restore nightly into index docs: failed within 1m 30s of its start
        ::error title=Restore not ended::restore rj-4 into index docs: open after 1m 00s
        ::notice title=Restore completed::restore rj-1 into index docs: completed after 1m 00s
        ");
        let met = of(&ending(0, false, jobs));

        assert!(!met.contains("rj-4"), "nothing is asked of it any more: {met}");
    }

    #[test]
    fn a_missing_key_says_where_to_set_it() {
        insta::assert_snapshot!(missing_key("PINECONE_API_KEY"), @"::error title=No API key::The environment variable PINECONE_API_KEY is not set or empty. Add the key as a secret in the settings of the repository (Secrets and variables, Actions), and hand it to the step: env: { PINECONE_API_KEY: ${{ secrets.PINECONE_API_KEY }} }. Runs for pull requests from forks get no secrets.");
    }

    #[test]
    fn annotations_stay_within_the_runner_limit() {
        for (jobs, errors, last) in
            [(10, 10, "restore rj-9 "), (11, 10, "2 more restores"), (500, 10, "491 more")]
        {
            let jobs: Vec<_> = (0..jobs).map(|n| job(&format!("rj-{n}"), Outcome::Failed)).collect();
            let text = of(&ending(1, false, jobs));
            assert_eq!(text.lines().count(), errors);
            assert!(text.lines().last().unwrap().contains(last), "{text}");
        }
    }
}
