//! What a person is told of a transition: a heading, one line, the facts, and what to do now.
//!
//! Invariant: no text here is empty, longer than its bound or holds control characters, whatever the API sent; headings
//! and advice are ASCII and depend on the kind alone.

use std::time::Duration;

use crate::model::{Event, EventKind, JobRef, duration, presentable};

/// How many characters of the summary are kept. Only the reason in it can be long, and nobody reads more.
const MAX_SUMMARY: usize = 1000;

/// How many characters of a fact are kept: a whole job id.
const MAX_FACT: usize = 256;

/// What a person is told of a transition.
#[derive(Debug)]
pub(super) struct Card {
    /// What happened, in a few words.
    pub(super) heading: &'static str,
    /// How good it is.
    pub(super) tone: Tone,
    /// What happened, in one line.
    pub(super) summary: String,
    /// What is known, in the order in which it is shown.
    pub(super) facts: Vec<(Label, String)>,
    /// What to do now, where there is anything to do.
    pub(super) advice: Option<&'static str>,
}

/// How good a piece of news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// It went well.
    Good,
    /// Something is broken.
    Bad,
    /// Somebody should look.
    Warning,
    /// For the record.
    Neutral,
}

/// What a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Restore,
    Index,
    Project,
    Status,
    Progress,
    Took,
    RunningFor,
    Backup,
    JobId,
    NoticedAfter,
}

impl Card {
    pub(super) fn new(event: &Event) -> Self {
        let heading = heading(event.kind);
        // Of names that are blank nothing may be left.
        let summary = Some(presentable(&event.summary(), MAX_SUMMARY)).filter(|text| !text.is_empty());
        Self {
            heading,
            tone: tone(event.kind),
            summary: summary.unwrap_or_else(|| heading.to_owned()),
            facts: facts(event),
            advice: advice(event.kind),
        }
    }
}

impl Label {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Restore => "Restore",
            Self::Index => "Index",
            Self::Project => "Project",
            Self::Status => "Status",
            Self::Progress => "Progress",
            Self::Took => "Took",
            Self::RunningFor => "Running for",
            Self::Backup => "Backup",
            Self::JobId => "Job id",
            Self::NoticedAfter => "Noticed after",
        }
    }
}

/// What happened, in a few words.
pub(super) fn heading(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Watched => "Restore watched",
        EventKind::StatusChanged => "Restore changed its status",
        EventKind::Progressed => "Restore makes progress",
        EventKind::Completed => "Restore completed",
        EventKind::Failed => "Restore failed",
        EventKind::Cancelled => "Restore cancelled",
        EventKind::Unrecognised => "Restore ended with an unknown status",
        EventKind::Overdue => "Restore overdue",
        EventKind::Slow => "Restore slow",
        EventKind::NotFound => "Restore not found",
        EventKind::Unreachable => "No good answer about a restore",
        EventKind::Recovered => "Good answers about a restore again",
        EventKind::IndexReady => "Index ready",
        EventKind::IndexNotReady => "Index did not become ready",
        EventKind::ProjectUnauthorized => "Pinecone refuses the API key",
        EventKind::ProjectRecovered => "Pinecone accepts the API key again",
        EventKind::Test => "Test of restore-watch, nothing happened",
    }
}

pub(super) fn tone(kind: EventKind) -> Tone {
    match kind {
        EventKind::Completed | EventKind::Recovered | EventKind::IndexReady | EventKind::ProjectRecovered => {
            Tone::Good
        }
        EventKind::Failed | EventKind::IndexNotReady | EventKind::ProjectUnauthorized => Tone::Bad,
        EventKind::Cancelled
        | EventKind::Unrecognised
        | EventKind::Overdue
        | EventKind::Slow
        | EventKind::NotFound
        | EventKind::Unreachable => Tone::Warning,
        EventKind::Watched | EventKind::StatusChanged | EventKind::Progressed | EventKind::Test => {
            Tone::Neutral
        }
    }
}

/// What to do now. Markup of no service may have a meaning in it.
fn advice(kind: EventKind) -> Option<&'static str> {
    Some(match kind {
        EventKind::Completed => {
            "Wait until the index is ready before you send traffic to it: a completed restore is no promise that it \
             serves."
        }
        EventKind::Failed => {
            "The API gives no reason. Look at the index in the Pinecone console, then start the restore again from \
             the backup."
        }
        EventKind::Cancelled => {
            "Somebody stopped it, and the index may be missing or incomplete. If it is still wanted, start the restore \
             again from the backup."
        }
        EventKind::Unrecognised => {
            "This version of restore-watch does not know the status and cannot say whether the restore went well. Look \
             at the index in the Pinecone console."
        }
        EventKind::Overdue => {
            "It takes longer than its deadline allows. Nothing was stopped, and the watch goes on. Look at the index in \
             the Pinecone console."
        }
        EventKind::Slow => {
            "It takes longer than usual. Nothing was stopped, and the watch goes on. More vectors take longer. If it has \
             no more than others, look at the index in the Pinecone console."
        }
        EventKind::NotFound => {
            "Check the id of the job, and that the API key belongs to the project the job runs in. The watch goes on."
        }
        EventKind::Unreachable => {
            "Check the network between restore-watch and the API, and the status page of Pinecone. The restore may well \
             be running, and the watch goes on."
        }
        EventKind::IndexReady => {
            "It serves. Compare its record count with that of the backup before you send traffic to it."
        }
        EventKind::IndexNotReady => {
            "The restore completed, but do not send traffic to this index. Look at it in the Pinecone console, and \
             restore the backup again."
        }
        EventKind::ProjectUnauthorized => {
            "Check that the API key is still valid and has the permission control::backups::list. The watch goes on, \
             but slowly. A new key in a file is used after restore-watch reload."
        }
        EventKind::Test => "If you can read this, the sink works. There is nothing to do.",
        EventKind::Watched
        | EventKind::StatusChanged
        | EventKind::Progressed
        | EventKind::Recovered
        | EventKind::ProjectRecovered => return None,
    })
}

fn facts(event: &Event) -> Vec<(Label, String)> {
    if event.kind == EventKind::Test {
        return Vec::new();
    }
    let project = (Label::Project, Some(event.project.to_string()));
    let known: Vec<_> = match &event.job {
        Some(job) => about_job(event, job, project),
        None => vec![project],
    };
    let shown = known.into_iter().filter_map(|(label, value)| Some((label, presentable(&value?, MAX_FACT))));
    shown.filter(|(_, value)| !value.is_empty()).collect()
}

type Known = (Label, Option<String>);

fn about_job(event: &Event, job: &JobRef, project: Known) -> Vec<Known> {
    let human = |seconds: f64| Duration::try_from_secs_f64(seconds).ok().map(duration::human);
    let elapsed = event.elapsed_seconds.and_then(human);
    let running = match event.kind {
        kind if kind.is_terminal() => (Label::Took, elapsed),
        // Whether it still runs is what nobody knows.
        EventKind::NotFound | EventKind::Unreachable => (Label::RunningFor, None),
        _ => (Label::RunningFor, elapsed),
    };
    let facts = &job.facts;
    vec![
        (Label::Restore, Some(job.name.clone().unwrap_or_else(|| job.id.to_string()))),
        (Label::Index, facts.target_index_name.clone()),
        project,
        (Label::Status, status(event)),
        (Label::Progress, facts.intermediate_progress().map(|percent| format!("{percent:.0} %"))),
        running,
        (Label::Backup, facts.backup_id.clone()),
        (Label::JobId, job.name.as_ref().map(|_| job.id.to_string())),
        (Label::NoticedAfter, event.detection_delay_seconds.and_then(human)),
    ]
}

/// The status, with the one before it where that was another.
fn status(event: &Event) -> Option<String> {
    let now = event.status.as_ref()?;
    Some(match &event.previous_status {
        // Each is cut by itself, so that a long one does not hide the other.
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

    use super::super::format::samples;
    use super::*;

    fn shown(event: &Event) -> String {
        let card = Card::new(event);
        let facts = card.facts.iter().map(|(label, value)| format!("  {}: {value}\n", label.text()));
        let facts: String = facts.collect();
        format!("{:?}: {}\n{}\n{facts}", card.tone, card.heading, card.summary)
    }

    #[test]
    fn a_job_that_ended() {
        insta::assert_snapshot!(shown(&samples::completed()), @r"
        Good: Restore completed
        restore nightly into index docs completed after 6.0s
          Restore: nightly
          Index: docs
          Project: default
          Status: Pending → Completed
          Took: 6.0s
          Backup: bk-1
          Job id: rj-1
          Noticed after: 500ms
        ");
        insta::assert_snapshot!(shown(&samples::failed()), @r"
        Bad: Restore failed
        restore rj-2 into index docs_*v2* failed after 1h 30m: <b>no & why</b>
          Restore: rj-2
          Index: docs_*v2*
          Project: EU & co
          Status: Failed
          Progress: 42 %
          Took: 1h 30m
        ");
    }

    #[test]
    fn no_job() {
        insta::assert_snapshot!(shown(&samples::unauthorized()), @r"
        Bad: Pinecone refuses the API key
        project EU & co: the API refuses the key or its permission: HTTP 403: Forbidden
          Project: EU & co
        ");
        insta::assert_snapshot!(shown(&samples::test()), @r"
        Neutral: Test of restore-watch, nothing happened
        a test of restore-watch; no restore is meant
        ");
    }

    #[test]
    fn how_long_a_lost_job_runs_is_not_claimed() {
        let mut event = samples::failed();
        event.kind = EventKind::Overdue;
        assert!(shown(&event).contains("Running for: 1h 30m"));
        event.kind = EventKind::NotFound;
        assert!(!shown(&event).contains("Running for"));
    }

    #[test]
    fn the_words_of_a_kind_are_short_ascii_without_markup() {
        for kind in EventKind::ALL.iter().copied().chain([EventKind::Test]) {
            for (text, limit) in [(heading(kind), 60), (advice(kind).unwrap_or("-"), 200)] {
                assert!((1..=limit).contains(&text.len()), "{text}");
                let plain = |c: char| c.is_ascii_alphanumeric() || " .,:-".contains(c);
                assert!(text.chars().all(plain), "{text}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn texts_keep_their_bounds(event in samples::hostile()) {
            let card = Card::new(&event);
            let texts = card.facts.iter().map(|(_, value)| (value, MAX_FACT));
            for (text, limit) in texts.chain([(&card.summary, MAX_SUMMARY)]) {
                // One more for the `…`.
                prop_assert!((1..=limit + 1).contains(&text.chars().count()));
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
