//! In the background, stopped and continued, and when the terminal goes away.

use crate::script::run;
use crate::support::{Folder, done, play};
use crate::tmux::{Terminal, until_file};

#[test]
fn wait_in_the_background_of_a_script() {
    let plane = play(&format!("{}[[job]]\nid = \"open\"", done(&[("bad", "failed")])));
    for (script, printed) in [
        ("restore-watch wait bad -q > /dev/null & wait $!; echo $?", "1\n"),
        ("set -m; restore-watch wait bad -q > /dev/null & wait $!; echo $?", "1\n"),
        // Stopped for longer than `unreachable_after`: that says nothing about the API.
        (
            "restore-watch wait open -q --unreachable-after 1s --timeout 4s > /dev/null & \
             sleep 1; kill -STOP $!; sleep 2; kill -CONT $!; wait $!; echo $?",
            "124\n",
        ),
        ("restore-watch wait open -q > /dev/null & sleep 1; kill -HUP $!; wait $!; echo $?", "129\n"),
        (
            "trap '' HUP; restore-watch wait open -q --timeout 2s > /dev/null & sleep 1; kill -HUP $!; wait $!; echo $?",
            "124\n",
        ),
    ] {
        let Some(ended) = run("bash", script, &plane) else { return };
        assert_eq!(ended.stdout, printed, "{script}\n{}", ended.stderr);
    }
}

#[test]
fn wait_is_stopped_and_continued_on_a_terminal() {
    let plane = play("[[job]]\nid = \"open\"\nindex = \"docs\"");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("restore-watch wait open");

    terminal.until("the lines", |screen| screen.contains("docs  Pending"));
    terminal.key("C-z");
    terminal.until("the shell", |screen| screen.contains("Stopped"));

    terminal.line("bg");
    terminal.line("echo mine");
    let screen = terminal.until("the answer", |screen| screen.contains("\nmine\n"));

    assert_eq!(screen.matches("docs  Pending").count(), 1, "nothing is drawn from the background:\n{screen}");
    // What was typed stays where it was.
    terminal.line("sleep 1; echo later");
    let screen = terminal.until("the answer", |screen| screen.contains("\nlater\n"));

    assert!(screen.contains("$ echo mine\nmine\n$ sleep 1; echo later\nlater\n"), "{screen}");
    terminal.line("fg");
    let screen = terminal.until("new lines", |screen| screen.matches("docs  Pending").count() == 2);

    assert!(screen.contains("$ echo mine\nmine\n"), "{screen}");
    terminal.key("C-c");
    let screen = terminal.until("the report", |screen| screen.contains("interrupted by SIGINT"));

    assert!(screen.contains("^C\n• Pending  docs  open  "), "{screen}");
}

#[test]
fn terminal_with_tostop_costs_no_outcome() {
    let plane = play("[[job]]\nid = \"open\"");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("stty tostop; set +m; set -m");
    terminal.line("restore-watch wait open --timeout 1s &");
    terminal.line("until jobs | grep Stopped; do sleep 0.1; done");
    terminal.until("the stop", |screen| screen.contains("\n[1]+  Stopped"));
    terminal.line("fg; echo code $?");
    terminal.until("the outcome", |screen| screen.contains("• Pending  ") && screen.contains("\ncode 124\n"));
}

#[test]
fn closed_terminal_ends_a_wait() {
    let plane = play(&format!("{}[[job]]\nid = \"open\"", done(&[("good", "completed")])));
    for (launcher, code) in [("", "129"), ("nohup ", "3"), ("env -- ", "129")] {
        let Some(terminal) = Terminal::open(&plane, &[]) else { return };
        let folder = Folder::new();
        // The shell writes the file by itself: a program that it called would be ended by a second
        // SIGHUP.
        let file = folder.path().join("code");
        let directory = folder.path().display();
        terminal.line(&format!(
            "cd {directory}; (trap : HUP; {launcher}restore-watch wait open nowhere --not-found-grace 2s --timeout 3s; \
             echo $? > code)"
        ));
        if launcher == "nohup " {
            until_file(&folder.path().join("nohup.out"), "watching restore open");
        } else {
            terminal.until("the lines", |screen| screen.contains("Ctrl-C ends"));
        }
        terminal.close();
        until_file(&file, "\n");
        assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), code, "{launcher}");
    }
}

#[test]
fn wait_that_ignores_sighup_survives_its_terminal() {
    let plane = play("[[job]]\nid = \"open\"\n[[fault]]\nkind = \"status\"\nstatus = 400\nfirst = 5\n");
    let Some(terminal) = Terminal::open(&plane, &[("RUST_LOG", "debug")]) else { return };
    let folder = Folder::new();
    terminal.line(&format!(
        "cd {}; (trap '' HUP; restore-watch wait open --timeout 3s; echo $? > code)",
        folder.path().display()
    ));

    terminal.until("the lines", |screen| screen.contains("Ctrl-C ends"));
    terminal.close();
    let file = folder.path().join("code");
    until_file(&file, "\n");

    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), "124");
}
