//! A step of GitHub Actions: its group, its annotations, its outputs and its summary.

use std::time::Duration;

use super::{Step, commands, names};
use crate::support::{Folder, Watch, done, fast, play};

#[test]
fn github_step_that_succeeds() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"700ms\"");
    let step = Step::new();
    let done = step.wait(&plane, &["rj-1"]).run().expect(0);
    assert!(done.stdout.starts_with("completed  ") && done.stdout.lines().count() == 2, "{}", done.stdout);
    let lines: Vec<_> = done.stderr.lines().collect();
    let end = lines.iter().position(|line| *line == "::endgroup::").expect("an end of the group");
    assert_eq!(lines[0], "::group::Waiting for 1 restore");
    assert!(lines[end - 1].contains("Z restore rj-1 into index docs completed after "), "{lines:?}");
    let notice = "::notice title=Restore completed::restore rj-1 into index docs: completed after ";
    assert!(lines.len() == end + 2 && lines[end + 1].starts_with(notice), "{lines:?}");

    let outputs = step.outputs();
    let given: Vec<_> = outputs.keys().map(String::as_str).collect();
    assert_eq!(
        given,
        [
            "elapsed_seconds",
            "elapsed_upper_bound_seconds",
            "exit_code",
            "jobs",
            "outcome",
            "status",
            "target_index_name"
        ]
    );
    assert_eq!(outputs["elapsed_upper_bound_seconds"], "");
    for (name, value) in
        [("exit_code", "0"), ("outcome", "met"), ("status", "completed"), ("target_index_name", "docs")]
    {
        assert_eq!(outputs[name], value, "{name}");
    }
    assert!(outputs["elapsed_seconds"].parse::<f64>().is_ok_and(|seconds| seconds > 0.0), "{outputs:?}");
    let summary = step.summary();
    assert!(summary.starts_with("### restore-watch: met\n"), "{summary}");
    assert!(summary.contains("| `rj-1` | `docs` | completed | "), "{summary}");
}

#[test]
fn github_step_that_fails() {
    let jobs = [("rj-1", "completed"), ("rj-2", "failed"), ("rj-3", "cancelled")];
    let plane = play(&format!("{}[[job]]\nid = \"rj-4\"\nappears = \"1h\"", done(&jobs)));
    let step = Step::new();
    let ids = ["rj-1", "rj-2", "rj-3", "rj-4", "--not-found-grace", "0", "--output", "json"];
    let done = step.wait(&plane, &ids).run().expect(1);
    let found = commands(&done.stderr);
    assert_eq!(names(&found), ["group", "endgroup", "error", "error", "error", "notice"], "{}", done.stderr);
    let titles: Vec<_> = found.iter().filter_map(|(_, rest)| rest.split("::").next()).skip(2).collect();
    let expected = ["Restore failed", "Restore cancelled", "Restore not found", "Restore completed"];
    assert_eq!(titles, expected.map(|title| format!("title={title}")));
    assert!(commands(&done.stdout).is_empty(), "standard output carries data only");

    let (report, outputs) = (done.json(), step.outputs());
    assert_eq!((&*outputs["outcome"], &*outputs["exit_code"]), ("failed", "1"));
    assert_eq!(outputs.keys().map(String::as_str).collect::<Vec<_>>(), ["exit_code", "jobs", "outcome"]);
    let jobs: serde_json::Value = serde_json::from_str(&outputs["jobs"]).unwrap();
    assert_eq!((&jobs, outputs["jobs"].lines().count()), (&report["jobs"], 1));
    assert!(step.summary().contains("| `rj-4` |  | not found |  | `HTTP 404"), "{}", step.summary());
}

#[test]
fn github_step_that_is_cut_short() {
    let plane = play(&format!("[[job]]\nid = \"rj-1\"\n{}", done(&[("rj-2", "completed")])));
    let check = |step: &Step, stderr: &str, outcome: &str| {
        let found = commands(stderr);
        assert_eq!(names(&found), ["group", "endgroup", "error", "notice"], "{stderr}");
        assert!(found[2].1.starts_with("title=Restore not ended::restore rj-1 into index "), "{found:?}");
        assert!(stderr.find("::endgroup::") < stderr.find("restore-watch: "), "{stderr}");
        assert_eq!(step.outputs()["outcome"], outcome);
        assert!(step.summary().contains("| open: `Pending` |"), "{}", step.summary());
        let go_on = step.summary().split_once("\nTo go on waiting:\n\n```sh\n").unwrap().1.to_owned();
        let command = go_on.lines().next().unwrap();
        assert!(command.starts_with("restore-watch wait rj-1 "), "{command}");
        assert!(
            stderr.contains(&format!("restore-watch: to go on: {command}\n")),
            "the same on standard error: {stderr}"
        );
    };
    let step = Step::new();

    let done = step.wait(&plane, &["rj-1", "rj-2", "--timeout", "700ms"]).run().expect(124);
    check(&step, &done.stderr, "timeout");
    for (signal, code, outcome) in [("INT", 130, "interrupted"), ("TERM", 143, "terminated")] {
        let step = Step::new();
        let mut wait = step.wait(&plane, &["rj-1", "rj-2"]).start();
        wait.until("both jobs", |wait| {
            ["rj-1 into", "rj-2 into"].iter().all(|job| wait.stderr().contains(job))
        });
        wait.signal(signal);
        let done = wait.finish().expect(code);
        assert!(done.took < Duration::from_secs(1), "{:?}", done.took);
        check(&step, &done.stderr, outcome);
    }
}

#[test]
fn job_left_open_by_any_is_not_an_error() {
    let plane = play(&format!("[[job]]\nid = \"rj-1\"\n{}", done(&[("rj-2", "completed")])));
    let done = Step::new().wait(&plane, &["rj-1", "rj-2", "--any"]).run().expect(0);
    assert_eq!(names(&commands(&done.stderr)), ["group", "endgroup", "notice"], "{}", done.stderr);
}

#[test]
fn missing_key_is_annotated_on_github_alone() {
    let wait = || Watch::new(["wait", "rj-1"]).env_remove("PINECONE_API_KEY");

    let done = Step::new().of(wait()).run().expect(78);
    let empty = Step::new().of(wait()).env("PINECONE_API_KEY", "").run().expect(78);
    let elsewhere = wait().run().expect(78);

    for done in [done, empty] {
        let found = commands(&done.stderr);
        assert_eq!(names(&found), ["error"], "{}", done.stderr);
        assert!(found[0].1.starts_with("title=No API key::"), "{found:?}");
        assert!(found[0].1.contains("PINECONE_API_KEY: ${{ secrets.PINECONE_API_KEY }}"), "{found:?}");
        done.logged("error: project default: ");
    }
    assert!(commands(&elsewhere.stderr).is_empty(), "{}", elsewhere.stderr);
}

#[test]
fn annotations_of_many_jobs_are_summed_up() {
    let plane = play(
        "[[job]]\nid = \"good\"\ncount = 30\nage = \"1h\"\ntakes = \"1s\"\n\
         [[job]]\nid = \"bad\"\ncount = 230\nage = \"1h\"\ntakes = \"1s\"\nends = \"failed\"\n",
    );
    let ids = (1..=30).map(|n| format!("\"good-{n}\"")).chain((1..=230).map(|n| format!("\"bad-{n}\"")));
    let folder = Folder::new();
    let jobs = ids.collect::<Vec<_>>().join(", ");
    let config = folder.write("config.toml", format!("jobs = [{jobs}]\n{}", fast(&plane)));
    let step = Step::new();

    let done = step.of(Watch::new(["wait", "--config", &config, "--quiet"])).on(&plane).run().expect(1);
    let found = commands(&done.stderr);
    assert_eq!(names(&found), [["error"; 10], ["notice"; 10]].concat(), "{}", done.stderr);
    assert!(found[9].1.ends_with("::221 more restores did not end well"), "{:?}", found[9]);
    assert!(found[19].1.ends_with("::21 more restores ended well"), "{:?}", found[19]);

    let summary = step.summary();
    assert_eq!(summary.matches("| failed |").count(), 200);
    assert!(summary.contains("\nand 60 more; the output `jobs` has them all\n"), "{summary}");

    let jobs: Vec<serde_json::Value> = serde_json::from_str(&step.outputs()["jobs"]).unwrap();
    assert_eq!(jobs.len(), 260);
}

#[test]
fn quiet_leaves_out_the_progress_only() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let step = Step::new();
    let done = step.wait(&plane, &["rj-1", "rj-2", "--quiet"]).run().expect(1);
    assert_eq!(done.stderr.lines().count(), 2, "{}", done.stderr);
    assert_eq!(names(&commands(&done.stderr)), ["error", "notice"]);
    assert_eq!(step.outputs()["outcome"], "failed");
    assert!(step.summary().contains("| `rj-2` |"));
    let done = Step::new().wait(&plane, &["rj-1", "--progress", "none"]).run().expect(0);
    assert_eq!(names(&commands(&done.stderr)), ["notice"]);
}

#[test]
fn chosen_ci_host_needs_no_environment() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let done = Watch::wait(&plane, &["rj-1", "--ci", "github"]).run().expect(0);
    assert_eq!(names(&commands(&done.stderr)), ["group", "endgroup", "notice"]);
    done.logged("$GITHUB_OUTPUT: it is not set").logged("$GITHUB_STEP_SUMMARY: it is not set");
    // `--ci none` prints no section.
    let step = Step::new();
    let done = step.wait(&plane, &["rj-1", "--ci", "none"]).run().expect(0);
    assert_eq!(done.stderr.lines().count(), 2, "{}", done.stderr);
    assert!(!std::path::Path::new(&step.path("output")).exists());
}
