//! Where the control socket is.

use std::path::{Path, PathBuf};

use crate::config::environment::{self, Variables};

/// The socket in a runtime directory of this program.
const IN_OWN_DIRECTORY: &str = "control.sock";

/// The socket in a runtime directory that is shared.
const IN_SHARED_DIRECTORY: &str = "restore-watch/control.sock";

/// The socket of the system service.
const OF_SYSTEM_SERVICE: &str = "/run/restore-watch/control.sock";

/// Where a daemon makes its socket: `explicit`, else in the directory that systemd made for the
/// service (`RUNTIME_DIRECTORY`), else in that of the user (`XDG_RUNTIME_DIR`). None if there is
/// neither.
pub fn server_path(explicit: Option<&Path>) -> Option<PathBuf> {
    explicit.map(Path::to_owned).or_else(|| places(&environment::of_process).into_iter().next())
}

/// Where a client finds it: `explicit`, else the first that exists of the places of [`server_path`]
/// and `/run/restore-watch/control.sock`. The error is the list of places that were tried.
pub fn client_path(explicit: Option<&Path>) -> Result<PathBuf, Vec<PathBuf>> {
    find(explicit, &environment::of_process)
}

fn find(explicit: Option<&Path>, variables: &Variables<'_>) -> Result<PathBuf, Vec<PathBuf>> {
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    let mut places = places(variables);
    let of_system = PathBuf::from(OF_SYSTEM_SERVICE);
    // In a container, `RUNTIME_DIRECTORY` names the same place.
    if !places.contains(&of_system) {
        places.push(of_system);
    }
    // A path that cannot be looked at counts as there: the attempt to connect says what is wrong
    // with it.
    match places.iter().find(|place| place.try_exists().unwrap_or(true)) {
        Some(place) => Ok(place.clone()),
        None => Err(places),
    }
}

fn places(variables: &Variables<'_>) -> Vec<PathBuf> {
    let of_service = environment::service_directory(variables, "RUNTIME_DIRECTORY");
    let of_user = environment::user_directory(variables, "XDG_RUNTIME_DIR", None);
    let places = [
        of_service.map(|path| path.join(IN_OWN_DIRECTORY)),
        of_user.map(|path| path.join(IN_SHARED_DIRECTORY)),
    ];
    places.into_iter().flatten().filter(|path| path.is_absolute()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_finds_the_first_socket_or_says_where_it_looked() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let variables: &Variables<'_> = &|name| match name {
            "RUNTIME_DIRECTORY" => Some(format!("{}:/elsewhere", root.join("service").display()).into()),
            "XDG_RUNTIME_DIR" => Some(root.join("user").into()),
            _ => None,
        };
        let service = root.join("service/control.sock");
        let user = root.join("user/restore-watch/control.sock");
        if !Path::new(OF_SYSTEM_SERVICE).exists() {
            let places = find(None, variables).unwrap_err();
            assert_eq!(places, [service.clone(), user.clone(), OF_SYSTEM_SERVICE.into()]);
        }
        let of_container: &Variables<'_> =
            &|name| (name == "RUNTIME_DIRECTORY").then(|| "/run/restore-watch".into());
        if !Path::new(OF_SYSTEM_SERVICE).exists() {
            assert_eq!(find(None, of_container).unwrap_err(), [PathBuf::from(OF_SYSTEM_SERVICE)]);
        }
        for path in [&user, &service] {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
            assert_eq!(find(None, variables).as_ref(), Ok(path));
        }
        assert_eq!(find(Some(Path::new("other")), variables), Ok("other".into()));
        assert_eq!(
            places(&|name| (name == "XDG_RUNTIME_DIR").then(|| "relative".into())),
            [""; 0].map(PathBuf::from)
        );
    }
}
