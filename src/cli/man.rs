//! `restore-watch man`
//!
//! Invariant: a page has the text of `--help`, in the sections of a manual page.

use std::path::{Path, PathBuf};

use clap::builder::Resettable;
use clap::{Command, Parser};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::output::print;
use super::program::find;
use super::{Done, Failure};
use crate::model::Exit;

/// Print the manual page of the program, or of one command
///
/// `man -l -` shows a page that is read from standard input.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The command, such as `wait` or `deliveries retry` [default: the program as a whole]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,

    /// Write all pages to this directory, which is created if needed
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath, conflicts_with = "command")]
    dir: Option<PathBuf>,
}

/// Prints or writes manual pages of `program`.
pub(super) fn run(args: &Args, mut program: Command) -> Result<Done, Failure> {
    program.build();
    match &args.dir {
        Some(directory) => write_all(&program, directory)?,
        None => print(&ManualPage::of(find(&program, &args.command)?)?.text)?,
    }
    Ok(Done::Exit(Exit::Success))
}

fn write_all(command: &Command, directory: &Path) -> Result<(), Failure> {
    let page = ManualPage::of(command)?;
    let path = directory.join(page.name);
    std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, page.text)).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot write {}: {error}", path.display()))
            .with_help("name another directory with --dir, or run this as a user who may write there")
    })?;
    command.get_subcommands().try_for_each(|command| write_all(command, directory))
}

/// The manual page of one command.
struct ManualPage {
    /// The name of its file.
    name: String,
    text: String,
}

impl ManualPage {
    fn of(command: &Command) -> Result<Self, Failure> {
        // The help has more text behind the options than fits one heading, so that part is made
        // here.
        let further = command.get_after_long_help().or(command.get_after_help());
        let further = further.map(ToString::to_string).unwrap_or_default();
        let usage = command.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage:").trim().to_owned();
        let command = command
            .clone()
            .after_help(Resettable::Reset)
            .after_long_help(Resettable::Reset)
            .override_usage(usage);
        let program = env!("CARGO_PKG_NAME");
        let title = command.get_display_name().unwrap_or(program).to_uppercase();
        let man = Man::new(command).title(title).source(concat!(
            env!("CARGO_PKG_NAME"),
            " ",
            env!("CARGO_PKG_VERSION")
        ));

        let name = man.get_filename();
        let mut text = Vec::new();
        man.render(&mut text).map_err(|error| Failure::internal(format!("cannot make {name}: {error}")))?;
        let mut roff = sections(&further);
        if name != format!("{program}.1") {
            roff.control("SH", ["SEE ALSO"]).text([bold(program), roman("(1)")]);
        }
        let text = String::from_utf8_lossy(&text).into_owned() + &roff.render();

        Ok(Self { name, text })
    }
}

/// Makes sections of the text behind the options: a heading ends with a colon; the indented lines
/// below it are a word and its meaning, or an example.
fn sections(text: &str) -> Roff {
    let mut roff = Roff::new();
    let mut in_examples = false;
    for line in text.lines() {
        let heading = line.strip_suffix(':').filter(|heading| !heading.starts_with(' '));
        let meaning = line.trim().split_once("  ");
        let is_example = line.starts_with(' ') && meaning.is_none();
        match (in_examples, is_example) {
            (false, true) => _ = roff.control("EX", []),
            (true, false) => _ = roff.control("EE", []),
            _ => {}
        }
        in_examples = is_example;
        match (heading, meaning) {
            (Some(heading), _) => _ = roff.control("SH", [heading.to_uppercase().as_str()]),
            (None, Some((word, meaning))) => {
                roff.control("TP", []).text([bold(word)]).text([roman(meaning.trim_start())]);
            }
            (None, None) if is_example => _ = roff.text([roman(line.trim())]),
            (None, None) if line.is_empty() => {}
            (None, None) => _ = roff.control("PP", []).text([roman(line)]),
        }
    }

    if in_examples {
        roff.control("EE", []);
    }

    roff
}
