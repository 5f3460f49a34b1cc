//! What a terminal shows, and what is left on it.

use crate::support::{done, play};
use crate::tmux::Terminal;

const FOOTER: &str = "Ctrl-C ends";

fn is_moving(c: char) -> bool {
    "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏".contains(c)
}

#[test]
fn resized_terminal_keeps_one_line_for_each_job() {
    let jobs = done(&[("good", "completed"), ("bad", "failed")]);
    let more = "[[job]]\nid = \"one\"\nindex = \"an-index-with-a-long-name\"\n[[job]]\nid = \"two\"\nindex = \"日本語のインデックス\"\n";
    let plane = play(&format!("{jobs}{more}"));
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("clear; restore-watch wait good bad one two --max-interval 1s");

    terminal.until("the lines", |screen| screen.contains(FOOTER));
    for columns in [60, 40, 20, 9, 1, 30, 100, 50] {
        terminal.resize(columns);
        // The screen has been drawn at this width if no line is too wide and there is one line for
        // each job and the footer, below those of the totals. Lines that scrolled away are not on
        // the screen.
        let screen = terminal.until(&format!("lines in {columns} columns"), |screen| {
            let lines: Vec<_> = screen.lines().skip_while(|line| !line.starts_with('✔')).collect();
            let starts: String = lines.iter().filter_map(|line| line.chars().next()).collect();
            starts.replace(is_moving, "~") == "✔✘~~C"
        });
        assert!(
            screen.lines().all(|line| console::measure_text_width(line) <= usize::from(columns)),
            "{screen}"
        );
    }

    terminal.key("C-c");
    terminal.resize(100);
    let words = |screen: &str| screen.split_whitespace().collect::<Vec<_>>().join(" ");
    let screen = terminal.until("the report", |screen| words(screen).contains("interrupted by SIGINT after"));

    assert!(screen.contains("• Pending    日本"), "{screen}");
    assert!(
        words(&screen).contains("1 of 4 restores completed, 1 failed, 2 running, interrupted by"),
        "{screen}"
    );
}

#[test]
fn only_the_report_stays_after_the_end() {
    let plane = play(&done(&[("good", "completed"), ("bad", "failed")]));
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("clear; restore-watch wait good bad; echo code $?");
    let screen = terminal.until("the end", |screen| screen.contains("code 1"));
    let lines: Vec<_> =
        screen.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    let expected = ["✘ failed", "✔ completed", "1 of", "code 1"];
    let at = lines.iter().position(|line| line == expected[0]).unwrap_or_else(|| panic!("{screen}"));
    assert!(lines[at..].iter().zip(expected).all(|(line, expected)| line == expected), "{screen}");
    assert!(!screen.contains("Waiting for") && !screen.contains(FOOTER), "{screen}");
}

#[test]
fn log_lines_stay_above_the_progress() {
    let plane = play("[[job]]\nid = \"open\"\n[[fault]]\nkind = \"status\"\nstatus = 503\nfirst = 2\n");
    let Some(terminal) = Terminal::open(&plane, &[("RUST_LOG", "debug")]) else { return };
    terminal.line("clear; restore-watch wait open");
    let screen = terminal.until("both", |screen| {
        screen.contains("DEBUG") && screen.lines().last().is_some_and(|line| line.contains(FOOTER))
    });
    assert_eq!(screen.matches(FOOTER).count(), 1, "{screen}");
    terminal.key("C-c");
    terminal.until("the report", |screen| screen.contains("interrupted by SIGINT"));
}

#[test]
fn dumb_terminal_has_plain_lines() {
    let plane = play(&done(&[("good", "completed")]));
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };

    for prefix in ["TERM=dumb", "env -u TERM"] {
        terminal
            .line(&format!("clear; {prefix} RUST_LOG=debug restore-watch wait good 2>&1 | cat -v; echo end"));
        let piped = terminal.until("the end", |screen| screen.contains("\nend\n"));
        terminal.line(&format!("clear; {prefix} restore-watch wait good; echo end"));
        let screen = terminal
            .until("the end", |screen| screen.contains("\nend\n") && screen.contains("completed after"));
        for screen in [piped, screen] {
            assert!(screen.contains("watching restore good"), "{screen}");
            assert!(!screen.contains("^[") && !screen.contains('✔'), "{screen}");
        }
    }
}
