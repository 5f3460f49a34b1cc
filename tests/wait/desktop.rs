//! `--desktop` where there is no desktop.

use crate::support::{Watch, play};

#[test]
fn missing_desktop_is_reported_at_the_start() {
    let plane = play("[[job]]\nid = \"open\"");
    let wait = Watch::wait(&plane, &["open", "--desktop"]);
    let mut wait = wait.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").start();

    wait.until_logged("--desktop will show nothing at the end: the desktop takes no notification: ");

    assert!(wait.stdout().is_empty(), "the wait goes on");
}
