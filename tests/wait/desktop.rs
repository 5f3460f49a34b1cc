//! `--desktop` where there is no desktop.

use crate::support::Watch;
#[cfg(feature = "desktop")]
use crate::support::play;

#[test]
#[cfg(not(feature = "desktop"))]
fn desktop_takes_a_program_with_the_feature() {
    for command in [&["wait", "rj-1", "--desktop"][..], &["wait", "rj-1", "--notify"]] {
        let refused = Watch::new(command).run().expect(2);
        refused.logged("--desktop: this restore-watch was built without desktop notifications");
        refused.logged("leave it out, or run a restore-watch with the feature `desktop`");
    }
}

#[test]
#[cfg(feature = "desktop")]
fn missing_desktop_is_reported_at_the_start() {
    let plane = play("[[job]]\nid = \"open\"");
    let wait = Watch::wait(&plane, &["open", "--desktop"]);
    let mut wait = wait.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").start();

    wait.until_logged("--desktop will show nothing at the end: the desktop takes no notification: ");

    assert!(wait.stdout().is_empty(), "the wait goes on");
}
