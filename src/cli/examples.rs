//! What the help of each command ends with: examples, and the environment that it reads.
//!
//! Invariant: every command has an example, and every example is a command line that is accepted.

/// The heading of the examples.
const HEADING: &str = "Examples:";

/// The environment of the commands that ask the API.
const KEY: &str = "\
Environment:
  PINECONE_API_KEY          the API key of the project (without --config)
  PINECONE_CONTROLLER_HOST  the API to use [default: https://api.pinecone.io]

";

/// The environment of `wait` and `restore`.
const WAIT: &str = "\
Environment:
  PINECONE_API_KEY          the API key of the project (without --config)
  PINECONE_CONTROLLER_HOST  the API to use [default: https://api.pinecone.io]
  HTTPS_PROXY, NO_PROXY     the proxy to use; hosts to reach without it
  NO_COLOR                  no colors, if it is set and not empty
  RUST_LOG                  what to log, such as restore_watch=debug

";

/// The environment of the commands that read a configuration file.
const CONFIG: &str = "\
Environment:
  RESTORE_WATCH_CONFIG      the configuration file, unless --config names it
  PINECONE_API_KEY          the API key of projects without `api_key`

";

/// The commands, each with its environment and its examples.
const COMMANDS: &[(&str, &str, &[&str])] = &[
    (
        "",
        "",
        &[
            "restore-watch list",
            "restore-watch wait 670e8400-e29b-41d4-a716-446655440001 --timeout 2h",
            "restore-watch run --config config.toml",
            "restore-watch demo",
        ],
    ),
    (
        "wait",
        WAIT,
        &[
            "restore-watch wait 670e8400-e29b-41d4-a716-446655440001 --timeout 2h",
            "restore-watch wait --index docs-search --until ready",
            "restore-watch wait --all-pending --output json",
            "pc index restore --id BACKUP --name INDEX --json | restore-watch wait -",
            "restore-watch wait 670e8400-e29b-41d4-a716-446655440001 -- ./switch-traffic.sh",
        ],
    ),
    (
        "restore",
        WAIT,
        &[
            "restore-watch restore 670e8400-e29b-41d4-a716-446655440000 --name docs-search --until ready --timeout 2h",
            "restore-watch restore 670e8400-e29b-41d4-a716-446655440000 --name docs-search -- ./switch-traffic.sh",
            "restore-watch restore 670e8400-e29b-41d4-a716-446655440000 --name docs-search --tag team=search --dry-run",
        ],
    ),
    (
        "run",
        CONFIG,
        &["restore-watch run --config config.toml", "restore-watch run --config jobs.toml --exit-when-done"],
    ),
    (
        "status",
        "",
        &[
            "restore-watch status",
            "restore-watch status --failed",
            "restore-watch status nightly --watch",
            "restore-watch status --json | jq .trouble",
        ],
    ),
    (
        "add",
        "",
        &[
            "restore-watch add 670e8400-e29b-41d4-a716-446655440001 --name nightly --deadline 2h",
            "restore-watch add 670e8400-e29b-41d4-a716-446655440001 --project production",
        ],
    ),
    ("forget", "", &["restore-watch forget nightly", "restore-watch forget 670e8400"]),
    ("reload", "", &["restore-watch check && restore-watch reload"]),
    (
        "explain",
        KEY,
        &["restore-watch explain nightly", "restore-watch explain 670e8400-e29b-41d4-a716-446655440001"],
    ),
    ("pause", "", &["restore-watch pause production"]),
    ("resume", "", &["restore-watch resume production"]),
    (
        "silence",
        "",
        &[
            "restore-watch silence --index 'prod-*' --for 2h --comment maintenance",
            "restore-watch silence",
            "restore-watch silence --end 3",
        ],
    ),
    (
        "deliveries",
        "",
        &[
            "restore-watch deliveries",
            "restore-watch deliveries --all --job nightly",
            "restore-watch deliveries retry --dead --sink slack",
            "restore-watch deliveries drop 01a214f4",
        ],
    ),
    ("deliveries list", "", &["restore-watch deliveries list --state dead"]),
    (
        "deliveries retry",
        "",
        &["restore-watch deliveries retry --dead --sink slack", "restore-watch deliveries retry 01a214f4"],
    ),
    ("deliveries drop", "", &["restore-watch deliveries drop --dead"]),
    (
        "history",
        CONFIG,
        &[
            "restore-watch history",
            "restore-watch history --outcome failed --since 30d",
            "restore-watch history --index 'orders-*' --output csv > restores.csv",
            "restore-watch history --state-file /var/backups/restore-watch.db",
        ],
    ),
    (
        "stats",
        CONFIG,
        &["restore-watch stats --since 30d", "restore-watch stats --by index --json | jq .groups"],
    ),
    (
        "list",
        KEY,
        &[
            "restore-watch list",
            "restore-watch list --index 'prod-*' --limit 10",
            "restore-watch list --status pending --json | restore-watch wait -",
            "restore-watch list --config config.toml --project production",
        ],
    ),
    ("backup", CONFIG, &["sudo restore-watch backup /var/backups/restore-watch.db"]),
    ("state", "", &["sudo restore-watch state move --from /var/lib/restore-watch/state.db"]),
    (
        "state move",
        CONFIG,
        &[
            "sudo restore-watch state move --from /var/lib/restore-watch/state.db --dry-run",
            "sudo restore-watch state move --from /var/lib/restore-watch/state.db",
        ],
    ),
    (
        "handover",
        "",
        &["sudo restore-watch handover", "sudo restore-watch handover && sudo systemctl stop restore-watch"],
    ),
    (
        "init",
        "",
        &[
            "restore-watch init ~/.config/restore-watch/config.toml",
            "sudo restore-watch init /etc/restore-watch/config.toml",
            "restore-watch init --all | less",
        ],
    ),
    (
        "check",
        CONFIG,
        &[
            "restore-watch check --config config.toml",
            "restore-watch check --config config.toml --secrets --online",
        ],
    ),
    (
        "notify-test",
        CONFIG,
        &["sudo restore-watch notify-test", "restore-watch notify-test slack --config config.toml"],
    ),
    ("simulate", "", &["restore-watch simulate", "restore-watch simulate flaky --listen 127.0.0.1:8080"]),
    ("demo", "", &["restore-watch demo"]),
    (
        "completions",
        "",
        &[
            "restore-watch completions bash > ~/.local/share/bash-completion/completions/restore-watch",
            "restore-watch completions zsh > ~/.zfunc/_restore-watch # a directory of $fpath, before compinit",
            "restore-watch completions fish > ~/.config/fish/completions/restore-watch.fish",
        ],
    ),
    ("man", "", &["restore-watch man wait | man -l -", "restore-watch man --dir ~/.local/share/man/man1"]),
    (
        "schema",
        "",
        &[
            "restore-watch schema config > restore-watch.schema.json",
            "restore-watch schema postgres --role watch | psql --dbname restore_watch",
        ],
    ),
    ("help", "", &["restore-watch help wait", "restore-watch help deliveries retry"]),
    ("version", "", &["restore-watch version"]),
];

/// The environment and the examples of the command that these words name.
pub(super) fn of(command: &str) -> Option<String> {
    let (_, environment, examples) = COMMANDS.iter().find(|(name, ..)| *name == command)?;
    let mut text = format!("{environment}{HEADING}");
    for example in *examples {
        text += "\n  ";
        text += example;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::Command;
    use clap::error::ErrorKind;

    use super::*;
    use crate::cli::{Cli, program};

    fn all(command: &Command, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        for command in command.get_subcommands() {
            all(command, format!("{path} {}", command.get_name()).trim_start(), found);
        }
    }

    #[test]
    fn every_command_has_examples_and_no_other_has() {
        let mut commands = Vec::new();
        all(&program::program(), "", &mut commands);
        let known: Vec<_> = COMMANDS.iter().map(|(name, ..)| *name).collect();

        assert!(commands.iter().all(|command| known.contains(&command.as_str())), "{commands:?}");
        assert_eq!(commands.len(), known.len());
    }

    #[test]
    fn every_example_is_accepted() {
        let examples = COMMANDS.iter().flat_map(|(_, _, examples)| *examples);
        let commands =
            examples.flat_map(|example| example.split(" | ")).flat_map(|example| example.split(" && "));

        for command in commands
            .map(|command| command.trim_start_matches("sudo "))
            .filter(|command| command.starts_with("restore-watch"))
        {
            let words = command.split([' ']).take_while(|word| !matches!(*word, ">" | "#"));
            let words: Vec<_> = words.map(|word| OsString::from(word.trim_matches('\''))).collect();
            let parsed = Cli::from_words(&words);

            let error = parsed.err().filter(|error| error.kind() != ErrorKind::DisplayHelp);
            assert!(error.is_none(), "{command}: {}", error.unwrap());
        }
    }
}
