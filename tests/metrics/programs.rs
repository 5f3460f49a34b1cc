//! The programs of others that read what is served and shipped here.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::skipped;

/// Reads all families of standard input as the client library of Prometheus for Python does.
const PARSE: &str = "import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
assert len(families) > 20, families
";

/// Says that something is not tested, unless it must be.
pub(crate) fn skip(what: &str) {
    let is_required = std::env::var("RESTORE_WATCH_REQUIRE_PROMETHEUS").is_ok_and(|value| value == "1");
    assert!(!is_required, "not tested here, and it must be: {what}");
    skipped(what);
}

/// Whether a program is installed; if not, that is said.
pub(crate) fn is_installed(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").output().is_ok_and(|shown| shown.status.success());
    if !is_there {
        skip(&format!("{program} is not installed"));
    }
    is_there
}

/// Fails unless `promtool` accepts this input, without a remark.
#[track_caller]
pub(crate) fn promtool(arguments: &[&str], input: &str) {
    if is_installed("promtool") {
        let complaint = complaint(Command::new("promtool").args(arguments), input);
        assert_eq!(complaint, None, "promtool {arguments:?}");
    }
}

/// Fails unless the client library of Prometheus for Python reads this text.
#[track_caller]
pub(crate) fn parse_open_metrics(text: &str) {
    let python = |program| complaint(Command::new("python3").args(["-c", program]), text);
    if python(PARSE_NOTHING).is_some() {
        skip("python3 has no prometheus_client");
        return;
    }
    assert_eq!(python(PARSE), None);
}

/// Fails unless the library is there.
const PARSE_NOTHING: &str = "import prometheus_client.openmetrics.parser";

/// What a program says against its standard input, if it ends badly or if it has a remark.
fn complaint(command: &mut Command, input: &str) -> Option<String> {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Some(error.to_string()),
    };
    // A program that reads nothing may be gone.
    drop(child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().expect("the end of a program");
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    (!output.status.success()).then_some(said)
}
