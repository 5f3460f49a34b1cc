//! Annotations of a run of GitHub Actions, one for each job.
//!
//! Invariant: there are never more than the runner keeps of a step (`_maxCountPerIssueType` in
//! `src/Runner.Worker/ExecutionContext.cs` of `actions/runner`); every job is in one, or counted in
//! the last one.

use super::{Ending, Job, command};
use crate::model::{Outcome, duration};

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
    let took = job.took.map(|took| format!(" after {}", duration::human(took))).unwrap_or_default();
    let error = job.error.as_ref().map(|error| format!("; last error: {error}")).unwrap_or_default();
    format!("restore {called}{index}: {}{took}{error}", job.words)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::adapters::ci::samples::{ending, job};

    #[test]
    fn one_annotation_for_each_finished_or_failed_job() {
        let mut lost = job("rj-2", Outcome::NotFound);
        (lost.index, lost.took, lost.error) = (None, None, Some("HTTP 404: 100 % gone,\nsorry".to_owned()));
        let mut named = job("rj-3", Outcome::Failed);
        (named.name, named.took) = (Some("nightly".to_owned()), Some(Duration::from_secs(90)));
        let jobs = vec![job("rj-1", Outcome::Completed), lost, named, job("rj-4", Outcome::Open)];
        insta::assert_snapshot!(of(&ending(124, true, jobs.clone())), @"
        ::error title=Restore not found::restore rj-2: not found; last error: HTTP 404: 100 %25 gone,%0Asorry
        ::error title=Restore failed::restore nightly into index docs: failed after 1m 30s
        ::error title=Restore not ended::restore rj-4 into index docs: open after 1m 00s
        ::notice title=Restore completed::restore rj-1 into index docs: completed after 1m 00s
        ");
        let met = of(&ending(0, false, jobs));

        assert!(!met.contains("rj-4"), "nothing is asked of it any more: {met}");
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
