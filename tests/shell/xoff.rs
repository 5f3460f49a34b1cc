//! A terminal stopped by Ctrl-S accepts no output; the wait goes on.

use crate::support::play;
use crate::tmux::Terminal;

#[test]
fn stopped_terminal_holds_up_no_poll_and_no_timeout() {
    let plane = play("[[job]]\nid = \"open\"");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line(
        "clear; restore-watch wait open --min-interval 20ms --max-interval 100ms --timeout 8s; echo code $?",
    );

    terminal.until("the lines", |screen| screen.contains("Ctrl-C ends"));
    terminal.key("C-s");
    let before = plane.count();
    terminal.until_so("polls", || plane.count() >= before + 8);
    terminal.key("C-q");
    terminal.until("the outcome", |screen| screen.contains("code 124"));
}
