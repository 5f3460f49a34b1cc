//! What a terminal shows of one restore and of many, in terminals of several sizes.

use restore_watch::simulate::Simulator;

use crate::support::{play, unused_address};
use crate::tmux::Terminal;

/// The sizes that are tried: columns and rows.
const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (60, 15)];

/// Restores of which two in three run for long, and report how far they are.
fn fleet(count: usize) -> Simulator {
    let job = |number: usize| match number % 3 {
        0 => format!(
            "[[job]]\nid = \"j-{number}\"\nindex = \"shard-{number}\"\nage = \"1h\"\ntakes = \"10m\"\n"
        ),
        _ => format!(
            "[[job]]\nid = \"j-{number}\"\nindex = \"shard-{number}\"\nage = \"10m\"\ntakes = \"{}m\"\nprogress = \"linear\"\n",
            20 + number
        ),
    };
    let failed =
        "[[job]]\nid = \"j-0\"\nindex = \"shard-0\"\nage = \"10m\"\ntakes = \"1m\"\nends = \"failed\"\n";
    play(&(failed.to_owned() + &(1..count).map(job).collect::<String>()))
}

/// Waits until a frame is drawn that nothing of is wider than the screen.
fn drawn(terminal: &Terminal, columns: u16, is_drawn: impl Fn(&str) -> bool) -> String {
    let screen = terminal.until(&format!("{columns} columns"), |screen| {
        let fits = screen.lines().all(|line| console::measure_text_width(line) <= usize::from(columns));
        // Not the end of the wait before.
        let goes_on = |line: &str| line.starts_with("Ctrl-C ends the wait") && !line.contains('^');
        fits && screen.lines().last().is_some_and(goes_on) && is_drawn(screen)
    });
    assert_eq!(screen.matches("Ctrl-C ends").count(), 1, "{screen}");
    screen
}

fn interrupt(terminal: &Terminal) -> String {
    terminal.key("C-c");
    terminal.until("the report", |screen| screen.contains("(exit code 130)") && screen.contains("to go on"))
}

#[test]
fn one_restore_has_a_line_of_its_own() {
    let plane = play(
        "[[job]]\nid = \"j-1\"\nindex = \"docs-search\"\nage = \"1m\"\ntakes = \"1h\"\nprogress = \"linear\"",
    );
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    for (columns, rows) in SIZES {
        terminal.resize_to(columns, rows);
        terminal.line("clear; restore-watch wait j-1");

        let screen = drawn(&terminal, columns, |screen| screen.contains("left"));

        let lines: Vec<_> = screen.lines().collect();
        let shown = lines[lines.len() - 2..].join("\n");
        assert!(shown.contains(" docs-search  "), "{screen}");
        assert!(shown.contains(" %  1m ") && shown.contains(", about "), "{screen}");
        assert!(!screen.contains("Waiting for"), "{screen}");
        interrupt(&terminal);
    }
}

#[test]
fn five_restores_are_all_shown() {
    let plane = fleet(5);
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    for (columns, rows) in SIZES {
        terminal.resize_to(columns, rows);
        terminal.line("clear; restore-watch wait j-{4,3,2,1,0}");

        let totals = "5 restores: 1 completed, 1 failed, 3 running";
        let screen = drawn(&terminal, columns, |screen| screen.contains(totals));

        let names: Vec<_> = screen.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
        let first = names.iter().position(|name| *name == "shard-4").unwrap_or_else(|| panic!("{screen}"));
        assert_eq!(
            names[first..first + 5],
            ["shard-4", "shard-3", "shard-2", "shard-1", "shard-0"],
            "{screen}"
        );
        assert!(!screen.contains("Pending"), "the progress says it: {screen}");

        let screen = interrupt(&terminal);
        let report = screen.find("✘ failed     shard-0").unwrap_or_else(|| panic!("{screen}"));
        assert!(report < screen.rfind("• Pending    shard-4").unwrap(), "failures first: {screen}");
    }
}

#[test]
fn forty_restores_fill_the_screen_and_no_more() {
    let plane = fleet(40);
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.resize_to(80, 24);
    terminal.line("clear; restore-watch wait j-{0..39}");

    for (columns, rows) in SIZES {
        terminal.resize_to(columns, rows);
        let totals = "40 restores: 13 completed, 1 failed, 26 running";
        let rest = if rows == 40 { "\n  … 13 completed" } else { " more running, 13 completed" };
        let screen = drawn(&terminal, columns, |screen| screen.contains(totals) && screen.contains(rest));

        let lines: Vec<_> = screen.lines().skip_while(|line| !line.contains(totals)).collect();
        assert!(lines[1].starts_with("✘ shard-0 "), "what went wrong comes first: {screen}");
        assert!(lines[2].contains(" shard-1 "), "then what ends next: {screen}");
        assert!(lines[3].contains(" shard-2 "), "then what ends next: {screen}");
        assert_eq!(lines.len(), (usize::from(rows) - 1).min(30), "the command line stays: {screen}");
    }

    let screen = interrupt(&terminal);
    let words = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("13 of 40 restores completed, 1 failed, 26 running, interrupted by"), "{screen}");
    assert!(screen.contains("✘ failed     shard-0"), "on the screen although the report is long: {screen}");
}

#[test]
fn four_hundred_restores_fill_the_screen_and_no_more() {
    let plane = fleet(400);
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.resize_to(80, 24);
    terminal.line("clear; restore-watch wait j-{0..399}");

    for (columns, rows) in SIZES {
        terminal.resize_to(columns, rows);
        let screen = drawn(&terminal, columns, |screen| {
            let lines = screen.lines().skip_while(|line| !line.contains("400 restores: ")).count();
            lines == usize::from(rows) - 1 && screen.contains(" more running, ")
        });

        let lines: Vec<_> = screen.lines().skip_while(|line| !line.contains("400 restores: ")).collect();
        assert!(lines[1].starts_with("✘ shard-0 "), "what went wrong comes first: {screen}");
        assert!(lines[lines.len() - 2].starts_with("  … "), "the others are counted: {screen}");
    }
    interrupt(&terminal);
}

#[test]
fn trouble_says_when_the_wait_gives_up() {
    let plane = play("");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    let address = unused_address();
    for (columns, rows) in SIZES {
        terminal.resize_to(columns, rows);
        terminal.line(&format!(
            "clear; PINECONE_CONTROLLER_HOST=http://{address} restore-watch wait 670e8400-e29b-41d4-a716-446655440001"
        ));

        let screen = drawn(&terminal, columns, |screen| screen.contains("gives up in 9m 5"));

        assert!(screen.contains(" 670e8400-e29b-41d4-a716-446655440001  not seen yet  "), "{screen}");
        assert!(screen.contains("\n  cannot connect"), "{screen}");
        interrupt(&terminal);
    }
}

#[test]
fn refused_restores_share_a_line() {
    let plane = play("[[job]]\nid = \"j\"\ncount = 5\n[[fault]]\nkind = \"status\"\nstatus = 503\n");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.resize_to(80, 24);
    terminal.line("clear; restore-watch wait j-{1..5}");

    let screen = terminal.until("the trouble", |screen| {
        screen.contains("5 not seen yet")
            && screen.contains("\n  HTTP 503: Service Unavailable; gives up in 9m ")
    });

    assert_eq!(screen.matches("HTTP 503").count(), 1, "{screen}");
    interrupt(&terminal);
}

#[test]
fn colors_follow_the_environment() {
    let plane = play("[[job]]\nid = \"j-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"10m\"");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    for (number, (variables, colored)) in
        (1..).zip([("A=b", true), ("NO_COLOR=1", false), ("CLICOLOR=0", false)])
    {
        terminal.line(&format!("clear; {variables} restore-watch wait j-1; echo end $((10 * {number}))"));
        terminal.until("the report", |screen| screen.contains(&format!("\nend {number}0\n")));

        let screen = terminal.colored_screen();

        assert_eq!(screen.contains("\u{1b}[32m✔ completed"), colored, "{variables}: {screen}");
        assert!(screen.contains("✔ completed"), "{variables}: {screen}");
    }
}

#[test]
fn report_sent_to_a_file_leaves_the_verdict_on_the_terminal() {
    let plane = play("[[job]]\nid = \"j-1\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"failed\"");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("clear; restore-watch wait j-1 > /dev/null; echo code $?");

    let screen = terminal.until("the end", |screen| screen.contains("code 1"));

    assert!(screen.contains("restore-watch: a job failed or was cancelled\n"), "{screen}");
}

#[test]
fn ids_that_are_typed_are_asked_for() {
    let plane = play("[[job]]\nid = \"j-1\"\nage = \"1h\"\ntakes = \"10m\"");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("clear; restore-watch wait -");
    terminal.until("the hint", |screen| screen.contains("reading ids from standard input"));

    terminal.line("j-1");
    terminal.key("C-d");

    terminal.until("the report", |screen| screen.contains("1 restore completed, in "));
}

#[test]
fn empty_search_counts_down() {
    let plane = play("");
    let Some(terminal) = Terminal::open(&plane, &[]) else { return };
    terminal.line("clear; restore-watch wait --all-pending");

    terminal.until("the search", |screen| {
        screen.contains("looking for unfinished restores … (the list may lag; 5")
    });
    interrupt(&terminal);
}
