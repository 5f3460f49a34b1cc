//! The desktop notification of a wait that ended.
//!
//! Invariant: the title names what decided the wait, and the body does not repeat it.

use super::report::{JobReport, Report};
use crate::adapters::sinks::Notice;
use crate::app::plural::counted;
use crate::model::{Exit, Outcome, Severity, Until, presentable};

/// How many jobs a text names; a notification service shows a few lines.
const MAX_NAMED: usize = 3;

/// The longest name of a job, in characters: those of indexes fit.
const MAX_LABEL: usize = 50;

/// The longest error, in characters.
const MAX_ERROR: usize = 300;

impl Report {
    /// The notification that says how the wait ended.
    pub fn notice(&self) -> Notice {
        let (well, others): (Vec<_>, Vec<_>) = self.jobs.iter().partition(|job| job.outcome.is_success());
        let (open, mut badly): (Vec<&JobReport>, Vec<_>) =
            others.into_iter().partition(|job| job.outcome == Outcome::Open);
        // A failure matters more than what a person stopped.
        badly.sort_by_key(|job| job.outcome == Outcome::Cancelled);
        let decisive = match self.exit {
            Exit::Success => &well,
            _ if badly.is_empty() => &open,
            _ => &badly,
        };

        let (title, body) = match decisive[..] {
            [] => self.without_jobs(),
            [_, _, ..] if self.exit == Exit::Success => self.succeeded(&well),
            [job, ref like_it @ ..] => (job.title(), self.body(job, like_it, well.len())),
        };
        let severity = match self.exit {
            Exit::Success => Severity::Success,
            Exit::Timeout => Severity::Warning,
            _ => Severity::Error,
        };
        Notice { title, body, severity }
    }

    fn without_jobs(&self) -> (String, String) {
        if self.exit == Exit::Success {
            return ("No unfinished restores".to_owned(), String::new());
        }
        let error = self.list_error.as_deref().unwrap_or(self.meaning());
        ("Restores cannot be listed".to_owned(), presentable(error, MAX_ERROR))
    }

    fn succeeded(&self, well: &[&JobReport]) -> (String, String) {
        let title = format!("{} {}", counted(well.len(), "restore", "restores"), self.goal());
        let names = listed(well, JobReport::label);
        let others = self.jobs.len() - well.len();
        let not_awaited = (others > 0).then(|| format!("; {others} not ended"));
        (title, names + &not_awaited.unwrap_or_default())
    }

    /// What is to be said of a wait that `job` decided, and those `like_it`.
    fn body(&self, job: &JobReport, like_it: &[&JobReport], well: usize) -> String {
        let details = if like_it.is_empty() {
            [job.when(), job.last_error.as_deref().map(|error| presentable(error, MAX_ERROR))]
        } else {
            [Some(format!("and {}", listed(like_it, |job| format!("{} {}", job.label(), job.words)))), None]
        };
        let count = (self.jobs.len() > 1).then(|| format!("{well} of {} {}", self.jobs.len(), self.goal()));
        let timed_out = self.timed_out.then(|| "the wait timed out".to_owned());

        details.into_iter().chain([count, timed_out]).flatten().collect::<Vec<_>>().join("; ")
    }

    fn goal(&self) -> &'static str {
        let ready = self.jobs.iter().any(|job| job.until == Until::Ready);
        if ready { "ready" } else { "completed" }
    }
}

impl JobReport {
    fn title(&self) -> String {
        self.outcome.title_for(&self.label(), self.elapsed)
    }

    fn label(&self) -> String {
        presentable(self.job.label(), MAX_LABEL)
    }

    /// When it ended, or how it stands; none if the title says that, or a time says nothing.
    fn when(&self) -> Option<String> {
        let after = self.elapsed.after_words()?;
        match self.outcome {
            Outcome::Failed | Outcome::Cancelled | Outcome::Unrecognised => Some(after),
            Outcome::Open if self.status.is_some() => Some(format!("{} {after}", self.words)),
            _ => None,
        }
    }
}

/// The first of these, and how many more there are.
fn listed(jobs: &[&JobReport], words: impl Fn(&JobReport) -> String) -> String {
    let named: Vec<_> = jobs.iter().take(MAX_NAMED).map(|job| words(job)).collect();
    let more = jobs.len() - named.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::order::Place;
    use super::*;
    use crate::model::{Elapsed, JobFacts, JobId, JobRef, ProjectName, Status};

    fn job(index: &str, outcome: Outcome) -> JobReport {
        let facts = JobFacts { target_index_name: Some(index.to_owned()), ..JobFacts::default() };
        let elapsed = match outcome {
            Outcome::Failed | Outcome::Cancelled => {
                Elapsed::AtMost { bound: Duration::from_secs(20), seen_running: None }
            }
            _ => Elapsed::Exact(Duration::from_secs(40)),
        };
        let status = Some(Status::Pending);
        JobReport {
            job: JobRef { id: JobId::new("94a63aeb-29d1").unwrap(), name: None, facts },
            outcome,
            elapsed,
            words: outcome.in_words(status.as_ref(), None, None),
            status,
            ..JobReport::sample()
        }
    }

    fn shown(exit: Exit, jobs: Vec<JobReport>) -> String {
        let mut report = Report::sample(exit, jobs);
        report.timed_out = exit == Exit::Timeout;
        let Notice { title, body, severity } = report.notice();
        format!("{severity:?} | {title} | {body}")
    }

    #[test]
    fn the_title_names_what_decided_the_wait() {
        use Outcome::{Cancelled, Completed, Failed, Open, Ready};

        let failed = || vec![job("staging", Cancelled), job("orders", Failed), job("docs", Completed)];
        let with_many = || (1..=9).map(|n| job(&format!("docs-{n}"), Failed)).collect::<Vec<_>>();
        for (exit, jobs, notice) in [
            (Exit::Success, vec![job("docs", Completed)], "Success | docs: restored in 40s | "),
            (Exit::Success, vec![job("docs", Ready)], "Success | docs: index ready | "),
            (
                Exit::Success,
                vec![job("docs", Completed), job("orders", Completed)],
                "Success | 2 restores completed | docs, orders",
            ),
            (
                Exit::Success,
                vec![job("orders", Open), job("docs", Completed)],
                "Success | docs: restored in 40s | 1 of 2 completed",
            ),
            (
                Exit::Failed,
                vec![job("orders", Failed)],
                "Error | orders: restore failed | within 20s of its start",
            ),
            (
                Exit::Failed,
                failed(),
                "Error | orders: restore failed | and staging cancelled; 1 of 3 completed",
            ),
            (
                Exit::Failed,
                with_many(),
                "Error | docs-1: restore failed | \
                 and docs-2 failed, docs-3 failed, docs-4 failed and 5 more; 0 of 9 completed",
            ),
            (
                Exit::Timeout,
                vec![job("orders", Open)],
                "Warning | orders: not ended | Pending after 40s; the wait timed out",
            ),
            (
                Exit::Timeout,
                vec![job("orders", Open), job("docs", Completed)],
                "Warning | orders: not ended | Pending after 40s; 1 of 2 completed; the wait timed out",
            ),
            (Exit::Success, Vec::new(), "Success | No unfinished restores | "),
        ] {
            assert_eq!(shown(exit, jobs), notice);
        }
    }

    #[test]
    fn an_error_is_in_the_body() {
        let error = Some("HTTP 401: Unauthorized".to_owned());
        let refused = JobReport { last_error: error, ..job("orders", Outcome::Unauthorized) };

        let notice = shown(Exit::Unauthorized, vec![refused]);

        assert_eq!(notice, "Error | Pinecone refuses the API key | HTTP 401: Unauthorized");
    }

    impl JobReport {
        fn sample() -> Self {
            Self {
                project: ProjectName::default(),
                job: JobRef { id: JobId::new("rj-1").unwrap(), name: None, facts: JobFacts::default() },
                outcome: Outcome::Open,
                status: None,
                elapsed: Elapsed::Unknown,
                detection_delay_seconds: None,
                polls: 1,
                last_error: None,
                until: Until::Completed,
                index_state: None,
                words: String::new(),
                place: Place::default(),
            }
        }
    }
}
