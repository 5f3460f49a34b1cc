//! The published exit codes, and which of them wins if several apply.

use restore_watch::simulate::Simulator;

use crate::support::{Done, Folder, KEY, Running, Watch, done, fast, play, unused_address};

const NOT_FOUND: &str = "kind = \"status\"\nstatus = 404";
const UNAVAILABLE: &str = "kind = \"status\"\nstatus = 503";
const UNAUTHORIZED: &str = "kind = \"status\"\nstatus = 401\nbody = \"text\"";

#[test]
fn completed_is_0() {
    let done = wait(&done(&[("rj-1", "completed"), ("rj-2", "completed")]), &["rj-1", "rj-2"]).expect(0);
    assert!(
        done.stdout.lines().last().unwrap().starts_with("2 of 2 restores completed, in "),
        "{}",
        done.stdout
    );
    assert_eq!(done.stdout.lines().count(), 3, "{}", done.stdout);
}

#[test]
fn job_that_ends_during_the_wait_sets_the_code() {
    let done = wait("[[job]]\nid = \"rj-1\"\ntakes = \"1s\"", &["rj-1"]).expect(0);
    assert!(done.stdout.starts_with("completed  ") && done.stdout.contains("  rj-1  "), "{}", done.stdout);
}

#[test]
fn failed_and_cancelled_are_1() {
    for status in ["failed", "cancelled"] {
        let done = wait(&done(&[("rj-1", "completed"), ("rj-2", status)]), &["rj-1", "rj-2"]).expect(1);
        assert!(done.stdout.contains(&format!("\n{status:<9}  ")), "{}", done.stdout);
        assert!(
            done.stdout.contains(&format!("1 of 2 restores completed, 1 {status}, in ")),
            "{}",
            done.stdout
        );
        assert!(done.stdout.ends_with(" (exit code 1)\n"), "{}", done.stdout);
    }
}

#[test]
fn statuses_are_read_in_any_letter_case() {
    let spellings = [
        ("completed", 0),
        ("COMPLETED", 0),
        ("cOmPlEtEd", 0),
        ("FAILED", 1),
        ("failed", 1),
        ("CANCELLED", 1),
    ];
    for (spelling, code) in spellings {
        let scenario = format!("[[job]]\nid = \"rj-1\"\nextra = {{ status = \"{spelling}\" }}");
        wait(&scenario, &["rj-1", "--timeout", "20s"]).expect(code);
    }
}

#[test]
fn both_shapes_of_answers_are_read() {
    for head in
        ["answers = \"2026-04\"", "answers = \"2026-07\"\ntimestamps = \"offset\"\nfraction_digits = 0"]
    {
        let job =
            "[[job]]\nid = \"rj-1\"\ncreated_at = \"null\"\ntakes = \"300ms\"\nextra = { region = [1] }";
        wait(&format!("{head}\n{job}"), &["rj-1"]).expect(0);
    }
}

#[test]
fn not_found_is_3_after_its_grace() {
    let done = wait("[[job]]\nid = \"rj-1\"", &["rj-2", "--not-found-grace", "600ms"]).expect(3);
    assert!(done.stdout.starts_with("not found  rj-2"), "{}", done.stdout);
    assert!(done.took.as_millis() >= 600, "{:?}", done.took);
    assert!(done.stdout.contains("\n1 restore not found, in "), "{}", done.stdout);
}

#[test]
fn job_that_appears_within_the_grace_is_waited_for() {
    let scenario = "[[job]]\nid = \"rj-1\"\nappears = \"700ms\"\nage = \"1h\"\ntakes = \"1h\"";
    wait(scenario, &["rj-1", "--not-found-grace", "30s"]).expect(0);
}

#[test]
fn lost_is_3() {
    let scenario = format!("[[job]]\nid = \"rj-1\"\n{}", fault_from(2, "rj-1", NOT_FOUND));
    let lost = wait(&scenario, &["rj-1", "--unreachable-after", "600ms", "--not-found-grace", "0"]).expect(3);
    assert!(lost.took.as_millis() >= 600, "{:?}", lost.took);
    assert!(lost.stdout.starts_with("not found  ") && lost.stdout.contains("  rj-1  "), "{}", lost.stdout);
}

#[test]
fn a_refused_key_is_4_in_either_form() {
    for form in ["text", "json"] {
        let scenario = format!("api_key = \"another\"\nunauthorized = \"{form}\"\n[[job]]\nid = \"rj-1\"");
        let plane = play(&scenario);
        let done = Watch::wait(&plane, &["rj-1"]).run().expect(4);
        assert!(done.stdout.contains("HTTP 401: Invalid API key"), "{}", done.stdout);
        let done = done.logged("help: is the key complete, of this project, and not revoked?");
        assert_eq!(plane.count(), 2, "the first refusal is tried again, once");
        assert!(done.took.as_secs() >= 5, "two refusals within seconds are one: {:?}", done.took);
    }
}

#[test]
fn a_refused_permission_is_4() {
    let done = wait("forbidden = true\n[[job]]\nid = \"rj-1\"", &["rj-1"]).expect(4);
    assert!(done.stdout.contains("HTTP 403: Access denied"), "{}", done.stdout);
}

#[test]
fn one_403_is_not_unauthorized() {
    let fault = "[[fault]]\nfirst = 1\nkind = \"status\"\nstatus = 401\n";
    wait(&format!("{}{fault}", done(&[("rj-1", "completed")])), &["rj-1"]).expect(0);
}

#[test]
fn refusals_of_a_gateway_end_no_wait() {
    // A page of HTML for four requests in a row, and an API error for two seconds.
    let page = "[[fault]]\nfirst = 4\nkind = \"status\"\nstatus = 403\nbody = \"html\"\n";
    let plane = play(&format!("{}{page}", done(&[("rj-1", "completed")])));
    Watch::wait(&plane, &["rj-1", "--unauthorized-grace", "1s"]).run().expect(0);
    assert!(plane.count() >= 5, "{}", plane.count());
    let moment = "[[fault]]\nto = \"2s\"\nkind = \"status\"\nstatus = 401\n";
    wait(&format!("{}{moment}", done(&[("rj-1", "completed")])), &["rj-1"]).expect(0);
}

#[test]
fn unreachable_for_too_long_is_5() {
    let scenario = format!("[[job]]\nid = \"rj-1\"\n{}", fault_from(1, "rj-1", UNAVAILABLE));
    let done = wait(&scenario, &["rj-1", "--unreachable-after", "700ms"]).expect(5);
    assert!(done.stdout.contains("unreachable  rj-1  last error: HTTP 503"), "{}", done.stdout);
    assert!(done.took.as_millis() >= 700, "{:?}", done.took);
}

#[test]
fn connection_refused_is_5() {
    let endpoint = format!("http://{}", unused_address());
    let done = Watch::new(["wait", "rj-1", "--unreachable-after", "700ms"])
        .env("PINECONE_CONTROLLER_HOST", &endpoint)
        .env("PINECONE_API_KEY", KEY)
        .run()
        .expect(5);
    let said = format!("last error: cannot connect to {endpoint}: connection refused");
    assert!(done.stdout.contains(&said), "{}", done.stdout);
}

#[test]
fn an_end_in_an_unknown_state_is_6() {
    let scenario =
        "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"1s\"\nends = \"Exploded\"\nend_time = true";
    let done = wait(scenario, &["rj-1"]).expect(6);
    assert!(done.stdout.starts_with("ended as Exploded  "), "{}", done.stdout);
}

#[test]
fn an_unknown_status_without_an_end_time_is_no_end() {
    let scenario = "[[job]]\nid = \"rj-1\"\npending_status = \"Thinking\"\ntakes = \"1s\"";
    wait(scenario, &["rj-1"]).expect(0).logged("status `Thinking` is unknown");
}

#[test]
fn timeout_is_124() {
    let done = wait("[[job]]\nid = \"rj-1\"", &["rj-1", "--timeout", "700ms"]).expect(124);
    assert!(done.stdout.starts_with("Pending  ") && done.stdout.contains("  rj-1  "), "{}", done.stdout);
    assert!(done.stdout.contains("\n1 restore running, timed out after "), "{}", done.stdout);
    assert!(done.stdout.ends_with(" (exit code 124)\n"), "{}", done.stdout);
    done.logged("restore-watch: to go on: restore-watch wait rj-1");
}

#[test]
fn of_several_codes_the_first_of_1_4_3_6_5_124_wins() {
    let graces = ["--not-found-grace", "200ms", "--unreachable-after", "200ms", "--unauthorized-grace", "0"];
    let limits = [&graces[..], &["--timeout", "2s"]].concat();
    let started = [
        (&["failed", "unauthorized"][..], 1),
        (&["cancelled", "not_found", "unrecognised", "unreachable"], 1),
        (&["failed", "open"], 1),
        (&["unauthorized", "unrecognised"], 4),
        (&["not_found", "unrecognised", "unreachable"], 3),
        (&["lost", "unrecognised", "unreachable"], 3),
        (&["lost", "open"], 3),
        (&["unrecognised", "unreachable", "completed"], 6),
        (&["unrecognised", "open"], 6),
        (&["unreachable", "open", "completed"], 5),
        (&["open", "completed"], 124),
    ]
    .map(|(jobs, code)| (Fast::start(&troubled(jobs), jobs, &limits), code));
    for (wait, code) in started {
        wait.expect(code);
    }
}

#[test]
fn any_succeeds_with_the_first_completed_job() {
    for jobs in
        [&["failed", "completed"][..], &["open", "completed"], &["not_found", "unreachable", "completed"]]
    {
        Fast::start(&troubled(jobs), jobs, &["--any"]).expect(0);
    }
    let jobs = ["failed", "cancelled"];
    Fast::start(&troubled(&jobs), &jobs, &["--any"]).expect(1);
}

#[test]
fn any_waits_for_the_last_job() {
    let scenario = format!("{}[[job]]\nid = \"slow\"\ntakes = \"1s\"", done(&[("failed", "failed")]));
    Fast::start(&scenario, &["failed", "slow"], &["--any"]).expect(0);
}

#[test]
fn fail_fast_does_not_wait_for_the_others() {
    for (jobs, code) in [(["open", "failed"], 1), (["open", "unrecognised"], 6)] {
        Fast::start(&troubled(&jobs), &jobs, &["--fail-fast"]).expect(code);
    }
    // Without it, the other job is waited for.
    let scenario = format!("{}[[job]]\nid = \"slow\"\ntakes = \"1s\"", done(&[("failed", "failed")]));
    let done = Fast::start(&scenario, &["failed", "slow"], &[]).expect(1);
    assert!(done.stdout.contains("1 of 2 restores completed, 1 failed, "), "{}", done.stdout);
}

#[test]
fn wrong_usage_is_2_and_bad_configuration_78() {
    Watch::new(["wait"]).run().expect(2);
    Watch::new(["wait", "rj-1", "--nonsense"]).run().expect(2);
    Watch::new(["wait", "rj-1"])
        .run()
        .expect(78)
        .logged("the environment variable PINECONE_API_KEY is not set");
}

/// Waits for jobs of a scenario.
fn wait(scenario: &str, arguments: &[&str]) -> Done {
    let plane = play(scenario);
    Watch::wait(&plane, arguments).run()
}

/// Waits for all jobs of a configuration with a high request rate.
struct Fast {
    running: Running,
    _plane: Simulator,
}

impl Fast {
    fn start(scenario: &str, jobs: &[&str], arguments: &[&str]) -> Self {
        let plane = play(scenario);
        let folder = Folder::new();
        let config = folder.write("config.toml", format!("jobs = {jobs:?}\n{}", fast(&plane)));
        let command: Vec<_> = ["wait", "--config", &config].iter().chain(arguments).copied().collect();
        let running = Watch::new(command).env("PINECONE_API_KEY", KEY).keep(folder).start();
        Self { running, _plane: plane }
    }

    #[track_caller]
    fn expect(self, code: i32) -> Done {
        self.running.finish().expect(code)
    }
}

/// A fault of one job on all requests from this one on.
fn fault_from(request: u64, job: &str, what: &str) -> String {
    let requests: Vec<_> = (request..request + 500).collect();
    format!("[[fault]]\njob = \"{job}\"\nendpoint = \"describe\"\nrequests = {requests:?}\n{what}\n")
}

/// One job for each outcome but `completed`, by the name of that outcome.
fn troubled(outcomes: &[&str]) -> String {
    let one = |outcome: &&str| match *outcome {
        "completed" | "failed" | "cancelled" => done(&[(outcome, outcome)]),
        "unrecognised" => format!("{}end_time = true\n", done(&[(outcome, "Exploded")])),
        "not_found" => format!("[[job]]\nid = \"{outcome}\"\nappears = \"1h\"\n"),
        "lost" => format!("[[job]]\nid = \"{outcome}\"\n{}", fault_from(2, outcome, NOT_FOUND)),
        "unauthorized" => format!("[[job]]\nid = \"{outcome}\"\n{}", fault_from(1, outcome, UNAUTHORIZED)),
        "unreachable" => format!("[[job]]\nid = \"{outcome}\"\n{}", fault_from(1, outcome, UNAVAILABLE)),
        "open" => format!("[[job]]\nid = \"{outcome}\"\n"),
        _ => unreachable!("{outcome}"),
    };
    // TOML wants all tables of one kind in any order, but each key in its own table.
    outcomes.iter().map(one).collect()
}
