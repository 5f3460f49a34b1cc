//! Events as desktop notifications.
//!
//! Invariant: a notification service that is absent or never answers costs at most five seconds. A
//! delivery is made once the service took the notification; whether a person saw it cannot be
//! known.

#[cfg(feature = "desktop")]
mod service;
#[cfg(not(feature = "desktop"))]
#[path = "desktop/absent.rs"]
mod service;

use std::time::Duration;

use jiff::Timestamp;

use super::card::{Card, Label};
use super::{Attempt, Receiver};
use crate::engine::{DeliveryPolicy, Failure, FailureClass};
use crate::model::{Event, Payload, Severity, presentable};

pub use service::{show, try_desktop};

/// An older notification is of no use.
const EXPIRES_AFTER: Duration = Duration::from_hours(1);

/// The session may just be starting.
const RETRY_SCHEDULE: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(2), Duration::from_mins(10)];

/// The longest name in a title, in characters: those of indexes fit.
const MAX_LABEL: usize = 50;

/// The longest reason, in characters: what a notification service shows is a few lines.
const MAX_REASON: usize = 300;

/// A notification before it is shown, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What happened to what.
    pub title: String,
    /// What the title does not say; lines may be cut off by the service.
    pub body: String,
    pub severity: Severity,
}

/// The notification service of the session that this process belongs to.
#[derive(Debug)]
pub(super) struct Desktop;

impl Receiver for Desktop {
    fn policy(&self) -> DeliveryPolicy {
        DeliveryPolicy {
            expires_after: Some(EXPIRES_AFTER),
            ..DeliveryPolicy::retry(RETRY_SCHEDULE.to_vec())
        }
    }

    fn recognizes(&self, _payload: &Payload) -> bool {
        // It shows the event, whatever the body is.
        true
    }

    fn deliver<'a>(&'a self, payload: &'a Payload, _now: Timestamp) -> Attempt<'a> {
        let failed = |message| Failure {
            class: if service::has_session() { FailureClass::Transient } else { FailureClass::Permanent },
            retry_after: None,
            message,
        };
        Box::pin(async move { show(&Notice::of(&payload.event)).await.map_err(failed) })
    }
}

impl Notice {
    fn of(event: &Event) -> Self {
        let card = Card::new(event);
        let label = event.job.as_ref().map(|job| presentable(job.label(), MAX_LABEL));
        let title = match &label {
            Some(label) => event.kind.title_for(label, event.elapsed),
            None => card.heading.to_owned(),
        };

        let adds = |(name, value): &&(Label, String)| match name {
            Label::Index => label.as_ref() != Some(value),
            Label::Took | Label::Noticed => card.severity != Severity::Success,
            Label::Project | Label::Status | Label::Progress | Label::RunningFor => true,
            // No id is of use in a text that cannot be copied.
            Label::Backup | Label::JobId => false,
        };
        let facts: Vec<_> =
            card.facts.iter().filter(adds).map(|(name, value)| format!("{} {value}", name.text())).collect();
        let reason = event.reason.as_ref().map(|reason| presentable(reason, MAX_REASON));
        let lines = [Some(facts.join(" · ")), reason, card.advice.map(str::to_owned)];
        let lines: Vec<_> = lines.into_iter().flatten().filter(|line| !line.is_empty()).collect();

        Self { title, body: lines.join("\n"), severity: card.severity }
    }
}

/// The name of an icon that every theme has (Icon Naming Specification 0.8, "Standard Status
/// Icons").
#[cfg(any(test, feature = "desktop"))]
fn icon(severity: Severity) -> &'static str {
    match severity {
        Severity::Success | Severity::Info => "dialog-information",
        Severity::Warning => "dialog-warning",
        Severity::Error => "dialog-error",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::sample_events;
    use super::*;
    use crate::model::{Elapsed, EventKind, ProjectName};

    #[test]
    fn a_restore_that_completed() {
        insta::assert_snapshot!(shown(&sample_events::completed()), @"
        nightly: restored in 6.0s
        Index docs
        Wait until the index is ready before you send traffic to it: a completed restore is no promise that it serves.
        [dialog-information]
        ");
    }

    #[test]
    fn a_restore_that_failed() {
        let mut event = sample_events::failed();
        insta::assert_snapshot!(shown(&event), @"
        docs_*v2*: restore failed
        Project EU & co · Progress 42 % · Took at most 1h 30m
        <b>no & why</b>
        The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.
        [dialog-error]
        ");

        event.job.as_mut().unwrap().name = Some("nightly".to_owned());
        event.elapsed =
            Elapsed::AtMost { bound: Duration::from_mins(90), seen_running: Some(Duration::from_mins(89)) };
        (event.project, event.reason) = (ProjectName::default(), None);
        insta::assert_snapshot!(shown(&event), @"
        nightly: restore failed
        Index docs_*v2* · Progress 42 % · Took at most 1h 30m · Noticed 1m 00s after its last running poll
        The API gives no reason. Look at the index in the Pinecone console, then start the restore again from the backup.
        [dialog-error]
        ");
    }

    #[test]
    fn events_about_no_job() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @"
        Pinecone refuses the API key
        Project EU & co
        HTTP 403: Forbidden
        Check that the API key is still valid and has the permission control::backups::list. The watch goes on, but slowly. A new key in a file is used after restore-watch reload.
        [dialog-error]
        ");
        insta::assert_snapshot!(shown(&sample_events::test()), @"
        Test of restore-watch, nothing happened
        If you can read this, the sink works. There is nothing to do.
        [dialog-information]
        ");
    }

    #[test]
    fn the_body_does_not_repeat_the_title_or_show_an_id() {
        for kind in EventKind::ALL {
            let notice = Notice::of(&Event { kind: *kind, ..sample_events::completed() });

            assert!(!notice.body.contains("rj-1"), "{notice:?}");
            assert!(!notice.body.contains(kind.heading()), "{notice:?}");
        }
    }

    fn shown(event: &Event) -> String {
        let Notice { title, body, severity } = Notice::of(event);
        format!("{title}\n{body}\n[{}]", icon(severity))
    }
}
