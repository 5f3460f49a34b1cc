//! `--help` and the command line as a whole.

use crate::support::Watch;

#[test]
fn every_command_prints_help_on_standard_output() {
    let commands = [
        "wait",
        "restore",
        "run",
        "deliveries",
        "list",
        "init",
        "check",
        "notify-test",
        "simulate",
        "demo",
        "completions",
        "man",
        "schema",
        "help",
        "version",
    ];
    let all = Watch::new(["--help"]).run().expect(0).stdout;
    for command in commands {
        assert!(all.contains(&format!("\n  {command} ")), "{command}: {all}");
        let done = Watch::new([command, "--help"]).run().expect(0);
        assert!(done.stdout.contains("Usage: restore-watch ") && done.stderr.is_empty(), "{}", done.stdout);
        assert!(done.stdout.lines().all(|line| line.chars().count() <= 100), "{}", done.stdout);
    }
}

#[test]
fn exit_codes_are_explained_where_they_matter() {
    let wait = Watch::new(["wait", "--help"]).run().expect(0).stdout;
    for code in ["0", "1", "2", "3", "4", "5", "6", "70", "78", "124", "130"] {
        let line = format!("\n  {code:<3}  ");
        assert!(wait.contains(&line), "{code}: {wait}");
    }
    assert!(
        wait.contains("143 by SIGTERM") && wait.contains("the first of 1, 4, 3, 6, 78, 5, 124 wins"),
        "{wait}"
    );
    for variable in ["PINECONE_API_KEY", "PINECONE_CONTROLLER_HOST", "HTTPS_PROXY", "NO_COLOR", "RUST_LOG"] {
        assert!(wait.contains(variable), "{variable}: {wait}");
    }

    let restore = Watch::new(["restore", "--help"]).run().expect(0).stdout;
    assert!(restore.contains("\n  7    it is not known whether a restore was started"), "{restore}");

    for (command, words) in [
        ("run", &["with 0 when all completed", "1 when one failed", "6 when"][..]),
        ("check", &["exits with 78"]),
        ("list", &["exits with 4", "with 5", "with 78"]),
        ("deliveries", &["exits with 74"]),
        ("notify-test", &["exits with 0 if all sinks took the event, and with 1 otherwise"]),
    ] {
        let help = Watch::new([command, "--help"]).run().expect(0).stdout;
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        assert!(words.iter().all(|word| help.contains(word)), "{command}: {help}");
    }
}

#[test]
fn version_says_what_it_is_built_for() {
    let short = concat!("restore-watch ", env!("CARGO_PKG_VERSION"));

    assert_eq!(Watch::new(["-V"]).run().expect(0).stdout, format!("{short}\n"));
    for words in ["--version", "version"] {
        let long = Watch::new([words]).run().expect(0).stdout;
        let built_for = long.strip_prefix(short).and_then(|rest| rest.strip_prefix(" (")).unwrap_or_default();
        assert!(built_for.starts_with(std::env::consts::ARCH) && built_for.ends_with(")\n"), "{long}");
        assert_eq!(long.contains("desktop"), cfg!(feature = "desktop"), "{long}");
        assert_eq!(long.lines().count(), 1, "{long}");
    }
}

#[test]
fn help_command_prints_what_the_option_prints() {
    for command in [&[][..], &["wait"], &["deliveries", "retry"]] {
        let by_option = Watch::new([command, &["--help"]].concat()).run().expect(0);
        let by_command = Watch::new([&["help"], command].concat()).run().expect(0);
        assert_eq!(by_command.stdout, by_option.stdout);
    }
    Watch::new(["help", "restart"]).run().expect(2).logged("there is no command `restart`");
}

#[test]
fn help_ends_with_examples() {
    for command in [&[][..], &["wait"], &["run"], &["list"], &["deliveries", "retry"], &["schema"]] {
        for option in ["-h", "--help"] {
            let help = Watch::new([command, &[option]].concat()).run().expect(0).stdout;
            assert!(help.contains("\nExamples:\n  restore-watch "), "{help}");
        }
    }
}

#[test]
fn commands_that_need_the_key_say_so() {
    for command in ["wait", "restore", "list", "explain", "run", "check", "notify-test"] {
        let help = Watch::new([command, "--help"]).run().expect(0).stdout;
        assert!(help.contains("PINECONE_API_KEY"), "{command}: {help}");
    }
}

#[test]
fn wrong_usage_is_2() {
    for arguments in
        [&[][..], &["watch"], &["run", "rj-1"], &["list", "--output", "ndjson"], &["simulate", "a", "b"]]
    {
        let done = Watch::new(arguments).run().expect(2);
        assert_eq!(done.stdout, "", "{arguments:?}");
    }
}
