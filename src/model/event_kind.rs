//! The types of event: one table row per type, from which everything that is known of a type
//! follows.
//!
//! Invariant: whatever differs from type to type, but for the sentence in `summary.rs`, is a column
//! of the table. The log level, the urgency of a notification, the colors of a message and the
//! default filters are derived from it.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Elapsed, duration};

/// How good or bad an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Good news.
    Success,
    /// For the record.
    Info,
    /// A person should look at it.
    Warning,
    /// Something is broken.
    Error,
}

impl Severity {
    /// Part of what templates and commands compare: it never changes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What an event says of the run of its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It goes on.
    Running,
    /// It is over, or the watch of its index is.
    Ended,
    /// Nothing: the API gives no good answer, or the event is about no job.
    Unknown,
}

/// A row of the table.
struct Row {
    /// The published name, in the form `noun.verb`.
    name: &'static str,
    /// The sentence of the published schema: the doc comment of the variant.
    meaning: &'static str,
    severity: Severity,
    job: JobState,
    /// What happened, in a few words.
    heading: &'static str,
    /// What to do now, if there is anything to do. No service may read markup in it.
    advice: Option<&'static str>,
}

/// Makes the enum, its lists and its table of one declaration, so that none of them can lack a
/// type.
macro_rules! event_kinds {
    (
        emitted { $($(#[doc = $doc:literal])+ $kind:ident { $($columns:tt)+ })+ }
        trial { $(#[doc = $trial_doc:literal])+ $trial:ident { $($trial_columns:tt)+ } }
    ) => {
        /// What happened, in the form `noun.verb`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventKind {
            $($(#[doc = $doc])+ $kind,)+
            $(#[doc = $trial_doc])+ $trial,
        }

        impl EventKind {
            /// Every type that can be emitted, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            /// Every type there is: those of [`EventKind::ALL`] and [`EventKind::Test`].
            pub const ALL_AND_TEST: &[Self] = &[$(Self::$kind,)+ Self::$trial];

            fn row(self) -> &'static Row {
                use JobState::{Ended, Running, Unknown};
                use Severity::{Error, Info, Success, Warning};

                match self {
                    $(Self::$kind => &Row { meaning: concat!($($doc),+), $($columns)+ },)+
                    Self::$trial => &Row { meaning: concat!($($trial_doc),+), $($trial_columns)+ },
                }
            }
        }
    };
}

// Types of one noun stand together. A name is published and part of the state, so it never changes.
event_kinds! {
    emitted {
        /// The first good answer about a job.
        Watched {
            name: "restore_job.watched",
            severity: Info,
            job: Running,
            heading: "Restore watched",
            advice: None,
        }
        /// The status is another one, and not a terminal one.
        StatusChanged {
            name: "restore_job.status_changed",
            severity: Info,
            job: Running,
            heading: "Restore changed its status",
            advice: None,
        }
        /// The reported progress moved by at least ten points.
        Progressed {
            name: "restore_job.progressed",
            severity: Info,
            job: Running,
            heading: "Restore makes progress",
            advice: None,
        }
        /// The restore completed.
        Completed {
            name: "restore_job.completed",
            severity: Success,
            job: Ended,
            heading: "Restore completed",
            advice: Some(
                "Wait until the index is ready before you send traffic to it: a completed restore is no promise that \
                 it serves.",
            ),
        }
        /// The restore failed.
        Failed {
            name: "restore_job.failed",
            severity: Error,
            job: Ended,
            heading: "Restore failed",
            advice: Some(
                "The API gives no reason. Look at the index in the Pinecone console, then start the restore again \
                 from the backup.",
            ),
        }
        /// The job was cancelled.
        Cancelled {
            name: "restore_job.cancelled",
            severity: Warning,
            job: Ended,
            heading: "Restore cancelled",
            advice: Some(
                "It was stopped before its end, and the index may be missing or incomplete. If it is still wanted, \
                 start the restore again from the backup.",
            ),
        }
        /// The job has an end time, and a status this program does not know.
        Unrecognised {
            name: "restore_job.unrecognised",
            severity: Warning,
            job: Ended,
            heading: "Restore ended with an unknown status",
            advice: Some(
                "This version of restore-watch does not know the status and cannot say whether the restore went \
                 well. Look at the index in the Pinecone console.",
            ),
        }
        /// The deadline of the job passed; the watch goes on.
        Overdue {
            name: "restore_job.overdue",
            severity: Warning,
            job: Running,
            heading: "Restore overdue",
            advice: Some(
                "It takes longer than its deadline allows. Nothing was stopped, and the watch goes on. Look at the \
                 index in the Pinecone console.",
            ),
        }
        /// The job takes longer than restores of its project usually do, or than was said to be
        /// slow; the watch goes on.
        Slow {
            name: "restore_job.slow",
            severity: Warning,
            job: Running,
            heading: "Restore slow",
            advice: Some(
                "It takes longer than usual. Nothing was stopped, and the watch goes on. More vectors take longer. If \
                 it has no more than others, look at the index in the Pinecone console.",
            ),
        }
        /// The API knows no such job, or no longer knows it; the watch goes on.
        NotFound {
            name: "restore_job.not_found",
            severity: Warning,
            job: Unknown,
            heading: "Restore not found",
            advice: Some(
                "Check the id of the job, and that the API key belongs to the project the job runs in. The watch goes \
                 on.",
            ),
        }
        /// No good answer for too long; the watch goes on.
        Unreachable {
            name: "restore_job.unreachable",
            severity: Warning,
            job: Unknown,
            heading: "No good answer about a restore",
            advice: Some(
                "Check the network between restore-watch and the API, and the status page of Pinecone. The restore \
                 may well be running, and the watch goes on.",
            ),
        }
        /// Good answers again, after `not_found` or `unreachable`.
        Recovered {
            name: "restore_job.recovered",
            severity: Success,
            job: Running,
            heading: "Good answers about a restore again",
            advice: None,
        }
        /// The index that a completed job made serves.
        IndexReady {
            name: "index.ready",
            severity: Success,
            job: Ended,
            heading: "Index ready",
            advice: Some(
                "It serves. Compare its record count with that of the backup before you send traffic to it.",
            ),
        }
        /// The index that a completed job made will not serve, or is gone.
        IndexNotReady {
            name: "index.not_ready",
            severity: Error,
            job: Ended,
            heading: "Index did not become ready",
            advice: Some(
                "The restore completed, but do not send traffic to this index. Look at it in the Pinecone console, \
                 and restore the backup again.",
            ),
        }
        /// The API refuses the key or the permission; the watch goes on slowly.
        ProjectUnauthorized {
            name: "project.unauthorized",
            severity: Error,
            job: Unknown,
            heading: "Pinecone refuses the API key",
            advice: Some(
                "Check that the API key is still valid and has the permission control::backups::list. The watch goes \
                 on, but slowly. A new key in a file is used after restore-watch reload.",
            ),
        }
        /// The API accepts the key again.
        ProjectRecovered {
            name: "project.recovered",
            severity: Success,
            job: Unknown,
            heading: "Pinecone accepts the API key again",
            advice: None,
        }
    }
    // A type of its own, so that no receiver takes a test for an event.
    trial {
        /// A test of a sink: nothing happened.
        Test {
            name: "restore_watch.test",
            severity: Info,
            job: Unknown,
            heading: "Test of restore-watch, nothing happened",
            advice: Some("If you can read this, the sink works. There is nothing to do."),
        }
    }
}

impl EventKind {
    /// The type of this published name, that of tests included.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL_AND_TEST.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// The published name.
    pub fn as_str(self) -> &'static str {
        self.row().name
    }

    /// The nouns of all types that can be emitted, each once.
    pub fn nouns() -> Vec<&'static str> {
        let mut nouns: Vec<_> = Self::ALL.iter().map(|kind| kind.noun()).collect();
        // Types of one noun stand together.
        nouns.dedup();
        nouns
    }

    /// The first half of the name: what it is about.
    pub fn noun(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(noun, _)| noun)
    }

    /// The second half of the name.
    pub fn verb(self) -> &'static str {
        self.as_str().split_once('.').map_or("", |(_, verb)| verb)
    }

    /// What it means, in a sentence.
    pub fn meaning(self) -> &'static str {
        self.row().meaning.trim()
    }

    /// How good or bad it is.
    pub fn severity(self) -> Severity {
        self.row().severity
    }

    /// What it says of the run of its job.
    pub fn job_state(self) -> JobState {
        self.row().job
    }

    /// What happened, in a few words.
    pub fn heading(self) -> &'static str {
        self.row().heading
    }

    /// The title of a card about a job: what happened to what, such as `nightly: restore failed`.
    pub fn title_for(self, label: &str, elapsed: Elapsed) -> String {
        if let (Self::Completed, Elapsed::Exact(took)) = (self, elapsed) {
            return format!("{label}: restored in {}", duration::human(took));
        }
        let (first, rest) = self.heading().split_at(1);
        format!("{label}: {}{rest}", first.to_ascii_lowercase())
    }

    /// What to do now, if there is anything to do.
    pub fn advice(self) -> Option<&'static str> {
        self.row().advice
    }

    /// Whether it ends a job, or the watch of its index.
    pub fn is_terminal(self) -> bool {
        self.job_state() == JobState::Ended
    }

    /// Whether it is about the index that a job makes.
    pub fn is_of_index(self) -> bool {
        self.noun() == "index"
    }

    /// Whether it is about a project as a whole, and so about none of its jobs.
    pub fn is_of_project(self) -> bool {
        self.noun() == "project"
    }

    /// Whether a person wants to hear of it unasked: it is an end, trouble, or the end of trouble.
    /// What is for the record is left out.
    pub fn is_for_people(self) -> bool {
        self.severity() != Severity::Info
    }

    /// Whether a person who waits wants to hear of it: it ends something, or something is broken.
    pub fn is_end_or_error(self) -> bool {
        self.is_terminal() || self.severity() == Severity::Error
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format_args!("unknown kind of transition `{text}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for kind in EventKind::ALL_AND_TEST {
            assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
            assert_eq!(format!("{}.{}", kind.noun(), kind.verb()), kind.as_str());
        }

        assert_eq!(EventKind::parse("restore_job.exploded"), None);
    }

    #[test]
    fn nouns_are_listed_once() {
        assert_eq!(EventKind::nouns(), ["restore_job", "index", "project"]);
    }

    #[test]
    fn people_hear_of_all_but_the_course_of_a_job() {
        let others: Vec<_> = EventKind::ALL.iter().filter(|kind| !kind.is_for_people()).collect();

        assert_eq!(others, [&EventKind::Watched, &EventKind::StatusChanged, &EventKind::Progressed]);
        assert!(EventKind::ALL.iter().all(|kind| kind.is_for_people() || !kind.is_end_or_error()));
    }

    #[test]
    fn a_test_is_never_emitted() {
        assert!(!EventKind::ALL.contains(&EventKind::Test));
    }

    #[test]
    fn texts_are_short_ascii_without_markup() {
        for kind in EventKind::ALL_AND_TEST {
            for (text, limit) in [(kind.heading(), 60), (kind.advice().unwrap_or("-"), 200)] {
                let is_plain = |c: char| c.is_ascii_alphanumeric() || " .,:-".contains(c);

                assert!((1..=limit).contains(&text.len()), "{text}");
                assert!(text.chars().all(is_plain), "{text}");
            }
        }
    }
}
