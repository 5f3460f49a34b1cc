//! What a person is told of a transition: a heading, one line, the facts, and what to do now.
//!
//! Invariant: no text here is empty, longer than its bound or holds control characters, whatever the API sent; headings
//! and advice are ASCII and depend on the kind alone.

use std::time::Duration;

use crate::http::presentable;
use crate::model::{JobRef, Transition, TransitionKind, duration};

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
    pub(super) fn new(transition: &Transition) -> Self {
        let heading = heading(transition.kind);
        // Of names that are blank nothing may be left.
        let summary = Some(presentable(&transition.summary(), MAX_SUMMARY)).filter(|text| !text.is_empty());
        Self {
            heading,
            tone: tone(transition.kind),
            summary: summary.unwrap_or_else(|| heading.to_owned()),
            facts: facts(transition),
            advice: advice(transition.kind),
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
pub(super) fn heading(kind: TransitionKind) -> &'static str {
    match kind {
        TransitionKind::Watched => "Restore watched",
        TransitionKind::StatusChanged => "Restore changed its status",
        TransitionKind::Progressed => "Restore makes progress",
        TransitionKind::Completed => "Restore completed",
        TransitionKind::Failed => "Restore failed",
        TransitionKind::Cancelled => "Restore cancelled",
        TransitionKind::Unrecognised => "Restore ended with an unknown status",
        TransitionKind::Overdue => "Restore overdue",
        TransitionKind::Slow => "Restore slow",
        TransitionKind::NotFound => "Restore not found",
        TransitionKind::Unreachable => "No good answer about a restore",
        TransitionKind::Recovered => "Good answers about a restore again",
        TransitionKind::IndexReady => "Index ready",
        TransitionKind::IndexNotReady => "Index did not become ready",
        TransitionKind::ProjectUnauthorized => "Pinecone refuses the API key",
        TransitionKind::ProjectRecovered => "Pinecone accepts the API key again",
        TransitionKind::Test => "Test of restore-watch, nothing happened",
    }
}

pub(super) fn tone(kind: TransitionKind) -> Tone {
    match kind {
        TransitionKind::Completed
        | TransitionKind::Recovered
        | TransitionKind::IndexReady
        | TransitionKind::ProjectRecovered => Tone::Good,
        TransitionKind::Failed | TransitionKind::IndexNotReady | TransitionKind::ProjectUnauthorized => {
            Tone::Bad
        }
        TransitionKind::Cancelled
        | TransitionKind::Unrecognised
        | TransitionKind::Overdue
        | TransitionKind::Slow
        | TransitionKind::NotFound
        | TransitionKind::Unreachable => Tone::Warning,
        TransitionKind::Watched
        | TransitionKind::StatusChanged
        | TransitionKind::Progressed
        | TransitionKind::Test => Tone::Neutral,
    }
}

/// What to do now. Markup of no service may have a meaning in it.
fn advice(kind: TransitionKind) -> Option<&'static str> {
    Some(match kind {
        TransitionKind::Completed => {
            "Wait until the index is ready before you send traffic to it: a completed restore is no promise that it \
             serves."
        }
        TransitionKind::Failed => {
            "The API gives no reason. Look at the index in the Pinecone console, then start the restore again from \
             the backup."
        }
        TransitionKind::Cancelled => {
            "Somebody stopped it, and the index may be missing or incomplete. If it is still wanted, start the restore \
             again from the backup."
        }
        TransitionKind::Unrecognised => {
            "This version of restore-watch does not know the status and cannot say whether the restore went well. Look \
             at the index in the Pinecone console."
        }
        TransitionKind::Overdue => {
            "It takes longer than its deadline allows. Nothing was stopped, and the watch goes on. Look at the index in \
             the Pinecone console."
        }
        TransitionKind::Slow => {
            "It takes longer than usual. Nothing was stopped, and the watch goes on. More vectors take longer. If it has \
             no more than others, look at the index in the Pinecone console."
        }
        TransitionKind::NotFound => {
            "Check the id of the job, and that the API key belongs to the project the job runs in. The watch goes on."
        }
        TransitionKind::Unreachable => {
            "Check the network between restore-watch and the API, and the status page of Pinecone. The restore may well \
             be running, and the watch goes on."
        }
        TransitionKind::IndexReady => {
            "It serves. Compare its record count with that of the backup before you send traffic to it."
        }
        TransitionKind::IndexNotReady => {
            "The restore completed, but do not send traffic to this index. Look at it in the Pinecone console, and \
             restore the backup again."
        }
        TransitionKind::ProjectUnauthorized => {
            "Check that the API key is still valid and has the permission control::backups::list. The watch goes on, \
             but slowly. A new key in a file is used after restore-watch reload."
        }
        TransitionKind::Test => "If you can read this, the sink works. There is nothing to do.",
        TransitionKind::Watched
        | TransitionKind::StatusChanged
        | TransitionKind::Progressed
        | TransitionKind::Recovered
        | TransitionKind::ProjectRecovered => return None,
    })
}

fn facts(transition: &Transition) -> Vec<(Label, String)> {
    if transition.kind == TransitionKind::Test {
        return Vec::new();
    }
    let project = (Label::Project, Some(transition.project.to_string()));
    let known: Vec<_> = match &transition.job {
        Some(job) => about_job(transition, job, project),
        None => vec![project],
    };
    let shown = known.into_iter().filter_map(|(label, value)| Some((label, presentable(&value?, MAX_FACT))));
    shown.filter(|(_, value)| !value.is_empty()).collect()
}

type Known = (Label, Option<String>);

fn about_job(transition: &Transition, job: &JobRef, project: Known) -> Vec<Known> {
    let human = |seconds: f64| Duration::try_from_secs_f64(seconds).ok().map(duration::human);
    let elapsed = transition.elapsed_seconds.and_then(human);
    let running = match transition.kind {
        kind if kind.is_terminal() => (Label::Took, elapsed),
        // Whether it still runs is what nobody knows.
        TransitionKind::NotFound | TransitionKind::Unreachable => (Label::RunningFor, None),
        _ => (Label::RunningFor, elapsed),
    };
    let facts = &job.facts;
    vec![
        (Label::Restore, Some(job.name.clone().unwrap_or_else(|| job.id.to_string()))),
        (Label::Index, facts.target_index_name.clone()),
        project,
        (Label::Status, status(transition)),
        (Label::Progress, facts.intermediate_progress().map(|percent| format!("{percent:.0} %"))),
        running,
        (Label::Backup, facts.backup_id.clone()),
        (Label::JobId, job.name.as_ref().map(|_| job.id.to_string())),
        (Label::NoticedAfter, transition.detection_delay_seconds.and_then(human)),
    ]
}

/// The status, with the one before it where that was another.
fn status(transition: &Transition) -> Option<String> {
    let now = transition.status.as_ref()?;
    Some(match &transition.previous_status {
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

    fn shown(transition: &Transition) -> String {
        let card = Card::new(transition);
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
        let mut transition = samples::failed();
        transition.kind = TransitionKind::Overdue;
        assert!(shown(&transition).contains("Running for: 1h 30m"));
        transition.kind = TransitionKind::NotFound;
        assert!(!shown(&transition).contains("Running for"));
    }

    #[test]
    fn the_words_of_a_kind_are_short_ascii_without_markup() {
        for kind in TransitionKind::ALL.iter().copied().chain([TransitionKind::Test]) {
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
        fn texts_keep_their_bounds(transition in samples::hostile()) {
            let card = Card::new(&transition);
            let texts = card.facts.iter().map(|(_, value)| (value, MAX_FACT));
            for (text, limit) in texts.chain([(&card.summary, MAX_SUMMARY)]) {
                // One more for the `…`.
                prop_assert!((1..=limit + 1).contains(&text.chars().count()));
                prop_assert!(!text.chars().any(char::is_control));
            }
        }
    }
}
