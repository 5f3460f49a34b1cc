//! Transitions as desktop notifications.
//!
//! Invariant: a notification service that is not there, or never answers, costs five seconds at most. Nobody can tell
//! whether a person saw a notification.

use std::time::Duration;

use notify_rust::Notification;

use super::card;
use crate::engine::{DeliveryPolicy, Failure, FailureClass};
use crate::model::{Event, EventKind};

/// How long the notification service may take. One that owns its name on the bus and never answers would hang the call
/// for minutes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A notification of something long past helps nobody.
const EXPIRES_AFTER: Duration = Duration::from_hours(1);

/// How long apart a notification is tried again: a session may just be starting.
const RETRY_SCHEDULE: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(2), Duration::from_mins(10)];

/// How the desktop is tried again.
pub(super) fn policy() -> DeliveryPolicy {
    DeliveryPolicy { expires_after: Some(EXPIRES_AFTER), ..DeliveryPolicy::retry(RETRY_SCHEDULE.to_vec()) }
}

/// How much a notification asks for attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It can wait.
    Normal,
    /// It stays until somebody dismisses it, where the desktop follows the specification.
    Critical,
}

pub(super) async fn deliver(event: &Event) -> Result<(), Failure> {
    let urgency = match event.kind {
        EventKind::Failed | EventKind::IndexNotReady | EventKind::ProjectUnauthorized => Urgency::Critical,
        _ => Urgency::Normal,
    };
    show(card::heading(event.kind), &event.summary(), urgency).await.map_err(|message| Failure {
        class: if has_session() { FailureClass::Transient } else { FailureClass::Permanent },
        retry_after: None,
        message,
    })
}

/// Whether this process belongs to the session of somebody who could see a notification (D-Bus Specification, "Message
/// Bus Names", and the place that systemd gives the bus of a user).
fn has_session() -> bool {
    let bus = || Some(std::path::Path::new(&std::env::var_os("XDG_RUNTIME_DIR")?).join("bus"));
    cfg!(not(target_os = "linux"))
        || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || bus().is_some_and(|bus| bus.exists())
}

/// Shows a notification. The error says why the notification service did not take it.
pub async fn show(heading: &str, text: &str, urgency: Urgency) -> Result<(), String> {
    let mut notification = Notification::new();
    // The body is markup (Desktop Notifications Specification 1.2, "Markup").
    let body = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    notification.appname("restore-watch").summary(heading).body(&body).icon("dialog-information");
    match tokio::time::timeout(PATIENCE, send(notification, urgency)).await {
        Ok(sent) => sent.map_err(|error| format!("the desktop took no notification: {error}")),
        Err(_) => {
            Err(format!("the desktop's notification service did not answer within {} s", PATIENCE.as_secs()))
        }
    }
}

#[cfg(target_os = "linux")]
async fn send(mut notification: Notification, urgency: Urgency) -> Result<(), notify_rust::error::Error> {
    notification.urgency(match urgency {
        Urgency::Normal => notify_rust::Urgency::Normal,
        Urgency::Critical => notify_rust::Urgency::Critical,
    });
    notification.show_async().await.map(drop)
}

#[cfg(not(target_os = "linux"))]
async fn send(notification: Notification, _urgency: Urgency) -> Result<(), notify_rust::error::Error> {
    let shown = tokio::task::spawn_blocking(move || notification.show().map(drop)).await;
    shown.unwrap_or(Ok(()))
}
