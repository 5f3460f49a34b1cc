//! The component for GitLab: its inputs, and what its job does.

use std::collections::BTreeMap;

use restore_watch::model::Exit;
use restore_watch::simulate::Simulator;

use crate::pipeline::{self, Pipeline, component, with_inputs};
use crate::runner::Variables;
use crate::stage::{Stage, completed, completes, restored_before};
use crate::yaml;

const IMAGE: (&str, &str) = ("image", "registry.example.com/restore-watch:0.1.0");

/// What a pipeline may be given, or a project may have as a variable.
const HOSTILE: &str = "\"; touch pwned; $(touch pwned) `touch pwned` '; touch pwned #\n  script: touch pwned";

#[test]
fn job_id_or_backup_with_an_index_is_waited_for() {
    for shell in ["bash", "sh"] {
        let pipeline = pipeline(restored_before(), shell, &[("job-id", "rj-1")]);
        pipeline.job("restore").expect(0);
        assert_eq!(pipeline.stage.starts(), Vec::<u16>::new());

        let restore = [("backup-id", "b-1"), ("index", "docs"), ("until", "ready")];
        let pipeline = self::pipeline(completes(), shell, &restore);
        pipeline.job("restore").expect(0);
        assert!(pipeline.stage.starts() == [202] && pipeline.stage.has_seen_it_serve());
    }
}

#[test]
fn inputs_become_arguments() {
    let inputs = [
        ("job-id", "rj-1 rj-2"),
        ("timeout", "90s"),
        ("args", "--any  --min-interval=5s"),
        ("program", "./here/restore-watch"),
        ("job", "wait"),
    ];
    let pipeline = pipeline(completed(), "sh", &inputs);
    std::fs::create_dir(pipeline.stage.path("here")).expect("a folder");
    pipeline.stage.script("here/restore-watch", "");

    pipeline.job("wait").expect(0);

    let call = "restore-watch wait rj-1 rj-2 --until=completed --timeout=90s --any --min-interval=5s";
    assert_eq!(pipeline.stage.calls(), [call]);
}

#[test]
fn restores_that_are_not_named_clearly_are_refused() {
    for (inputs, said) in [
        (&[][..], "set either job-id, to wait for a restore, or backup-id and index"),
        (&[("job-id", "rj-1"), ("backup-id", "b-1"), ("index", "docs")], "set either job-id"),
        (&[("job-id", "rj-1"), ("index", "docs")], "set either job-id"),
        (&[("backup-id", "b-1")], "set either job-id"),
        (&[("job-id", "rj-1 --config=x")], "job-id is not of its form"),
        (&[("job-id", "rj-1 --help")], "an id does not begin with a dash: --help"),
        (&[("backup-id", "-h"), ("index", "docs")], "an id does not begin with a dash: -h"),
    ] {
        match with_inputs(&variables(inputs)) {
            Err(error) => assert!(error.starts_with(said), "{error}"),
            Ok(document) => {
                let stage = Stage::new("gitlab-ci.yml", completed());
                let pipeline = Pipeline::new(stage, document, "sh");
                pipeline.job("restore").expect(2).logged(&format!("restore-watch: {said}"));
                assert_eq!(pipeline.stage.polls(), 0);
            }
        }
    }
}

#[test]
fn no_input_adds_to_the_file() {
    let (declared, jobs) = component();
    let scripts = pipeline::script(&with_inputs(&variables(&[])).expect("inputs")["restore"]);
    assert!(!scripts.contains("inputs."), "{scripts}");

    for name in declared.as_object().expect("inputs").keys() {
        assert!(jobs.contains(&format!("\"$[[ inputs.{name} ]]\"")), "{name} is not in quotes");
        for value in [HOSTILE, "a\"b", "a\nb", "a\\b", "a'b", "$(a)", "a;b", "$A\nb"] {
            let mut inputs = variables(&[]);
            inputs.retain(|(known, _)| known != name);
            inputs.push((name.clone(), value.to_owned()));
            assert!(with_inputs(&inputs).is_err(), "{name}: {value}");
        }
    }
}

#[test]
fn no_variable_becomes_a_command() {
    for shell in ["bash", "sh"] {
        for name in ["BACKUP", "INDEX", "JOB"] {
            let (inputs, other) = if name == "JOB" {
                (&[("job-id", "$JOB"), ("args", "--not-found-grace=100ms")][..], "")
            } else {
                (&[("backup-id", "$BACKUP"), ("index", "$INDEX")][..], "docs")
            };
            let mut pipeline = pipeline(completed(), shell, inputs);
            for variable in ["BACKUP", "INDEX"] {
                pipeline.set(variable, other);
            }
            pipeline.set(name, HOSTILE);

            let done = pipeline.job("restore");

            assert_ne!(done.code, Some(0), "{name}");
            assert!(!pipeline.stage.path("pwned").exists() && pipeline.stage.starts().is_empty(), "{name}");
        }
    }
}

#[test]
fn later_jobs_get_the_exit_code_and_its_word() {
    for exit in Exit::OF_WAIT {
        let pipeline = pipeline(completed(), "sh", &[("job-id", "rj-1")]);
        pipeline.stage.script("bin/restore-watch", &format!("exit {}", exit.code()));

        // Through another shell, because exit code 70 fails `Done` otherwise.
        let script = pipeline::script(&pipeline.document["restore"]);
        let line = format!("({script}); echo \"ended with $?\"");
        let variables = yaml::variables(&pipeline.document["restore"]["variables"]);
        let program = pipeline.stage.program(&["sh", "-c", &line]);
        let program = variables.iter().fold(program, |program, (name, value)| program.env(name, value));

        assert_eq!(program.run().expect(0).stdout, format!("ended with {}\n", exit.code()));
        let reported: BTreeMap<_, _> = pipeline.reported().into_iter().collect();
        assert_eq!(reported["RESTORE_CODE"], exit.code().to_string());
        assert_eq!(reported["RESTORE_OUTCOME"], exit.word().unwrap_or("error"));
    }
}

/// The component on a new stage.
fn pipeline(plane: Simulator, shell: &'static str, inputs: &[(&str, &str)]) -> Pipeline {
    let document = with_inputs(&variables(inputs)).expect("inputs");
    Pipeline::new(Stage::new("gitlab-ci.yml", plane), document, shell)
}

/// These inputs, and the one that has no default.
fn variables(inputs: &[(&str, &str)]) -> Variables {
    inputs.iter().chain([&IMAGE]).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
