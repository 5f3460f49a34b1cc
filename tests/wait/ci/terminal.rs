//! A pipeline whose log is a terminal.

use crate::support::{Watch, play, skipped};

/// Starts a program on a terminal of its own.
const ON_A_TERMINAL: [&str; 4] = ["sh", "-c", "exec script -qec \"$*\" /dev/null", "sh"];

#[test]
fn lines_stay_plain_on_the_terminal_of_a_pipeline() {
    let tried = std::process::Command::new("script").args(["-qec", "test -t 2", "/dev/null"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        skipped("there is no `script` to make a terminal");
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nextra = { status = \"Odd\" }\n");

    let wait = |variables: &[(&str, &str)], ci: &str| {
        let arguments = [
            "wait",
            "rj-1",
            "--timeout",
            "700ms",
            "--min-interval",
            "20ms",
            "--max-interval",
            "100ms",
            "--ci",
            ci,
        ];
        let wait = Watch::through(&ON_A_TERMINAL, arguments).on(&plane).env("TERM", "xterm").with_escapes();
        let wait = variables.iter().fold(wait, |wait, (name, value)| wait.env(name, value));
        wait.run().expect(124).stdout
    };
    assert!(wait(&[], "auto").contains('\u{1b}'), "without a pipeline, lines are drawn");
    for (variables, ci) in [
        (&[("JENKINS_URL", "https://ci.example/")][..], "auto"),
        (&[("CI", "true")], "auto"),
        (&[("GITHUB_ACTIONS", "true")], "auto"),
        (&[("GITHUB_ACTIONS", "true")], "none"),
        (&[], "github"),
    ] {
        let text = wait(variables, ci);
        assert!(text.contains("Z watching restore rj-1 into index docs: Odd"), "{text}");
        assert!(text.contains("Z  WARN restore rj-1: status `Odd` is unknown"), "{text}");
        let control = |c: char| c.is_control() && c != '\r' && c != '\n';
        assert!(!text.contains(control), "{variables:?}: {text:?}");
    }
}
