//! The action: inputs, outputs, where its program comes from, and what no input can do.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use restore_watch::simulate::Simulator;

use crate::composite::{self, Use, steps};
use crate::runner::{Left, Variables};
use crate::stage::{Stage, completed, completes, endless, failed, refusing, restored_before};
use crate::support::{KEY, play};
use crate::yaml;

/// The restore of the stage.
const RESTORE: [(&str, &str); 2] = [("backup-id", "b-1"), ("index", "docs")];

#[test]
fn restore_that_completes_has_all_outputs() {
    let stage = stage(completes());

    let left = run(&stage, &[&RESTORE[..], &[("until", "ready")]].concat()).expect(0);

    assert_eq!((stage.starts(), stage.has_seen_it_serve()), (vec![202], true));
    for (name, value) in
        [("outcome", "met"), ("exit_code", "0"), ("status", "ready"), ("target_index_name", "docs")]
    {
        assert_eq!(left.output(name), value, "{name}");
    }
    assert!(left.output("jobs").contains("\"id\":\"rj-1\""), "{}", left.output("jobs"));
    assert!(left.output("elapsed_seconds").parse::<f64>().is_ok(), "{:?}", left.outputs);
    assert!(left.summary.contains("| `docs` |"), "{}", left.summary);
}

#[test]
fn restore_that_runs_is_waited_for() {
    let stage = stage(restored_before());
    let left = run(&stage, &[("job-id", "rj-1")]).expect(0);
    assert_eq!((stage.starts(), left.output("outcome")), (vec![], "met"));
}

#[test]
fn several_restores_are_one_a_line() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"10m\"\n[[job]]\nid = \"rj-2\"\nage = \"1h\"\ntakes = \"10m\"",
    );
    let left = run(&stage(plane), &[("job-id", "rj-1\r\n\nrj-2\n")]).expect(0);
    let jobs: serde_json::Value = serde_json::from_str(left.output("jobs")).expect("JSON");
    assert_eq!((jobs.as_array().map(Vec::len), left.output("status")), (Some(2), ""));
}

#[test]
fn outcomes_other_than_success_fail_with_outputs() {
    for (plane, timeout, code, outcome) in
        [(failed(), "", 1, "failed"), (refusing(), "", 1, "failed"), (endless(), "300ms", 124, "timeout")]
    {
        let left = run(&stage(plane), &[&RESTORE[..], &[("timeout", timeout)]].concat()).expect(code);
        assert_eq!((left.output("outcome"), left.output("exit_code")), (outcome, code.to_string().as_str()));
    }
}

#[test]
fn further_arguments_are_one_a_line() {
    let stage = stage(restored_before());
    let args = "--output=json\n\n--min-interval\n1s\n--\nsh\n-c\necho \"$1  with  spaces\"\n";
    let left = run(&stage, &[("job-id", "rj-1"), ("args", args)]).expect(0);
    assert!(left.stdout.contains("\"id\":\"rj-1\""), "{}", left.stdout);
    assert!(left.stdout.ends_with("  with  spaces\n"), "{}", left.stdout);
}

#[test]
fn signal_to_the_step_ends_the_wait_with_a_report() {
    let stage = stage(endless());
    let used = Use::new(&stage, &variables(&RESTORE), key());
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_restore-watch"), program(&stage)).expect("a link");
    let step = steps().into_iter().find(|step| step["id"] == "wait").expect("the last step");

    let mut running = used.process(&step).start();
    running.until_logged("watching restore rj-1 into index docs");
    running.signal("INT");
    let done = running.finish();

    let left = Left::of(done, &stage).expect(130);
    assert_eq!(left.output("outcome"), "interrupted", "{}", left.log());
    assert!(left.stdout.contains("rj-1"), "{}", left.stdout);
}

#[test]
fn missing_key_is_an_annotation() {
    let stage = stage(completed());
    let left = Use::new(&stage, &variables(&RESTORE), Vec::new()).run().expect(78);
    assert!(left.stderr.contains("::error title=No API key::"), "{}", left.stderr);
}

#[test]
fn inputs_that_contradict_each_other_are_refused() {
    let sum = "0".repeat(64);
    let sum = sum.as_str();
    for (with, said) in [
        (&[][..], "Set job-id to wait for a restore, or backup-id and index"),
        (&[("job-id", "rj-1"), ("backup-id", "b-1"), ("index", "docs")], "Set either job-id or backup-id"),
        (&[("backup-id", "b-1")], "Set index, too"),
        (&[("index", "docs")], "Set job-id to wait for a restore, or backup-id and index"),
        (&[("job-id", "rj-1"), ("index", "docs")], "index belongs to backup-id"),
        (
            &[("job-id", "rj-1\n--config=/etc/passwd")],
            "An id does not begin with a dash: --config=/etc/passwd",
        ),
        (&[("backup-id", "--help"), ("index", "docs")], "An id does not begin with a dash: --help"),
        (&[("job-id", "rj-1"), ("args", "--output json")], "args has one argument a line"),
        (&[("job-id", "rj-1"), ("path", "none")], "path is not a file: none"),
        (&[("job-id", "rj-1"), ("path", "bin/cargo"), ("version", "1.2.3")], "Set either path or version"),
        (&[("job-id", "rj-1"), ("version", "1.2.3")], "version needs sha256"),
        (&[("job-id", "rj-1"), ("version", "*"), ("sha256", sum)], "version is not one such as 1.2.3: *"),
        (&[("job-id", "rj-1"), ("version", "1.2.3"), ("sha256", "00")], "sha256 is not 64 hexadecimal"),
        (&[("job-id", "rj-1"), ("sha256", sum)], "sha256 belongs to version or path"),
    ] {
        let stage = stage(completed());
        let left = run(&stage, with).expect(2);
        let error = format!("::error title=restore-watch::{said}");
        assert!(left.stdout.starts_with(&error) && left.stdout.lines().count() == 1, "{}", left.log());
        assert!(stage.calls().is_empty() && stage.polls() == 0 && left.output("outcome").is_empty());
    }
}

#[test]
fn no_input_becomes_a_command() {
    let hostile =
        "\"; touch pwned; $(touch pwned) `touch pwned` '; touch pwned #\n::add-mask::docs\n##[add-mask]docs";
    let inputs = composite::definition();
    let inputs: Vec<_> = inputs["inputs"].as_object().expect("inputs").keys().cloned().collect();
    for input in &inputs {
        let base = if ["index", "backup-id"].contains(&input.as_str()) {
            &RESTORE[..]
        } else {
            &[("job-id", "rj-1")][..]
        };
        let mut with: Vec<_> = base.iter().copied().filter(|(name, _)| name != input).collect();
        with.push((input.as_str(), hostile));
        if input == "version" {
            with.push(("sha256", hostile));
        }
        let stage = stage(restored_before());

        let left = run(&stage, &with);

        // The program refuses an id, a name and a duration like this; nothing knows them.
        assert_ne!(left.code, Some(0), "{input}");
        assert!(!stage.path("pwned").exists(), "{input}");
        let is_command = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("::add-mask") || (line.contains("##[") && !line.starts_with("::error "))
        };
        assert_eq!(left.log().lines().find(is_command), None, "{input}");
        assert_eq!(stage.starts(), Vec::<u16>::new(), "{input}");
    }
}

#[test]
fn path_is_a_program_or_an_archive() {
    let stage = stage(restored_before());
    // An artifact of a workflow has no mode.
    fs::copy(env!("CARGO_BIN_EXE_restore-watch"), stage.path("a program")).expect("a copy");
    assert!(Command::new("chmod").arg("644").arg(stage.path("a program")).status().expect("chmod").success());
    archive(&stage, "restore-watch:a.tar.gz");

    for path in ["a program", "restore-watch:a.tar.gz"] {
        let left = run(&stage, &[("job-id", "rj-1"), ("path", path)]).expect(0);
        assert_eq!(left.output("outcome"), "met");
    }
    assert!(stage.calls().is_empty(), "{:?}", stage.calls());
}

#[test]
fn file_with_another_checksum_is_not_run() {
    let stage = stage(restored_before());
    stage.script("program", "");
    let wrong = "0".repeat(64);
    let left = run(&stage, &[("job-id", "rj-1"), ("path", "program"), ("sha256", &wrong)]).expect(2);
    let right = sha256(&stage, "program");
    let said = format!("The checksum is {right}, not {wrong}. Nothing was run.");
    assert!(left.stdout.contains(&said) && stage.calls().is_empty(), "{}", left.log());

    run(&stage, &[("job-id", "rj-1"), ("path", "program"), ("sha256", &right.to_uppercase())]).expect(0);
    assert_eq!(stage.calls(), ["restore-watch --version", "restore-watch wait rj-1 --timeout=5h30m"]);
}

#[test]
fn release_is_downloaded_and_verified() {
    let stage = stage(restored_before());
    archive(&stage, "released");
    // The argument after `--output`.
    stage.script("bin/gh", "echo \"$GH_TOKEN\" >> \"$CALLS\"\ncp released \"$7\"");
    let download = |sum: &str| run(&stage, &[("job-id", "rj-1"), ("version", "1.2.3"), ("sha256", sum)]);

    download(&sha256(&stage, "released")).expect(0);

    let file = stage.path("temp/restore-watch-action/file").display().to_string();
    let call = format!(
        "gh release download v1.2.3 --repo github.com/example/restore-watch --output {file} --pattern \
         restore-watch-1.2.3-x86_64-linux.tar.gz"
    );
    assert_eq!(stage.calls(), [call.as_str(), "token-1"]);

    let left = download(&"0".repeat(64)).expect(2);
    assert!(left.stdout.contains("Nothing was run.") && !program(&stage).exists(), "{}", left.log());

    stage.script("bin/gh", "echo release not found >&2; exit 1");
    let left = download(&"0".repeat(64)).expect(2);
    assert!(left.stdout.contains("::The archive of version 1.2.3 could not be downloaded"), "{}", left.log());
}

#[test]
fn program_is_built_once_without_the_key() {
    let stage = stage(restored_before());
    let build = ["cargo build --locked --release --no-default-features", "the build has the key ''"];

    for _ in 0..2 {
        run(&stage, &[("job-id", "rj-1")]).expect(0);
        assert_eq!(stage.calls(), build);
    }
}

#[test]
fn build_that_fails_is_an_annotation() {
    let stage = stage(completed());
    let used = Use::new(&stage, &variables(&RESTORE), key());
    stage.script("bin/cargo", "exit 101");
    let left = used.run().expect(2);
    assert!(
        left.stdout.contains("::error title=restore-watch::The program could not be built"),
        "{}",
        left.log()
    );
    assert_eq!(stage.polls(), 0);
}

#[test]
fn scripts_have_no_expression_and_get_each_input() {
    let definition = composite::definition();
    let mut passed = BTreeSet::new();
    for step in steps() {
        assert!(!yaml::text(&step["run"]).contains("${{"), "{step}");
        for (name, value) in yaml::variables(&step["env"]) {
            let Some(input) = name.strip_prefix("INPUT_") else { continue };
            let input = input.to_lowercase().replace('_', "-");
            assert_eq!(value, format!("${{{{ inputs.{input} }}}}"));
            passed.insert(input);
        }
        // All but the last step run without the key.
        let cleared = step["env"].get("PINECONE_API_KEY").is_some_and(|key| key == "");
        assert_eq!(cleared, step["id"] != "wait", "{step}");
    }
    let inputs = definition["inputs"].as_object().expect("inputs").keys().cloned().collect();
    assert_eq!(passed, inputs);

    for (name, output) in definition["outputs"].as_object().expect("outputs") {
        assert_eq!(output["value"], format!("${{{{ steps.wait.outputs.{name} }}}}"));
    }
}

/// A stage whose program comes only from where the action takes it.
fn stage(plane: Simulator) -> Stage {
    let stage = Stage::new("github-actions.yml", plane);
    fs::remove_file(stage.path("bin/restore-watch")).expect("a file");
    stage
}

fn run(stage: &Stage, with: &[(&str, &str)]) -> Left {
    Use::new(stage, &variables(with), key()).run()
}

/// The environment of the step.
fn key() -> Variables {
    variables(&[("PINECONE_API_KEY", KEY)])
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The program that the last step runs.
fn program(stage: &Stage) -> std::path::PathBuf {
    let program = stage.path("temp/restore-watch-action/restore-watch");
    fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
    program
}

/// Makes an archive like that of a release.
fn archive(stage: &Stage, name: &str) {
    let script = "mkdir -p restore-watch-1.2.3-x86_64-linux && \
                  cp \"$1\" restore-watch-1.2.3-x86_64-linux/restore-watch && \
                  tar -c -z restore-watch-1.2.3-x86_64-linux > \"$2\"";
    stage.program(&["sh", "-c", script, "sh", env!("CARGO_BIN_EXE_restore-watch"), name]).run().expect(0);
}

fn sha256(stage: &Stage, name: &str) -> String {
    let done = stage.program(&["sha256sum", name]).run().expect(0);
    done.stdout.split(' ').next().expect("a checksum").to_owned()
}
