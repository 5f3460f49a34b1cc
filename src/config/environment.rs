//! The environment: its variables, and the directories that systemd and the XDG rules name by them.
//!
//! Invariant: an empty variable counts as unset, and a directory that the XDG rules forbid is
//! ignored.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment as a function from the name of a variable to its value, so that tests can have
/// their own.
pub type Variables<'a> = dyn Fn(&str) -> Option<OsString> + 'a;

/// A variable of this process.
pub fn of_process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The value of a variable, unless it is empty.
pub fn non_empty(variables: &Variables<'_>, name: &str) -> Option<OsString> {
    variables(name).filter(|value| !value.is_empty())
}

/// The directory that systemd made for this service. It joins the directories of a unit with colons
/// (systemd.exec(5), `RuntimeDirectory=`); the first is the one.
pub fn service_directory(variables: &Variables<'_>, name: &str) -> Option<PathBuf> {
    let list = non_empty(variables, name)?;
    std::env::split_paths(&list).find(|path| !path.as_os_str().is_empty())
}

/// The directory that the XDG rules name by a variable, or else `in_home` in the home directory. A
/// relative path in the variable is ignored (XDG Base Directory Specification 0.8, "Basics").
pub fn user_directory(variables: &Variables<'_>, name: &str, in_home: Option<&str>) -> Option<PathBuf> {
    let named = non_empty(variables, name).map(PathBuf::from).filter(|path| path.is_absolute());
    let usual = || Some(Path::new(&non_empty(variables, "HOME")?).join(in_home?));
    named.or_else(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(name: &str) -> Option<OsString> {
        let value = match name {
            "EMPTY" => "",
            "HOME" => "/home/a",
            "STATE_DIRECTORY" => ":/var/lib/x:/var/lib/y",
            "XDG_CONFIG_HOME" => "relative",
            "XDG_STATE_HOME" => "/xdg",
            _ => return None,
        };
        Some(value.into())
    }

    #[test]
    fn empty_variables_count_as_unset() {
        assert_eq!(non_empty(&variables, "EMPTY"), None);
        assert_eq!(non_empty(&variables, "HOME"), Some("/home/a".into()));
    }

    #[test]
    fn first_directory_of_a_service_is_taken() {
        assert_eq!(service_directory(&variables, "STATE_DIRECTORY"), Some("/var/lib/x".into()));
        assert_eq!(service_directory(&variables, "RUNTIME_DIRECTORY"), None);
    }

    #[test]
    fn relative_xdg_directories_are_ignored() {
        let found = |name, in_home| user_directory(&variables, name, in_home);

        assert_eq!(found("XDG_STATE_HOME", Some(".local/state")), Some("/xdg".into()));
        assert_eq!(found("XDG_CONFIG_HOME", Some(".config")), Some("/home/a/.config".into()));
        assert_eq!(found("XDG_RUNTIME_DIR", None), None);
    }
}
