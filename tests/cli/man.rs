//! `man`: pages that say what the help says and that the tools for manual pages accept.

use std::process::{Command, Stdio};

use crate::support::{Folder, Watch, skipped};

#[test]
fn each_command_has_a_page() {
    let (_folder, pages) = pages();
    let help = Watch::new(["--help"]).run().expect(0).stdout;

    let commands =
        help.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("commands");
    let commands: Vec<_> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 10, "{commands:?}");

    for command in commands {
        let file = format!("/restore-watch-{command}.1");
        assert!(pages.iter().any(|page| page.ends_with(&file)), "{file}: {pages:?}");
        let page = Watch::new(["man", command]).run().expect(0).stdout;
        assert!(page.contains(&format!(".TH RESTORE-WATCH-{} 1 ", command.to_uppercase())), "{page}");
    }
    for file in ["/restore-watch.1", "/restore-watch-deliveries-retry.1"] {
        assert!(pages.iter().any(|page| page.ends_with(file)), "{file}: {pages:?}");
    }

    let nested = Watch::new(["man", "deliveries", "retry"]).run().expect(0).stdout;
    assert!(nested.contains("RESTORE-WATCH-DELIVERIES-RETRY"), "{nested}");

    Watch::new(["man", "restart"])
        .run()
        .expect(2)
        .logged("there is no command `restart`")
        .logged("wait, restore, run,");
}

#[test]
fn page_of_wait_says_what_its_help_says() {
    let page = Watch::new(["man", "wait"]).run().expect(0).stdout;
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT CODES\"", "ENVIRONMENT", "EXAMPLES"]
    {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}: {page}");
    }

    let help = Watch::new(["wait", "--help"]).run().expect(0).stdout;
    let plain = page.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "");
    for line in help.split("Exit codes:").nth(1).expect("exit codes").lines() {
        let words = line.trim().trim_end_matches(':');
        let (word, meaning) = words.split_once("  ").unwrap_or((words, ""));
        let has = |text: &str| plain.to_lowercase().contains(&text.to_lowercase());
        assert!(has(word) && has(meaning.trim()), "{line}: {plain}");
    }
}

#[test]
fn manual_tools_accept_the_pages() {
    let (_folder, pages) = pages();
    for tool in [&["man", "--warnings", "-l"][..], &["groff", "-man", "-ww", "-z"], &["mandoc", "-T", "lint"]]
    {
        for page in &pages {
            let Some((stdout, stderr)) = output_of(tool, page) else {
                skipped(&format!("manual pages are not checked by {}, which is not installed", tool[0]));
                break;
            };
            assert_eq!(stderr, "", "{tool:?} {page}");
            if tool[0] == "mandoc" {
                // A page of a program has no date; style and line breaks are the generator's.
                let bad = |line: &&str| {
                    !["STYLE:", "cannot parse date", "skipping paragraph macro"]
                        .iter()
                        .any(|fine| line.contains(fine))
                };
                assert_eq!(stdout.lines().filter(bad).collect::<Vec<_>>(), Vec::<&str>::new(), "{page}");
            }
        }
    }
}

/// All pages, by the names of their files.
fn pages() -> (Folder, Vec<String>) {
    let folder = Folder::new();
    let directory = folder.path().join("new/man1");
    let done = Watch::new(["man", "--dir", directory.to_str().expect("a path")]).run().expect(0);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    let names = std::fs::read_dir(directory).expect("a directory").map(|entry| {
        let path = entry.expect("an entry").path();
        path.into_os_string().into_string().expect("a path that is text")
    });
    let names = names.collect();
    (folder, names)
}

/// The output of a program about a page, of both streams; `None` if it is not installed.
fn output_of(words: &[&str], page: &str) -> Option<(String, String)> {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).arg(page).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").stdin(Stdio::null());
    let output = command.output().ok()?;
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(output.status.code().is_some_and(|code| code < 3), "{words:?}: {stdout}{stderr}");
    Some((stdout, stderr))
}
