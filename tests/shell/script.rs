//! Scripts that call the program by its name.

use std::path::Path;
use std::process::{Command, Stdio};

use restore_watch::simulate::Simulator;

use crate::support::{KEY, skipped};

/// How a script ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The directory of the program.
pub(crate) fn home() -> &'static str {
    Path::new(env!("CARGO_BIN_EXE_restore-watch"))
        .parent()
        .and_then(Path::to_str)
        .expect("a path that is text")
}

/// The environment of a script or a terminal on this control plane.
pub(crate) fn environment(plane: &Simulator) -> Vec<(&'static str, String)> {
    let path = std::env::var("PATH").expect("a PATH");
    vec![
        ("PATH", format!("{}:{path}", home())),
        ("HOME", "/proc/none".to_owned()),
        ("PINECONE_CONTROLLER_HOST", plane.url()),
        ("PINECONE_API_KEY", KEY.to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
    ]
}

/// Runs a script to its end, within a minute.
#[track_caller]
pub(crate) fn run(shell: &str, script: &str, plane: &Simulator) -> Option<Ended> {
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "60", shell, "-c", script]).stdin(Stdio::null());
    command.env_clear().envs(environment(plane));
    let Some(output) = command.output().ok().filter(|output| output.status.code() != Some(127)) else {
        skipped(&format!("what needs {shell} and coreutils, which are not there"));
        return None;
    };
    let [stdout, stderr] =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    for text in [&stdout, &stderr] {
        assert!(!text.contains("panicked") && !text.contains(KEY), "{script}\n{text}");
    }
    Some(Ended { code: output.status.code(), stdout, stderr })
}
