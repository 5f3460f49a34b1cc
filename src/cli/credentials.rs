//! How a command reads the credentials of a service in a shell.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::platform::shell;

/// Where the units load credentials from.
const DIRECTORY: &str = "/etc/restore-watch";

/// Options without a value that a repeated command keeps. All other words are left out: some are
/// secrets.
const FLAGS: [&str; 2] = ["--secrets", "--online"];

/// What to do if systemd passed no credentials to this process, which uses the file at `config`.
pub(super) fn help(config: &Path) -> String {
    advice(config, std::env::args_os().skip(1))
}

/// The same, if the file is known only from the command line.
pub(super) fn help_of_command_line() -> String {
    let named = named_file(std::env::args_os());
    let path =
        crate::config::locate(named.as_deref()).unwrap_or_else(|_| Path::new(DIRECTORY).join("config.toml"));
    help(&std::path::absolute(&path).unwrap_or(path))
}

/// The file of `--config FILE` or `--config=FILE`. What follows `--` is another command.
fn named_file(arguments: impl Iterator<Item = OsString>) -> Option<PathBuf> {
    let mut arguments = arguments.take_while(|word| word != "--");
    while let Some(word) = arguments.next() {
        if word == "--config" {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(file) = word.as_bytes().strip_prefix(b"--config=") {
            return Some(Path::new(OsStr::from_bytes(file)).to_owned());
        }
    }
    None
}

fn advice(config: &Path, mut arguments: impl Iterator<Item = OsString>) -> String {
    let command = arguments.next().unwrap_or_default();
    let flags = arguments.filter(|word| FLAGS.iter().any(|flag| word == flag));
    let words = [command].into_iter().chain(flags).chain(["--config".into(), config.into()]);
    let words =
        words.map(|word| shell::word(&word.to_string_lossy()).into_owned()).collect::<Vec<_>>().join(" ");

    // A unit of a user loads them from beside the file.
    let beside = config.parent().filter(|folder| folder.ends_with("restore-watch"));
    let directory = beside.unwrap_or(Path::new(DIRECTORY)).to_string_lossy();
    let sudo = if directory.starts_with("/etc/") { "sudo " } else { "" };
    format!(
        "systemd passes credentials to its services alone; in a shell, name the directory that they are loaded from:\n\
         \x20       {sudo}env CREDENTIALS_DIRECTORY={} restore-watch {words}",
        shell::word(&directory)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(config: &str, arguments: &[&str]) -> String {
        advice(Path::new(config), arguments.iter().map(OsString::from))
    }

    #[test]
    fn command_is_repeated_without_what_may_be_secret() {
        let said = of("/etc/restore-watch/config.toml", &["check", "--online", "--config", "x"]);
        assert!(
            said.ends_with(
                "\n        sudo env CREDENTIALS_DIRECTORY=/etc/restore-watch restore-watch check --online --config \
                 /etc/restore-watch/config.toml"
            ),
            "{said}"
        );

        let said = of("/srv/a b.toml", &["wait", "--webhook", "https://hooks.example/canary"]);
        assert!(
            said.ends_with(
                "CREDENTIALS_DIRECTORY=/etc/restore-watch restore-watch wait --config '/srv/a b.toml'"
            ),
            "{said}"
        );
    }

    #[test]
    fn file_is_found_in_both_forms_of_the_option() {
        let named = |words: &[&str]| named_file(words.iter().map(OsString::from));

        assert_eq!(named(&["restore-watch", "run", "--config", "a.toml"]), Some("a.toml".into()));
        assert_eq!(named(&["restore-watch", "run", "--config=a.toml"]), Some("a.toml".into()));
        for without in [&["restore-watch", "run"][..], &["restore-watch", "wait", "--", "x", "--config=y"]] {
            assert_eq!(named(without), None, "{without:?}");
        }
    }

    #[test]
    fn user_reads_the_own_directory_without_sudo() {
        let said = of("/home/a/.config/restore-watch/config.toml", &["notify-test"]);
        assert!(said.contains(
            "  env CREDENTIALS_DIRECTORY=/home/a/.config/restore-watch restore-watch notify-test "
        ));
    }
}
