//! The notification service of a desktop.

use std::time::Duration;

use notify_rust::Notification;

use super::{Notice, icon};
use crate::model::Severity;
#[cfg(target_os = "linux")]
use crate::platform::blocking;

/// A notification service that owns its name on the bus and never answers would block the call for
/// minutes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether this process belongs to a session that can show a notification (D-Bus Specification,
/// "Message Bus Names", and the path that systemd gives the bus of a user).
pub(super) fn has_session() -> bool {
    let bus = || Some(std::path::Path::new(&std::env::var_os("XDG_RUNTIME_DIR")?).join("bus"));
    cfg!(not(target_os = "linux"))
        || std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some()
        || bus().is_some_and(|bus| bus.exists())
}

/// Shows a notification. The error says why the notification service did not take it.
pub async fn show(notice: &Notice) -> Result<(), String> {
    let mut notification = Notification::new();
    // The body is markup (Desktop Notifications Specification 1.2, "Markup").
    let body = notice.body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    notification.appname("restore-watch").summary(&notice.title).body(&body).icon(icon(notice.severity));
    match tokio::time::timeout(TIMEOUT, send(notification, notice.severity)).await {
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

/// A critical one stays until it is dismissed (Desktop Notifications Specification 1.2, "Urgency
/// Levels").
#[cfg(target_os = "linux")]
async fn send(mut notification: Notification, severity: Severity) -> Result<(), notify_rust::error::Error> {
    notification.urgency(match severity {
        Severity::Success | Severity::Info | Severity::Warning => notify_rust::Urgency::Normal,
        Severity::Error => notify_rust::Urgency::Critical,
    });
    notification.show_async().await.map(drop)
}

#[cfg(not(target_os = "linux"))]
async fn send(notification: Notification, _severity: Severity) -> Result<(), notify_rust::error::Error> {
    let shown = tokio::task::spawn_blocking(move || notification.show().map(drop)).await;
    shown.unwrap_or(Ok(()))
}
