//! Events as desktop notifications.
//!
//! Invariant: a notification service that is absent or never answers costs at most five seconds. A
//! delivery is made once the service took the notification; whether a person saw it cannot be
//! known.

use std::time::Duration;

use notify_rust::Notification;

use crate::engine::{DeliveryPolicy, Failure, FailureClass};
use crate::model::{Event, Severity};
#[cfg(target_os = "linux")]
use crate::platform::blocking;

/// A notification service that owns its name on the bus and never answers would block the call for
/// minutes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An older notification is of no use.
const EXPIRES_AFTER: Duration = Duration::from_hours(1);

/// The session may just be starting.
const RETRY_SCHEDULE: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_mins(2), Duration::from_mins(10)];

pub(super) fn policy() -> DeliveryPolicy {
    DeliveryPolicy { expires_after: Some(EXPIRES_AFTER), ..DeliveryPolicy::retry(RETRY_SCHEDULE.to_vec()) }
}

/// The urgency of a notification (Desktop Notifications Specification 1.2, "Urgency Levels").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// It disappears by itself.
    Normal,
    /// It stays until it is dismissed.
    Critical,
}

pub(super) async fn deliver(event: &Event) -> Result<(), Failure> {
    let shown = show(event.kind.heading(), &event.summary(), event.kind.severity().into()).await;

    shown.map_err(|message| Failure {
        class: if has_session() { FailureClass::Transient } else { FailureClass::Permanent },
        retry_after: None,
        message,
    })
}

impl From<Severity> for Urgency {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Critical,
            Severity::Success | Severity::Info | Severity::Warning => Self::Normal,
        }
    }
}

/// Whether this process belongs to a session that can show a notification (D-Bus Specification,
/// "Message Bus Names", and the path that systemd gives the bus of a user).
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
    match tokio::time::timeout(TIMEOUT, send(notification, urgency)).await {
        Ok(sent) => sent.map_err(|error| format!("the desktop took no notification: {error}")),
        Err(_) => Err(no_answer()),
    }
}

/// Asks the notification service who it is, which shows nothing. The error says why a notification
/// could not be shown.
#[cfg(target_os = "linux")]
pub async fn try_desktop() -> Result<(), String> {
    // The question blocks, unlike a notification. A service that does not answer keeps its thread.
    let asked = match blocking::start("desktop", notify_rust::get_server_information) {
        Ok(asked) => tokio::time::timeout(TIMEOUT, asked).await,
        Err(error) => return Err(format!("cannot start a thread: {error}")),
    };
    match asked {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err(error))) => Err(format!("the desktop takes no notification: {error}")),
        // A panic has printed itself.
        Ok(Err(_)) => Err("the desktop could not be asked".to_owned()),
        Err(_) => Err(no_answer()),
    }
}

/// Elsewhere, no question is known that shows nothing.
#[cfg(not(target_os = "linux"))]
pub async fn try_desktop() -> Result<(), String> {
    Ok(())
}

fn no_answer() -> String {
    format!("the desktop's notification service did not answer within {} s", TIMEOUT.as_secs())
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
