//! `restore-watch completions`
//!
//! Invariant: commands, options and values are those of the help; faults and gaps of the generators
//! are corrected here, and tested in the real shells.

use std::fmt::Write as _;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, Parser, ValueEnum, ValueHint};
use clap_complete::{Generator as _, shells};

use super::output::print;
use super::{Done, Failure};
use crate::model::Exit;

/// Print a script that completes this command line in a shell
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the completions of `program`.
pub(super) fn run(args: &Args, program: Command) -> Result<Done, Failure> {
    let mut program = hinted(program);
    let names: Vec<_> = program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for about_commands in ["man", "help"] {
        let known = PossibleValuesParser::new(names.clone());
        let proposed = |arg: Arg| arg.value_parser(known);
        program = program.mut_subcommand(about_commands, |command| command.mut_arg("command", proposed));
    }
    program.set_bin_name(program.get_name().to_owned());
    program.build();
    print(
        &script(args.shell, &program)
            .map_err(|error| Failure::internal(format!("cannot make the completions: {error}")))?,
    )?;
    Ok(Done::Exit(Exit::Success))
}

/// The command with [`ValueHint::Other`] for every value without a hint: else shells propose the
/// names of files for them.
fn hinted(command: Command) -> Command {
    let hint = |arg: Arg| match arg.get_value_hint() {
        ValueHint::Unknown if arg.get_action().takes_values() => arg.value_hint(ValueHint::Other),
        _ => arg,
    };
    command.mut_args(hint).mut_subcommands(hinted)
}

fn script(shell: Shell, program: &Command) -> std::io::Result<String> {
    let mut script = Vec::new();
    match shell {
        Shell::Bash => shells::Bash.try_generate(program, &mut script)?,
        Shell::Zsh => shells::Zsh.try_generate(program, &mut script)?,
        Shell::Fish => shells::Fish.try_generate(program, &mut script)?,
    }

    let script = String::from_utf8_lossy(&script).into_owned();

    Ok(match shell {
        // The generator writes a name with a hyphen in two ways, so that no subcommand is
        // recognised (clap 6421).
        Shell::Bash => {
            let (wrong, right) =
                ["__subcmd__", "__"].map(|dash| program.get_name().replace('-', dash)).into();
            script.replace(&wrong, &right)
        }
        Shell::Zsh => script,
        Shell::Fish => script + &words_for_fish(program),
    })
}

/// Completions of arguments for fish: its generator leaves them out, so that files are proposed.
fn words_for_fish(program: &Command) -> String {
    let name = program.get_name();
    let prefix = format!("__fish_{}_using_subcommand", name.replace('-', "_"));
    let mut lines = String::new();
    for command in program.get_subcommands() {
        let of_files = |arg: &Arg| !matches!(arg.get_value_hint(), ValueHint::Other);
        if command.has_subcommands() || command.get_positionals().next().is_none_or(of_files) {
            continue;
        }
        let values = command.get_positionals().flat_map(Arg::get_possible_values);
        let values: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        let words = if values.is_empty() { String::new() } else { format!(" -a \"{}\"", values.join(" ")) };
        // Writing to a text does not fail.
        _ = writeln!(lines, "complete -c {name} -n \"{prefix} {}\" -f{words}", command.get_name());
    }

    lines
}
