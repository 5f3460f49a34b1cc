//! Locales that are not UTF-8: what the program adds to a text is ASCII.

use crate::support::{Folder, Watch, done, play};
use crate::tmux::Terminal;

#[test]
fn marks_are_those_of_the_locale() {
    let plane = play(&format!("{}[[job]]\nid = \"open\"", done(&[("good", "completed"), ("bad", "failed")])));
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };

    for (variables, utf8) in [
        ("LC_ALL=C.UTF-8 LANG=C", true),
        ("LC_ALL=C LC_CTYPE=C.UTF-8 LANG=C.UTF-8", false),
        ("LC_ALL=POSIX", false),
        ("LC_ALL= LC_CTYPE= LANG=de_DE.ISO-8859-1", false),
        ("LC_ALL= LC_CTYPE=C.UTF-8 LANG=C", true),
        ("-u LC_ALL", false),
    ] {
        terminal.line(&format!("clear; env {variables} restore-watch wait good bad open"));
        // Not the lines of the previous wait, which stay until the screen is cleared.
        let is_drawn = |screen: &str| {
            let shows = |words| screen.contains(words);
            shows("Waiting for 3 restores: 1 completed, 1 failed, 1 running") && !shows("interrupted")
        };
        let screen = terminal.until("the lines", is_drawn);
        let lines: Vec<_> = screen.lines().skip_while(|line| line.contains("restore-watch wait")).collect();
        assert_eq!(lines.iter().any(|line| line.starts_with('✔')), utf8, "{variables}: {screen}");
        assert_eq!(lines.iter().any(|line| line.starts_with("+ ")), !utf8, "{variables}: {screen}");
        assert_eq!(lines.iter().any(|line| line.starts_with("x ")), !utf8, "{variables}: {screen}");
        assert_eq!(lines.concat().is_ascii(), !utf8, "{variables}: {screen}");
        terminal.key("C-c");
        terminal.until("the end", |screen| screen.contains("interrupted"));
    }
}

#[test]
fn help_and_errors_are_ascii() {
    for command in
        ["", "wait", "run", "status", "deliveries", "list", "check", "simulate", "demo", "man", "completions"]
    {
        let help = Watch::new(command.split_whitespace().chain(["--help"])).run().expect(0).stdout;
        assert!(help.is_ascii(), "{command}: {help}");
    }
    let folder = Folder::new();
    let long = "x".repeat(300);
    let config = folder.write("config.toml", format!("jobs = []\n[[sink]]\ntype = \"webhook\"\n[api]\n{long} = 1\n[cadence]\nmax_interval = \"{long}\"\napi = 4\n[[project]]\n"));
    for variables in [&[("LC_ALL", "C")][..], &[]] {
        let check = Watch::new(["check", "--config", &config]);
        let check = variables.iter().fold(check, |check, (name, value)| check.env(name, value));
        let done = check.run().expect(78);
        assert!(done.stderr.is_ascii(), "{}", done.stderr);
    }
    let done = Watch::new(["check", "--config", &config]).env("LANG", "C.UTF-8").run().expect(78);

    assert!(done.stderr.contains('…'), "{}", done.stderr);
}
