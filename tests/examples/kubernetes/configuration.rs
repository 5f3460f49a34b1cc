//! The `config.toml` of the `ConfigMap`s.

use super::text;
use crate::support::{Folder, Watch, skipped};

/// Whether this build has a state in a database, if the folder needs one.
pub(super) fn can_run(folder: &str) -> bool {
    let can = cfg!(feature = "postgres") || folder != "postgres";
    if !can {
        skipped("this build has no state in a database");
    }
    can
}

/// The secrets that a configuration reads from files, by the names of these.
fn secrets(configuration: &str) -> Vec<&str> {
    let files = configuration.split("{ file = \"/secrets/").skip(1);
    files.map(|rest| rest.split('"').next().expect("a name")).collect()
}

/// With the sink that is a comment.
fn with_sink(configuration: &str) -> String {
    configuration
        .lines()
        .flat_map(|line| [line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line), "\n"])
        .collect()
}

#[test]
fn configurations_are_valid() {
    for folder in ["sqlite", "postgres"].into_iter().filter(|folder| can_run(folder)) {
        let shipped = text(&format!("{folder}/config.toml"));
        for (configuration, count) in [(with_sink(&shipped), "webhook"), (shipped, "log")] {
            let files = Folder::new();
            for secret in secrets(&configuration) {
                let value = match secret {
                    "ops-webhook" => "https://hooks.slack.com/services/canary",
                    "postgres-url" => "postgresql://restore_watch:canary@db.example/restore_watch",
                    _ => "pcsk_canary_1",
                };
                files.write(secret, value);
            }
            let path =
                files.write("c.toml", configuration.replace("/secrets", &files.path().to_string_lossy()));

            let done = Watch::new(["check", "--secrets", "--config", &path]).run().expect(0);

            assert!(done.stdout.contains(count), "{}", done.stdout);
            assert!(!(done.stdout + &done.stderr).contains("canary"));
        }
    }
}

#[test]
fn guide_makes_the_secrets_that_configurations_read() {
    let guide = include_str!("../../../docs/guides/kubernetes.md");
    for folder in ["sqlite", "postgres"] {
        for secret in secrets(&with_sink(&text(&format!("{folder}/config.toml")))) {
            assert!(guide.contains(&format!("--from-file={secret}=")) || secret == "ops-webhook", "{secret}");
        }
    }
}
