//! A wait within a pipeline: annotations and log sections for GitHub Actions and GitLab, and
//! outputs for later steps.

use std::collections::BTreeMap;
use std::time::Duration;

use restore_watch::simulate::Simulator;

use crate::support::{Folder, Running, Watch, done, fast, play, skipped};

/// The commands that the runner of GitHub Actions knows
/// (`src/Runner.Worker/ActionCommandManager.cs`).
const KNOWN: [&str; 16] = [
    "internal-set-repo-path",
    "set-env",
    "set-output",
    "save-state",
    "add-mask",
    "add-path",
    "add-matcher",
    "remove-matcher",
    "debug",
    "warning",
    "error",
    "notice",
    "group",
    "endgroup",
    "echo",
    "stop-commands",
];

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

/// Injected commands: in both forms, at the beginning of a text and within it.
const ATTACKS: [&str; 5] = [
    "::error title=x::pwned",
    " ::stop-commands::pwned",
    "a ##[add-mask]pwned",
    "##[group]pwned | `x` <b>@octocat</b>",
    "a\\n::error::pwned\\n##[error]pwned\\u001b[0Ksection_start:1:x\\r\\u001b[0K",
];

#[test]
fn no_text_of_the_api_becomes_a_runner_command() {
    // Jobs that end in an unknown state, jobs that go on in one, and errors.
    let scenario: Vec<_> = (0..ATTACKS.len())
        .map(|n| {
            let text = format!("\"{}\"", ATTACKS[n]);
            let state = match n % 2 {
                0 => format!("age = \"1h\"\ntakes = \"1s\"\nend_time = true\nends = {text}"),
                _ => format!("extra = {{ status = {text} }}"),
            };
            format!(
                "[[job]]\nid = \"rj-{n}\"\nindex = {text}\nbackup_id = {text}\n{state}\n\
                 [[job]]\nid = \"err-{n}\"\nindex = {text}\n\
                 [[fault]]\njob = \"err-{n}\"\nkind = \"status\"\nstatus = 500\nbody_text = {text}\n",
            )
        })
        .collect();
    let plane = play(&scenario.concat());
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
fn no_text_of_an_error_becomes_a_runner_command() {
    let step = Step::new();
    let wait = Watch::new(["wait", "##[add-mask]pwned and more"]);
    let done = step.of(wait).env("PINECONE_API_KEY", "any").run().expect(2);
    assert!(done.stderr.contains("## [add-mask]"), "it shows what it refuses: {}", done.stderr);
    assert!(commands(&done.stderr).is_empty() && done.stdout.is_empty(), "{}", done.stderr);
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
fn unwritable_ci_file_changes_no_exit_code() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    for (job, code) in [("rj-1", 0), ("rj-2", 1)] {
        let step = Step::new();
        let wait = step.wait(&plane, &[job]);
        let done = wait.env_remove("GITHUB_OUTPUT").env("GITHUB_STEP_SUMMARY", "/proc/none/summary").run();
        let done =
            done.expect(code).logged("restore-watch: warning: the job summary could not be written to ");
        done.logged("warning: the outputs could not be written to $GITHUB_OUTPUT: it is not set");
        // The other file is written all the same.
        let step = Step::new();
        step.wait(&plane, &[job]).env("GITHUB_STEP_SUMMARY", "/dev/full").run().expect(code);
        assert_eq!(step.outputs()["exit_code"], code.to_string());
    }
}

#[test]
fn ci_file_without_a_reader_does_not_hold_up_the_wait() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let step = Step::new();
    let pipe = step.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();

    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    let start = || step.wait(&plane, &["rj-1"]).env("GITHUB_OUTPUT", &pipe).start();

    let patient: Running = start();
    let mut interrupted = start();
    interrupted.until_logged("::notice");
    interrupted.signal("TERM");

    assert!(interrupted.finish().expect(143).took < Duration::from_secs(2));
    let done = patient.finish().expect(0).logged("the outputs took too long to be written");

    assert!(done.stdout.starts_with("completed  "), "{}", done.stdout);
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
fn command_of_a_wait_sees_the_ci_files() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let step = Step::new();
    let wait = step.wait(&plane, &["rj-1", "--", "sh", "-c", "cat \"$GITHUB_OUTPUT\""]);
    let done = wait.run().expect(0);
    assert!(done.stdout.contains("\noutcome<<ghadelimiter_"), "{}", done.stdout);
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

#[test]
fn gitlab_log_has_a_section() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"700ms\"");
    for arguments in [&["rj-1"][..], &["rj-1", "--ci", "gitlab"]] {
        let wait = Watch::wait(&plane, arguments).env("CI", "true").env("GITLAB_CI", "true").with_escapes();
        let done = wait.run().expect(0);
        let (begin, rest) = done.stderr.split_once("\r\u{1b}[0KWaiting for 1 restore\n").expect("a section");
        let (begin, name) = begin.rsplit_once(':').expect("a name");
        let started: i64 = begin.strip_prefix("\u{1b}[0Ksection_start:").expect("a start").parse().unwrap();
        let (progress, end) = rest.split_once("\u{1b}[0Ksection_end:").expect("an end");
        let ended: i64 = end.strip_suffix(&format!(":{name}\r\u{1b}[0K\n")).expect(name).parse().unwrap();
        assert!((0..60).contains(&(ended - started)) && started > 1_700_000_000, "{started} {ended}");
        assert!(name.strip_prefix("restore_watch_").is_some_and(|pid| pid.parse::<u32>().is_ok()), "{name}");
        assert!(progress.contains("restore rj-1 into index docs completed") && !progress.contains('\u{1b}'));
        assert!(!done.stdout.contains('\u{1b}'));
    }

    let wait = Watch::wait(&plane, &["rj-1", "--quiet"]).env("GITLAB_CI", "true");
    assert_eq!(wait.run().expect(0).stderr, "");
}

/// Starts a program on a terminal of its own.
const ON_A_TERMINAL: [&str; 4] = ["sh", "-c", "exec script -qec \"$*\" /dev/null", "sh"];

#[test]
fn lines_stay_plain_on_the_terminal_of_a_pipeline() {
    let tried = std::process::Command::new("script").args(["-qec", "test -t 2", "/dev/null"]).output();
    if !tried.is_ok_and(|tried| tried.status.success()) {
        skipped("there is no `script` to make a terminal");
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nextra = { status = \"Odd\" }\n");

    let wait = |variables: &[(&str, &str)], ci: &str| {
        let arguments = [
            "wait",
            "rj-1",
            "--timeout",
            "700ms",
            "--min-interval",
            "20ms",
            "--max-interval",
            "100ms",
            "--ci",
            ci,
        ];
        let wait = Watch::through(&ON_A_TERMINAL, arguments).on(&plane).env("TERM", "xterm").with_escapes();
        let wait = variables.iter().fold(wait, |wait, (name, value)| wait.env(name, value));
        wait.run().expect(124).stdout
    };
    assert!(wait(&[], "auto").contains('\u{1b}'), "without a pipeline, lines are drawn");
    for (variables, ci) in [
        (&[("JENKINS_URL", "https://ci.example/")][..], "auto"),
        (&[("CI", "true")], "auto"),
        (&[("GITHUB_ACTIONS", "true")], "auto"),
        (&[("GITHUB_ACTIONS", "true")], "none"),
        (&[], "github"),
    ] {
        let text = wait(variables, ci);
        assert!(text.contains("Z watching restore rj-1 into index docs: Odd"), "{text}");
        assert!(text.contains("Z  WARN restore rj-1: status `Odd` is unknown"), "{text}");
        let control = |c: char| c.is_control() && c != '\r' && c != '\n';
        assert!(!text.contains(control), "{variables:?}: {text:?}");
    }
}

/// A step of GitHub Actions: the files it is given.
struct Step(Folder);

impl Step {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// Runs this process as part of the step.
    fn of(&self, watch: Watch) -> Watch {
        watch
            .env("CI", "true")
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", &self.path("output"))
            .env("GITHUB_STEP_SUMMARY", &self.path("summary"))
    }

    fn wait(&self, plane: &Simulator, arguments: &[&str]) -> Watch {
        self.of(Watch::wait(plane, arguments))
    }

    fn summary(&self) -> String {
        std::fs::read_to_string(self.path("summary")).expect("a summary")
    }

    /// The outputs, as the runner reads them (`EnvFileKeyValuePairs` in
    /// `src/Runner.Worker/FileCommandManager.cs`).
    fn outputs(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(self.path("output")).expect("outputs");
        let mut lines = text.lines();
        let mut outputs = BTreeMap::new();
        while let Some(line) = lines.next() {
            let (name, delimiter) = line.split_once("<<").expect("a name and a delimiter");
            assert!(!name.contains('='), "{line}");
            let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        }
        outputs
    }
}

/// The commands that the runner finds in a stream: the name of each, and all after it (`TryParseV2`
/// and `TryParse` in `src/Runner.Common/ActionCommand.cs`).
fn commands(text: &str) -> Vec<(String, String)> {
    let known = |name: &str| KNOWN.contains(&name.to_lowercase().as_str());
    let parse = |line: &str, begin: &str, middle: &str| {
        let (info, data) = line.strip_prefix(begin)?.split_once(middle)?;
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        known(name).then(|| (name.to_owned(), format!("{properties}::{data}")))
    };
    let command = |line: &str| {
        let new = parse(line.trim_start(), "::", "::");
        new.or_else(|| parse(&line[line.find("##[")?..], "##[", "]"))
    };
    text.split(['\n', '\r']).filter_map(command).collect()
}

fn names(commands: &[(String, String)]) -> Vec<&str> {
    commands.iter().map(|(name, _)| name.as_str()).collect()
}
