//! `restore-watch init`

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use clap::Parser;

use super::check::next_steps;
use super::output::print;
use super::{Done, Failure};
use crate::config::{self, ShownPath};
use crate::model::Exit;

/// Write a commented configuration file to start from
///
/// Prints it, or writes it to FILE, which must not exist. It is valid as it is: it watches every
/// unfinished restore of the project whose key is in the environment variable
/// `PINECONE_API_KEY`.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The file to write; missing directories are made [default: standard output]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Every key, with its meaning and its default, instead of the few that most files need
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let text = if args.all { config::sample() } else { config::first_file().to_owned() };
    let Some(file) = &args.file else {
        print(&text)?;
        return Ok(Done::Exit(Exit::Success));
    };

    let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
    write(&path, &text)?;
    print(&format!(
        "{} is written. Edit it, then check it.\n{}",
        ShownPath(&path),
        next_steps(&path, false)
    ))?;
    Ok(Done::Exit(Exit::Success))
}

/// Writes a new file.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = ShownPath(path);
    if path.is_dir() {
        return Err(Failure::new(Exit::Failed, format!("{shown} is a directory"))
            .with_help(format!("name a file, such as {}", ShownPath(&path.join("config.toml")))));
    }

    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let written = folder.and_then(|()| {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            Failure::new(Exit::Failed, format!("{shown} exists, and is not overwritten"))
                .with_help("name another file, or print to standard output by leaving it out")
        }
        ErrorKind::PermissionDenied => Failure::new(Exit::Failed, format!("cannot write {shown}: {error}"))
            .with_help("run the command as a user that may write there, such as with sudo"),
        _ => Failure::new(Exit::Failed, format!("cannot write {shown}: {error}")),
    })
}
