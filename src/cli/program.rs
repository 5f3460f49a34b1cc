//! The command line as clap reads it: the commands, and what they have alike.
//!
//! Invariant: an option that several commands have works the same in each: wherever there is
//! `--output`, there are `-o` and `--json`.

use std::ffi::OsString;

use clap::builder::{ArgPredicate, Resettable, Str};
use clap::{Arg, ArgAction, Command, CommandFactory as _, FromArgMatches as _};

use super::{Cli, Failure, examples, tips, version};

const OUTPUT: &str = "output";
const JSON: &str = "json";

impl Cli {
    /// The program with all commands, as its help shows it.
    pub fn program() -> Command {
        program()
    }

    /// Parses the words of a command line, the first of which is the program. The error is also the
    /// help or the version, if that is asked for.
    pub fn from_words(words: &[OsString]) -> Result<Self, clap::Error> {
        let mut program = program().long_version(version::long());
        let parsed = program.try_get_matches_from_mut(words).and_then(|words| Self::from_arg_matches(&words));
        parsed.map_err(|error| tips::added(error, program, words))
    }
}

/// The program with all commands.
pub(super) fn program() -> Command {
    completed(Cli::command(), "")
}

/// The command of these names, such as `deliveries retry`.
pub(super) fn find<'a>(program: &'a Command, names: &[String]) -> Result<&'a Command, Failure> {
    names.iter().try_fold(program, |command, name| {
        command.find_subcommand(name).ok_or_else(|| {
            let known: Vec<_> = command.get_subcommands().map(Command::get_name).collect();
            let failure = Failure::usage(format!("there is no command `{}`", names.join(" ").escape_debug()));
            match &known[..] {
                [] => failure,
                known => failure.with_help(format!("there are: {}", known.join(", "))),
            }
        })
    })
}

/// The command with its examples and with the options that each command has alike; `path` is its
/// name behind those of the commands above it.
fn completed(command: Command, path: &str) -> Command {
    let command = command.mut_args(hyphenated).mut_subcommands(|command| {
        let path = format!("{path} {}", command.get_name());
        completed(command, path.trim_start())
    });
    let command = match examples::of(path) {
        Some(examples) => command.after_help(examples),
        None => command,
    };
    let json = command.get_arguments().find(|arg| arg.get_id() == OUTPUT).map(json);
    match json {
        Some(json) => command.mut_arg(OUTPUT, short_forms).arg(json),
        None => command,
    }
}

fn short_forms(output: Arg) -> Arg {
    output.short('o').alias("format").default_value_if(JSON, ArgPredicate::IsPresent, JSON)
}

fn json(output: &Arg) -> Arg {
    Arg::new(JSON)
        .long(JSON)
        .action(ArgAction::SetTrue)
        .conflicts_with(OUTPUT)
        .help("The same as --output json")
        .help_heading(Resettable::from(
            output.get_help_heading().map(|heading| Str::from(heading.to_owned())),
        ))
}

/// A duration such as `-5s` is a wrong duration, and no unknown option.
fn hyphenated(arg: Arg) -> Arg {
    let is_duration = arg.get_value_names().is_some_and(|names| names.iter().any(|name| name == "DURATION"));
    if is_duration { arg.allow_hyphen_values(true) } else { arg }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Cli, clap::Error> {
        Cli::from_words(&words.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn every_output_option_has_its_short_forms() {
        for command in
            ["wait a", "list", "status", "explain a", "deliveries", "deliveries list", "notify-test"]
        {
            for form in ["--json", "-o json", "--format json"] {
                assert!(parse(&format!("restore-watch {command} {form}")).is_ok(), "{command} {form}");
            }
            assert!(parse(&format!("restore-watch {command} --json -o human")).is_err(), "{command}");
        }
    }

    #[test]
    fn negative_durations_are_refused_as_durations() {
        for words in ["wait a --timeout -5s", "wait a -t -5s", "add a --deadline -1h"] {
            let error = parse(&format!("restore-watch {words}")).unwrap_err().to_string();
            assert!(error.contains("is not a duration"), "{words}: {error}");
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        program().debug_assert();
    }
}
