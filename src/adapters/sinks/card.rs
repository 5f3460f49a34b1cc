//! The message about an event, before a service's markup: a heading, one line, the facts, and what
//! to do now.
//!
//! Invariant: no text of a card is empty, longer than its limit or holds control characters,
//! whatever the API sent.

use std::time::Duration;

use crate::model::{
    Event, EventKind, JobRef, JobState, ProjectName, Severity, Status, duration, presentable,
};

/// In characters: a whole job id.
const MAX_FACT: usize = 256;

/// The message about an event.
#[derive(Debug)]
pub(super) struct Card {
    /// What happened, in a few words.
    pub(super) heading: &'static str,
    pub(super) severity: Severity,
    /// What happened, in one line.
    pub(super) summary: String,
    /// What is known, in the order of display.
    pub(super) facts: Vec<(Label, String)>,
    /// What to do now, if there is anything to do.
    pub(super) advice: Option<&'static str>,
}

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Index,
    Project,
    Status,
    Progress,
    Took,
    RunningFor,
    Backup,
    JobId,
    Noticed,
}

impl Card {
    pub(super) fn new(event: &Event) -> Self {
        Self {
            heading: event.kind.heading(),
            severity: event.kind.severity(),
            summary: event.presentable_summary(),
            facts: facts(event),
            advice: event.kind.advice(),
        }
    }
}

impl Label {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Index => "Index",
            Self::Project => "Project",
            Self::Status => "Status",
            Self::Progress => "Progress",
            Self::Took => "Took",
            Self::RunningFor => "Running for",
            Self::Backup => "Backup",
            Self::JobId => "Job id",
            Self::Noticed => "Noticed",
        }
    }
}

fn facts(event: &Event) -> Vec<(Label, String)> {
    if event.kind == EventKind::Test {
        return Vec::new();
    }
    // That of a configuration without projects says nothing.
    let is_named = event.project != ProjectName::default();
    let project = (Label::Project, is_named.then(|| event.project.to_string()));
    let known: Vec<_> = match &event.job {
        Some(job) => about_job(event, job, project),
        None => vec![project],
    };

    let shown = known.into_iter().filter_map(|(label, value)| Some((label, presentable(&value?, MAX_FACT))));
    shown.filter(|(_, value)| !value.is_empty()).collect()
}

type Known = (Label, Option<String>);

fn about_job(event: &Event, job: &JobRef, project: Known) -> Vec<Known> {
    let elapsed = event.elapsed.in_words();
    let running = match event.kind.job_state() {
        JobState::Ended => (Label::Took, elapsed),
        JobState::Running => (Label::RunningFor, elapsed),
        JobState::Unknown => (Label::RunningFor, None),
    };
    let facts = &job.facts;

    vec![
        (Label::Index, facts.target_index_name.clone()),
        project,
        (Label::Status, status(event)),
        (Label::Progress, facts.intermediate_progress().map(|percent| format!("{percent:.0} %"))),
        running,
        (Label::Backup, facts.backup_id.clone()),
        (Label::JobId, Some(job.id.to_string())),
        (Label::Noticed, noticed(event)),
    ]
}

/// How late the end was noticed: after the end, or if that has no time after the last poll before
/// it.
fn noticed(event: &Event) -> Option<String> {
    let delay = event.detection_delay_seconds.and_then(|delay| Duration::try_from_secs_f64(delay).ok());
    let after_end = delay.map(|delay| format!("{} after its end", duration::human(delay)));
    after_end.or_else(|| event.elapsed.noticed())
}

/// The status, and before it the previous one if it differs; none if the heading says as much.
fn status(event: &Event) -> Option<String> {
    let heading_says = match event.kind {
        EventKind::Completed => Some(Status::Completed),
        EventKind::Failed => Some(Status::Failed),
        EventKind::Cancelled => Some(Status::Cancelled),
        _ => None,
    };
    let now = event.status.as_ref().filter(|now| heading_says.as_ref() != Some(*now))?;
    Some(match &event.previous_status {
        // Each is cut on its own, so that a long one does not hide the other.
        Some(before) if !before.same_as(now) => {
            let half = |text| presentable(text, MAX_FACT / 2 - 2);
            format!("{} → {}", half(before.as_str()), half(now.as_str()))
        }
        _ => now.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sample_events;
    use super::*;
    use crate::model::Elapsed;

    #[test]
    fn a_job_that_completed() {
        insta::assert_snapshot!(shown(&sample_events::completed()), @r"
        Success: Restore completed
        restore nightly (rj-1) into index docs completed after 6.0s
          Index: docs
          Took: 6.0s
          Backup: bk-1
          Job id: rj-1
          Noticed: 500ms after its end
        ");
    }

    #[test]
    fn a_job_that_failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @r"
        Error: Restore failed
        restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <b>no & why</b>
          Index: docs_*v2*
          Project: EU & co
          Progress: 42 %
          Took: at most 1h 30m
          Job id: rj-2
        ");
    }

    #[test]
    fn a_project() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r"
        Error: Pinecone refuses the API key
        project EU & co: the API refuses the key or its permission: HTTP 403: Forbidden
          Project: EU & co
        ");
    }

    #[test]
    fn a_test_has_no_facts() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r"
        Info: Test of restore-watch, nothing happened
        a test of restore-watch; no restore is meant
        ");
    }

    #[test]
    fn running_time_is_shown_only_if_the_job_is_seen_running() {
        let elapsed = Elapsed::Exact(Duration::from_mins(90));
        let overdue = Event { kind: EventKind::Overdue, elapsed, ..sample_events::failed() };
        let not_found = Event { kind: EventKind::NotFound, elapsed, ..sample_events::failed() };

        assert!(shown(&overdue).contains("Running for: 1h 30m"));
        assert!(!shown(&not_found).contains("Running for"));
    }

    #[test]
    fn an_end_without_a_time_has_its_bound() {
        let elapsed = Elapsed::AtMost {
            bound: Duration::from_secs(11_520),
            seen_running: Some(Duration::from_secs(11_500)),
        };

        let shown = shown(&Event { elapsed, ..sample_events::failed() });

        assert!(shown.contains("\n  Took: at most 3h 12m\n"), "{shown}");
        assert!(shown.contains("\n  Noticed: 20s after its last running poll\n"), "{shown}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_keep_their_bounds(event in sample_events::any_event()) {
            let card = Card::new(&event);
            let texts = card.facts.iter().map(|(_, value)| (value, MAX_FACT));
            for (text, limit) in texts.chain([(&card.summary, 1000)]) {
                // One more for the `…`.
                prop_assert!((1..=limit + 1).contains(&text.chars().count()));
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }

    fn shown(event: &Event) -> String {
        let card = Card::new(event);
        let facts = card.facts.iter().map(|(label, value)| format!("  {}: {value}\n", label.text()));
        let facts: String = facts.collect();
        format!("{:?}: {}\n{}\n{facts}", card.severity, card.heading, card.summary)
    }
}
