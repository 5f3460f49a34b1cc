//! Texts from elsewhere that would be commands of a runner.

use super::{Step, commands, names};
use crate::support::{Folder, Watch, fast, play};

/// Injected commands: in both forms, at the beginning of a text and within it.
const ATTACKS: [&str; 5] = [
    "::error title=x::pwned",
    " ::stop-commands::pwned",
    "a ##[add-mask]pwned",
    "##[group]pwned | `x` <b>@octocat</b>",
    "a\\n::error::pwned\\n##[error]pwned\\u001b[0Ksection_start:1:x\\r\\u001b[0K",
];

/// A job that ends in an unknown state or goes on in one, and one with an error.
fn jobs_of(attack: usize) -> String {
    let text = format!("\"{}\"", ATTACKS[attack]);
    let state = match attack % 2 {
        0 => format!("age = \"1h\"\ntakes = \"1s\"\nend_time = true\nends = {text}"),
        _ => format!("extra = {{ status = {text} }}"),
    };
    format!(
        "[[job]]\nid = \"rj-{attack}\"\nindex = {text}\nbackup_id = {text}\n{state}\n\
         [[job]]\nid = \"err-{attack}\"\nindex = {text}\n\
         [[fault]]\njob = \"err-{attack}\"\nkind = \"status\"\nstatus = 500\nbody_text = {text}\n",
    )
}

#[test]
fn no_text_of_the_api_becomes_a_runner_command() {
    let plane = play(&(0..ATTACKS.len()).map(jobs_of).collect::<String>());
    let folder = Folder::new();
    let named = |n: usize| {
        let name = if ATTACKS[n].contains("\\n") { "x" } else { ATTACKS[n] };
        format!("{{ id = \"rj-{n}\", name = \"{name}\" }}, {{ id = \"err-{n}\" }}")
    };
    let jobs: Vec<_> = (0..ATTACKS.len()).map(named).collect();
    let config = folder.write("config.toml", format!("jobs = [{}]\n{}", jobs.join(", "), fast(&plane)));

    for output in ["human", "json", "ndjson"] {
        for ci in ["auto", "none", "gitlab"] {
            let step = Step::new();
            let arguments = ["wait", "--config", &config, "--output", output, "--ci", ci, "--timeout", "1s"];
            let wait = step.of(Watch::new(arguments)).on(&plane).env("RUST_LOG", "debug").with_escapes();
            let done = wait.run().expect(6);
            assert_eq!(names(&commands(&done.stdout)), Vec::<&str>::new(), "{output} {ci}: {}", done.stdout);
            let found = commands(&done.stderr);
            let (begin, errors) = found.split_at(if ci == "auto" { 2 } else { 0 });
            let expected = if ci == "auto" { &["group", "endgroup"][..] } else { &[] };
            assert_eq!(names(begin), expected, "{output} {ci}: {}", done.stderr);
            assert_eq!(errors.len(), if ci == "auto" { 10 } else { 0 }, "{output} {ci}: {}", done.stderr);
            assert!(errors.iter().all(|(name, _)| name == "error"), "{errors:?}");
            assert!(!format!("{}{}", done.stdout, done.stderr).contains("##["), "{output} {ci}");
            // The words are still there for people.
            assert!(done.stderr.contains("## [add-mask]pwned"), "{output} {ci}: {}", done.stderr);
            let marks = done.stderr.matches('\u{1b}').count() + done.stdout.matches('\u{1b}').count();
            assert_eq!(marks, if ci == "gitlab" { 4 } else { 0 }, "{}", done.stderr);
            if output == "json" {
                let report = done.json();
                let index =
                    |job: &serde_json::Value| job["job"]["target_index_name"].as_str().map(str::to_owned);
                let found: Vec<_> = report["jobs"].as_array().unwrap().iter().filter_map(index).collect();
                assert!(found.contains(&ATTACKS[2].to_owned()), "{found:?}");
            }
            if ci != "auto" {
                continue;
            }
            let (outputs, summary) = (step.outputs(), step.summary());
            assert_eq!(outputs.keys().collect::<Vec<_>>(), ["exit_code", "jobs", "outcome"]);
            let rows = summary.lines().filter(|line| line.starts_with("| `") || line.starts_with("| ``"));
            assert_eq!(rows.count(), 2 * ATTACKS.len(), "{summary}");
            assert!(summary.contains("| ``##[group]pwned \\| `x` <b>@octocat</b>`` |"), "{summary}");
        }
    }
}

#[test]
fn no_text_of_an_error_becomes_a_runner_command() {
    let step = Step::new();
    let wait = Watch::new(["wait", "##[add-mask]pwned and more"]);
    let done = step.of(wait).env("PINECONE_API_KEY", "any").run().expect(2);
    assert!(done.stderr.contains("## [add-mask]"), "it shows what it refuses: {}", done.stderr);
    assert!(commands(&done.stderr).is_empty() && done.stdout.is_empty(), "{}", done.stderr);
}
