//! Tips for a wrong command line: which command or option was probably meant.
//!
//! Invariant: a tip is a command that works, or says where to look.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::model::JobId;

/// What is meant by words that other programs use for their commands.
const COMMANDS: &[(&[&str], &str)] = &[
    (
        &["daemon", "start", "serve", "server", "up"],
        "to start the daemon: systemctl start restore-watch, or restore-watch run --config FILE",
    ),
    (&["stop", "down", "kill", "quit"], "to stop the daemon: systemctl stop restore-watch"),
    (
        &["restart"],
        "to restart the daemon: systemctl restart restore-watch; to read its configuration again: restore-watch reload",
    ),
    (
        &["log", "logs", "tail", "journal"],
        "for the log of the service: journalctl -u restore-watch; for what the daemon knows: restore-watch status",
    ),
    (
        &["events", "ps", "show", "get", "describe", "info", "jobs", "inspect"],
        "for what the daemon watches: restore-watch status; for the restores of the project: restore-watch list",
    ),
    (
        &["validate", "verify", "lint", "config", "doctor", "test-config"],
        "to validate a configuration file: restore-watch check --config FILE",
    ),
    (&["test", "notify", "test-notify", "ping"], "to send a test to each sink: restore-watch notify-test"),
    (
        &["watch", "follow", "block", "poll", "wait-for"],
        "to wait for a restore: restore-watch wait JOB_ID; to watch a project: restore-watch run",
    ),
    (&["remove", "rm", "delete", "unwatch"], "to stop watching a job: restore-watch forget JOB_ID"),
    (
        &["failover", "switchover", "promote", "demote", "step-down", "takeover"],
        "to make another replica the active one: restore-watch handover",
    ),
    (&["create", "create-index"], "to restore a backup: restore-watch restore BACKUP_ID --name INDEX"),
];

/// What is meant by options that other programs have.
const OPTIONS: &[(&[&str], &str)] = &[
    (
        &["--exec", "--run", "--then", "--command", "-c"],
        "a command to run after success follows `--`: restore-watch wait JOB_ID -- COMMAND",
    ),
    (
        &["--slack", "--discord", "--teams", "--ntfy", "--pagerduty", "--email"],
        "a wait posts JSON with --webhook URL; messages for people are sent by the daemon, see `format` of [[sink]]",
    ),
    (&["--id", "--job", "--job-id", "--restore-job-id"], "an id needs no option: restore-watch wait JOB_ID"),
    (
        &["--api-key", "--key", "--token"],
        "the key is read from PINECONE_API_KEY, because other users can see a command line",
    ),
    (&["--host", "--url", "--endpoint", "--api-url"], "PINECONE_CONTROLLER_HOST names the API"),
    (&["--interval", "--poll-interval"], "see --min-interval and --max-interval"),
    (&["--verbose", "-v", "-vv", "--debug", "--log-level"], "RUST_LOG=restore_watch=debug logs more"),
];

/// The beginning of clap's tip to put a word behind `--`, where `wait` has a command.
const VALUE_TIP: &str = "to pass '";

/// The error with the tips that are right for this program.
pub(super) fn added(mut error: clap::Error, program: Command, words: &[OsString]) -> clap::Error {
    match error.kind() {
        ErrorKind::InvalidSubcommand => of_command(&mut error, words),
        ErrorKind::UnknownArgument => of_option(&mut error, program, words),
        _ => {}
    }
    error
}

fn of_command(error: &mut clap::Error, words: &[OsString]) {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return };
    let is_first = words.get(1).is_some_and(|first| first == word.as_str());
    let tip = meant_by(COMMANDS, word).map(str::to_owned).or_else(|| wait_for(word));

    if let Some(tip) = tip.filter(|_| is_first) {
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    } else if let Some(ContextValue::Strings(similar)) = error.get(ContextKind::SuggestedSubcommand)
        && let Some(most_similar) = similar.last().cloned()
    {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::String(most_similar));
    }
}

/// The command that is meant by the id of a restore job alone.
fn wait_for(word: &str) -> Option<String> {
    let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    let is_id = is_plain && word.contains(|c: char| c.is_ascii_digit()) && JobId::given(word).is_ok();
    is_id.then(|| format!("did you mean: restore-watch wait {word}"))
}

fn of_option(error: &mut clap::Error, mut program: Command, words: &[OsString]) {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return };
    let name = option.split('=').next().unwrap_or_default();
    let meant = meant_by(OPTIONS, name).map(|tip| vec![tip.into()]);

    let tips = match (meant, error.remove(ContextKind::Suggested)) {
        (Some(tips), _) => {
            error.remove(ContextKind::SuggestedArg);
            tips
        }
        (None, Some(ContextValue::StyledStrs(mut tips))) => {
            tips.retain(|tip| !tip.to_string().starts_with(VALUE_TIP));
            tips
        }
        (None, _) => Vec::new(),
    };
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }

    // clap's own usage is that of the guessed option.
    program.build();
    let chosen = |command: &Command| command.clone().render_usage();
    let usage = chosen(command_of(&program, words));
    error.insert(ContextKind::Usage, ContextValue::StyledStr(usage));
}

fn meant_by(table: &[(&[&str], &'static str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(words, _)| words.contains(&word)).map(|(_, tip)| *tip)
}

/// The command that these words name.
fn command_of<'a>(program: &'a Command, words: &[OsString]) -> &'a Command {
    let names = words.iter().skip(1).map(OsString::as_os_str);
    names
        .map_while(|name| name.to_str())
        .try_fold(program, |command, name| command.find_subcommand(name).ok_or(command))
        .unwrap_or_else(|last| last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    fn refusal(words: &str) -> String {
        let words: Vec<_> = words.split(' ').map(OsString::from).collect();
        Cli::from_words(&words).unwrap_err().to_string()
    }

    #[test]
    fn words_of_other_programs_lead_to_commands_of_this_one() {
        let tip = |word: &str| {
            let refusal = refusal(&format!("restore-watch {word}"));
            let tips: Vec<_> = refusal.lines().filter_map(|line| line.trim().strip_prefix("tip: ")).collect();
            format!("{word}: {}\n", tips.join(" | "))
        };
        let words = [
            "daemon",
            "logs",
            "events",
            "validate",
            "create",
            "watch",
            "wiat",
            "ls",
            "670e8400-e29b",
            "xyzzy",
        ];

        insta::assert_snapshot!(words.map(tip).concat(), @"
        daemon: to start the daemon: systemctl start restore-watch, or restore-watch run --config FILE
        logs: for the log of the service: journalctl -u restore-watch; for what the daemon knows: restore-watch status
        events: for what the daemon watches: restore-watch status; for the restores of the project: restore-watch list
        validate: to validate a configuration file: restore-watch check --config FILE
        create: to restore a backup: restore-watch restore BACKUP_ID --name INDEX
        watch: to wait for a restore: restore-watch wait JOB_ID; to watch a project: restore-watch run
        wiat: a similar subcommand exists: 'wait'
        ls: a similar subcommand exists: 'list'
        670e8400-e29b: did you mean: restore-watch wait 670e8400-e29b
        xyzzy:
        ");
    }

    #[test]
    fn a_word_behind_a_command_is_no_command() {
        assert!(!refusal("restore-watch man --dir").contains("tip"));
        assert!(!refusal("restore-watch deliveries retry logs").contains("journalctl"));
    }

    #[test]
    fn an_unknown_option_of_wait_is_never_put_behind_the_dashes() {
        for option in ["--jsn", "-x", "--notfy", "--exec", "--slack=URL", "--timout", "--xyzzy"] {
            let refusal = refusal(&format!("restore-watch wait a {option}"));

            assert!(!refusal.contains(VALUE_TIP), "{refusal}");
            assert!(refusal.contains("Usage: restore-watch wait [OPTIONS] [JOB_ID]"), "{refusal}");
        }
    }

    #[test]
    fn options_of_other_programs_are_explained() {
        insta::assert_snapshot!(refusal("restore-watch wait a --exec=./switch.sh"), @"
        error: unexpected argument '--exec' found

          tip: a command to run after success follows `--`: restore-watch wait JOB_ID -- COMMAND

        Usage: restore-watch wait [OPTIONS] [JOB_ID]... [-- <COMMAND>...]

        For more information, try '--help'.
        ");
        insta::assert_snapshot!(refusal("restore-watch wait a --time-out 5s"), @"
        error: unexpected argument '--time-out' found

          tip: a similar argument exists: '--timeout'

        Usage: restore-watch wait [OPTIONS] [JOB_ID]... [-- <COMMAND>...]

        For more information, try '--help'.
        ");
    }
}
