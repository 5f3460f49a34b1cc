//! This process and the system: its privacy, its limits, and its terminal.
//!
//! Invariant: a program that this process becomes by `exec` inherits no restriction from here: the
//! kernel makes memory dumpable again at every `exec`, and the umask is set only by a command that
//! never calls it. The children of that command inherit the umask.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Keeps the memory, which holds secrets, out of core dumps, and from debuggers and readers of
/// `/proc/PID` that are not root (prctl(2), `PR_SET_DUMPABLE`).
#[cfg(target_os = "linux")]
pub fn keep_memory_private() -> io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};

    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Does nothing: this system has no such setting.
#[cfg(not(target_os = "linux"))]
pub fn keep_memory_private() -> io::Result<()> {
    Ok(())
}

/// Keeps what this process was started with, beside its standard streams, from the programs that
/// it starts: a file of a shell, or a secret. What it opens itself is kept from them anyway.
pub fn keep_files_from_programs() {
    close_fds::set_fds_cloexec(3, &[]);
}

/// Whether this is the first process of a container: it has duties that the system has elsewhere.
pub fn is_first() -> bool {
    std::process::id() == 1
}

/// What the system calls this machine (uname(2)).
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Checks that this process could become `program`, which is searched for as `exec` does
/// (execvp(3)); the error is that of `exec`. The contents of the file are not checked.
pub fn find_program(program: &OsStr) -> io::Result<()> {
    // Without PATH, all directories that any C library searches: a program that is missed here
    // would be refused.
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/bin:/usr/bin".into());
    find_in(&path, program).map(drop)
}

/// The file of `program`: itself if it has a slash, else the one in the first directory of `path`
/// that has it. The error is that of `exec`.
pub fn find_in(path: &OsStr, program: &OsStr) -> io::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt as _;

    let named = Path::new(program);
    let places: Vec<PathBuf> = if program.as_bytes().contains(&b'/') {
        vec![named.to_owned()]
    } else if program.is_empty() {
        Vec::new()
    } else {
        std::env::split_paths(path).map(|directory| directory.join(named)).collect()
    };

    let mut fault = Errno::NOENT;
    for place in places {
        match std::fs::metadata(&place) {
            Ok(found) if found.is_file() => match rustix::fs::access(&place, rustix::fs::Access::EXEC_OK) {
                Ok(()) => return Ok(place),
                Err(_) => fault = Errno::ACCESS,
            },
            Ok(_) => fault = Errno::ACCESS,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => fault = Errno::ACCESS,
            Err(_) => {}
        }
    }

    Err(fault.into())
}

/// Whether this process may draw on the terminal of standard error: not while it runs in the
/// background of a shell, which then uses the terminal itself.
pub fn is_in_foreground() -> bool {
    let owner = rustix::termios::tcgetpgrp(rustix::stdio::stderr());
    // The terminal of another session does not report its foreground.
    owner.map_or(true, |owner| owner == rustix::process::getpgrp())
}

/// Sets the umask to 077 for files created from now on, those of the database included.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// The limit of the size of files that this process writes, in bytes.
pub fn file_size_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Raises the limit of open files to its maximum: each unanswered poll may hold a connection, 64
/// for each project, and the usual limit is 1024 in all, sinks and state included.
pub fn allow_many_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let maximum = getrlimit(Resource::Nofile).maximum;
    // If that is refused, the usual limit holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// How many files this process may have open, connections included.
pub fn open_file_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn programs_are_found_where_exec_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, mode: u32| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };

        let data = file("one/tool", 0o644);
        let tool = file("two/tool", 0o755);
        let path = std::env::join_paths(["one", "two"].map(|name| folder.path().join(name))).unwrap();
        let fault = |program: &OsStr| find_in(&path, program).map_err(|error| error.kind());

        assert_eq!(fault(OsStr::new("tool")), Ok(tool.clone()), "a later directory has it");
        assert_eq!(fault(tool.as_os_str()), Ok(tool.clone()));
        assert_eq!(fault(data.as_os_str()), Err(io::ErrorKind::PermissionDenied));
        assert_eq!(fault(folder.path().as_os_str()), Err(io::ErrorKind::PermissionDenied), "a directory");
        assert_eq!(fault(OsStr::new("two/tool")), Err(io::ErrorKind::NotFound), "a path is not looked for");

        for missing in ["", "none"] {
            assert_eq!(fault(OsStr::new(missing)), Err(io::ErrorKind::NotFound));
        }
        let first = folder.path().join("one");
        let only_data = find_in(first.as_os_str(), OsStr::new("tool")).map_err(|error| error.kind());

        assert_eq!(only_data, Err(io::ErrorKind::PermissionDenied));
    }
}
