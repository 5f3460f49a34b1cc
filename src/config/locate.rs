//! Finds the configuration file and reads it from disk.
//!
//! Invariant: a file that is named is used or refused; only if none is named are the usual places
//! searched.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::environment::{self, Variables};
use super::problem::Problem;
use super::{Problems, Settings, ShownPath, StatePlace, StateSettings, reader};

/// The largest configuration file that is read, in bytes: 16 MiB, which is some 400,000 jobs. What
/// is larger is a file of another kind, and is not to fill the memory.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// The variable that names the configuration file.
const FILE_VARIABLE: &str = "RESTORE_WATCH_CONFIG";

/// Where the file of the whole machine is.
const SYSTEM_FILE: &str = "/etc/restore-watch/config.toml";

/// Where the file is in a directory of configurations.
const IN_DIRECTORY: &str = "restore-watch/config.toml";

/// Reads and checks the file at `path`, with the environment of this process. A file that is
/// missing, is a directory, cannot be read, is larger than 16 MiB or is not UTF-8 is a problem
/// without a line.
pub fn load(path: &Path) -> Result<Settings, Problems> {
    load_in(path, &environment::of_process)
}

/// The settings of the state of the daemon whose configuration is `explicit` (of `--config`), or
/// the file that [`locate`] finds; if there is none, the usual ones.
pub fn state(explicit: Option<&Path>) -> Result<StateSettings, Problems> {
    match locate(explicit) {
        Ok(path) => Ok(load(&path)?.state),
        Err(problems) if named(explicit).is_some() => Err(problems),
        Err(_) => {
            let place = reader::usual_state_path(&environment::of_process).map(StatePlace::File);
            Ok(StateSettings { place, keep: StateSettings::KEEP })
        }
    }
}

/// The settings of the state of a daemon that runs with the file at `path`. It has checked the rest,
/// which may name what is in its environment alone.
pub fn state_of(path: &Path) -> Result<StateSettings, Problems> {
    let text = read(path).map_err(|problem| problem.located(path, None))?;
    reader::parse_state_in(&text, path, &environment::of_process)
}

/// The configuration file that is named by `explicit` (of `--config`) or by the environment.
pub fn named(explicit: Option<&Path>) -> Option<PathBuf> {
    let by_variable = || environment::non_empty(&environment::of_process, FILE_VARIABLE).map(PathBuf::from);
    explicit.map(Path::to_owned).or_else(by_variable)
}

/// Whether this is the file of the whole machine, which the system service uses.
pub fn is_system_file(path: &Path) -> bool {
    path == Path::new(SYSTEM_FILE)
}

/// Whether the state of the file at `path` is kept in a directory of this user, though the system
/// service, which has a directory of its own, uses the same file.
pub fn is_state_of_user(path: &Path, state: &StateSettings) -> bool {
    is_system_file(path)
        && state.file().is_some()
        && state.file() == reader::state_path_of_user(&environment::of_process).as_deref()
}

/// Reads and checks the file at `path` as [`load`] does, with another environment (see `parse_in`).
fn load_in(path: &Path, variables: &Variables<'_>) -> Result<Settings, Problems> {
    let text = read(path).map_err(|problem| problem.located(path, None))?;
    reader::parse_in(&text, path, variables)
}

fn read(path: &Path) -> Result<String, Problem> {
    let shown = ShownPath(path);
    if path.is_dir() {
        let problem = Problem::new(format!("{shown} is a directory, not a configuration file"));
        return Err(
            problem.with_help(format!("give a file, such as {}", ShownPath(&path.join("config.toml"))))
        );
    }

    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing(path)),
        Err(error) => {
            let problem = Problem::new(format!("cannot read the configuration file {shown}: {error}"));
            return Err(problem.with_help("check that this user may read it"));
        }
        Ok(_) if bytes.len() as u64 > MAX_FILE => {
            let problem =
                Problem::new(format!("{shown} is larger than 16 MiB, so it is no configuration file"));
            return Err(problem.with_help("check the path"));
        }
        Ok(_) => {}
    }

    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let problem = Problem::new(format!("{shown} is not valid UTF-8 (at byte {at})"));
        problem.with_help("save it as UTF-8 text")
    })
}

fn missing(path: &Path) -> Problem {
    let problem = Problem::new(format!("the configuration file {} does not exist", ShownPath(path)));
    if is_system_file(path) {
        // The service says so at its first start.
        return problem.with_help(format!("make one: sudo restore-watch init {SYSTEM_FILE}"));
    }
    problem
}

/// The configuration file to use: `explicit` (of `--config`), else `$RESTORE_WATCH_CONFIG`, else
/// the first that exists of `$XDG_CONFIG_HOME/restore-watch/config.toml` (`$HOME/.config` where
/// that is unset) and `/etc/restore-watch/config.toml`. A file named by the first two must exist.
/// The error of a search that found nothing lists the places.
pub fn locate(explicit: Option<&Path>) -> Result<PathBuf, Problems> {
    search(explicit, &environment::of_process, Path::new(SYSTEM_FILE))
}

fn search(explicit: Option<&Path>, variables: &Variables<'_>, system: &Path) -> Result<PathBuf, Problems> {
    if let Some(path) = explicit {
        return existing(path.to_owned(), "--config names it");
    }
    if let Some(path) = environment::non_empty(variables, FILE_VARIABLE) {
        return existing(path.into(), "the environment variable RESTORE_WATCH_CONFIG names it");
    }

    let mut problem =
        Problem::new("no configuration file found").note(format!("${FILE_VARIABLE} is not set"));
    let user = environment::user_directory(variables, "XDG_CONFIG_HOME", Some(".config"))
        .map(|directory| directory.join(IN_DIRECTORY));
    if user.is_none() {
        problem = problem.note("neither $XDG_CONFIG_HOME nor $HOME is set");
    }

    for path in user.into_iter().chain([system.to_owned()]) {
        if may_exist(&path) {
            return Ok(path);
        }
        problem = problem.note(format!("{} does not exist", ShownPath(&path)));
    }
    Err(problem.with_help("make one: restore-watch init FILE; then name it with --config FILE").into())
}

fn existing(path: PathBuf, by: &str) -> Result<PathBuf, Problems> {
    if may_exist(&path) { Ok(path) } else { Err(missing(&path).note(by).into()) }
}

/// Whether there is something. If the system does not say, reading it fails with the cause.
fn may_exist(path: &Path) -> bool {
    !matches!(path.try_exists(), Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search_with(
        explicit: Option<&str>,
        variables: &[(&str, &Path)],
        system: &Path,
    ) -> Result<PathBuf, Problems> {
        let variables: &Variables<'_> = &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str().to_owned())
        };
        search(explicit.map(Path::new), variables, system)
    }

    fn file(directory: &Path, name: &str) -> PathBuf {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "jobs = ['rj-1']").unwrap();
        path
    }

    #[test]
    fn first_place_with_a_file_wins() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let explicit = file(root, "explicit.toml");
        let named = file(root, "named.toml");
        let xdg = file(root, "xdg/restore-watch/config.toml");
        let home = file(root, "home/.config/restore-watch/config.toml");
        let system = file(root, "etc/config.toml");
        let mut variables = vec![
            ("HOME", root.join("home")),
            ("XDG_CONFIG_HOME", root.join("xdg")),
            ("RESTORE_WATCH_CONFIG", named.clone()),
        ];
        let found = |variables: &[(&str, PathBuf)], explicit| {
            let variables: Vec<_> = variables.iter().map(|(name, path)| (*name, path.as_path())).collect();
            search_with(explicit, &variables, &system).unwrap()
        };
        assert_eq!(found(&variables, explicit.to_str()), explicit);
        assert_eq!(found(&variables, None), named);
        variables[2].1 = PathBuf::new();
        assert_eq!(found(&variables, None), xdg, "an empty variable is none");
        variables[1].1 = PathBuf::from("relative");
        assert_eq!(found(&variables, None), home);
        std::fs::remove_file(home).unwrap();
        assert_eq!(found(&variables, None), system);
        assert_eq!(found(&[], None), system);
    }

    #[test]
    fn named_file_must_exist() {
        let directory = tempfile::tempdir().unwrap();
        let system = file(directory.path(), "config.toml");
        let missing = Path::new("/nowhere/config.toml");
        insta::assert_snapshot!(search_with(missing.to_str(), &[], &system).unwrap_err(), @"
error: the configuration file /nowhere/config.toml does not exist
  = note: --config names it

1 problem
");
        let variables = [("RESTORE_WATCH_CONFIG", missing)];
        insta::assert_snapshot!(search_with(None, &variables, &system).unwrap_err(), @"
error: the configuration file /nowhere/config.toml does not exist
  = note: the environment variable RESTORE_WATCH_CONFIG names it

1 problem
");
    }

    #[test]
    fn failed_search_lists_its_places() {
        let system = Path::new("/nowhere/etc/config.toml");
        let home = [("HOME", Path::new("/nowhere/home"))];
        insta::assert_snapshot!(search_with(None, &home, system).unwrap_err(), @r#"
error: no configuration file found
  = note: $RESTORE_WATCH_CONFIG is not set
  = note: /nowhere/home/.config/restore-watch/config.toml does not exist
  = note: /nowhere/etc/config.toml does not exist
  = help: make one: restore-watch init FILE; then name it with --config FILE

1 problem
"#);
        insta::assert_snapshot!(search_with(None, &[], system).unwrap_err(), @r#"
error: no configuration file found
  = note: $RESTORE_WATCH_CONFIG is not set
  = note: neither $XDG_CONFIG_HOME nor $HOME is set
  = note: /nowhere/etc/config.toml does not exist
  = help: make one: restore-watch init FILE; then name it with --config FILE

1 problem
"#);
    }

    #[test]
    fn unreadable_files_are_refused_with_the_cause() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        let complaint = |path: &Path| {
            let problems = load_in(path, &|_| None).unwrap_err();
            let problem = problems.iter().next().unwrap();
            assert_eq!((problem.line(), problem.file()), (None, Some(path)));
            problems.to_string().replace(&directory.path().display().to_string(), "DIRECTORY")
        };
        insta::assert_snapshot!(complaint(directory.path()), @"
error: DIRECTORY is a directory, not a configuration file
 --> DIRECTORY
  = help: give a file, such as DIRECTORY/config.toml

1 problem in DIRECTORY
");
        insta::assert_snapshot!(complaint(&path), @"
error: the configuration file DIRECTORY/config.toml does not exist
 --> DIRECTORY/config.toml

1 problem in DIRECTORY/config.toml
");
        std::fs::write(&path, b"jobs = ['\xff']").unwrap();
        insta::assert_snapshot!(complaint(&path), @"
error: DIRECTORY/config.toml is not valid UTF-8 (at byte 9)
 --> DIRECTORY/config.toml
  = help: save it as UTF-8 text

1 problem in DIRECTORY/config.toml
");
        let size = usize::try_from(MAX_FILE).unwrap();
        std::fs::write(&path, vec![b'\n'; size + 1]).unwrap();
        insta::assert_snapshot!(complaint(&path), @"
error: DIRECTORY/config.toml is larger than 16 MiB, so it is no configuration file
 --> DIRECTORY/config.toml
  = help: check the path

1 problem in DIRECTORY/config.toml
");
        std::fs::write(&path, format!("jobs = ['rj-1']{}", "\n".repeat(size - 15))).unwrap();
        assert!(load_in(&path, &|_| None).is_ok());
    }
}
