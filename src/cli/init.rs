//! `restore-watch init`

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
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
/// `PINECONE_API_KEY`. The file of the system service, /etc/restore-watch/config.toml, reads the key
/// from the file pinecone-api-key beside it instead.
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
    let Some(file) = &args.file else {
        print(&text_of(args, false))?;
        return Ok(Done::Exit(Exit::Success));
    };

    let path = std::path::absolute(file).unwrap_or_else(|_| file.clone());
    let is_of_service = config::is_system_file(&path);
    let new_folder = path.parent().filter(|folder| !folder.exists());
    write(&path, &text_of(args, is_of_service))?;
    if is_of_service {
        permit_reading(&path, new_folder)?;
    }

    let next =
        if is_of_service && !args.all { STEPS_OF_SERVICE.to_owned() } else { next_steps(&path, false) };
    print(&format!("{} is written. Edit it, then check it.\n{next}", ShownPath(&path)))?;
    Ok(Done::Exit(Exit::Success))
}

/// What is left to do for the system service, whose key is a credential.
const STEPS_OF_SERVICE: &str = "
Next:
  sudo install -m 600 /dev/stdin /etc/restore-watch/pinecone-api-key    # paste the key, Enter, Ctrl-D
  sudo env CREDENTIALS_DIRECTORY=/etc/restore-watch restore-watch check --online --config /etc/restore-watch/config.toml
  sudo systemctl enable --now restore-watch
";

fn text_of(args: &Args, is_of_service: bool) -> String {
    match (args.all, is_of_service) {
        (true, _) => config::sample(),
        (false, true) => config::first_file_of_service(),
        (false, false) => config::first_file().to_owned(),
    }
}

/// Lets the user of the service read the file, which holds no secret, whatever root's umask is.
fn permit_reading(file: &Path, new_folder: Option<&Path>) -> Result<(), Failure> {
    let permit = |path: &Path, mode| {
        std::fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot permit reading {}: {error}", ShownPath(path)))
        })
    };
    permit(file, 0o644)?;
    new_folder.map_or(Ok(()), |folder| permit(folder, 0o755))
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
