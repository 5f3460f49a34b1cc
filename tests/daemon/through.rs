//! `wait` beside a daemon: it follows the daemon's polls, and makes its own where there are none.

use std::time::Duration;

use restore_watch::simulate::Simulator;

use crate::support::{KEY, Running, Watch, play};
use crate::{Daemon, ask};

/// A key that the control planes of these tests refuse: whoever uses it has not followed the daemon.
const WRONG: &str = "pcsk_wrong";

fn plane(jobs: &str) -> Simulator {
    play(&format!("api_key = \"{KEY}\"\n{jobs}"))
}

/// A daemon that has seen its job.
fn watching(plane: &Simulator, with: &str) -> Running {
    let mut daemon = Daemon::new("").project("one", plane, &["rj-1"]).with(with).run(&[]).start();
    daemon.until_told("watching restore rj-1 into index docs: ");
    daemon
}

fn wait(daemon: &Running, plane: &Simulator, key: &str, arguments: &[&str]) -> Watch {
    let socket = daemon.folder().path().join("control.sock");
    Watch::new(["wait", "rj-1"].iter().chain(arguments))
        .on(plane)
        .env("PINECONE_API_KEY", key)
        .env("RESTORE_WATCH_SOCKET", &socket.to_string_lossy())
        .env("RUST_LOG", "info")
}

fn strangers(plane: &Simulator) -> usize {
    plane.requests().iter().filter(|request| !request.key_accepted).count()
}

#[test]
fn what_the_daemon_is_told_is_enough() {
    let plane =
        plane("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"1500ms\"\nprogress = \"linear\"\n");
    let daemon = watching(&plane, "");
    let waits = [&["--output", "json"][..], &["--output", "ndjson", "--through-daemon"]];
    let [report, lines] = waits.map(|arguments| wait(&daemon, &plane, WRONG, arguments).start());
    let report = report.finish().expect(0).told("following the daemon's polls for 1 of 1 restores").json();
    let job = &report["jobs"][0];
    assert_eq!((&job["outcome"], &job["polls"]), (&"completed".into(), &0.into()));
    assert_eq!(job["elapsed_seconds"], 1.5);
    assert!(job["detection_delay_seconds"].as_f64().unwrap() < 10.0);
    let kinds: Vec<_> =
        lines.finish().expect(0).json_lines().iter().map(|line| line["type"].clone()).collect();
    assert_eq!(
        (&kinds[0], kinds.last().unwrap()),
        (&"restore_job.watched".into(), &"restore_job.completed".into())
    );
    assert!(kinds.contains(&"restore_job.progressed".into()), "{kinds:?}");
    // What ended is known to the daemon, too.
    let late = wait(&daemon, &plane, WRONG, &["--output", "json"]).run().expect(0).json();
    assert_eq!(late["jobs"][0]["polls"], 0);
    assert_eq!(strangers(&plane), 0);
}

#[test]
fn a_daemon_that_goes_away_is_replaced() {
    for signal in ["KILL", "TERM"] {
        let plane = plane("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"3s\"\n");
        let mut daemon = watching(&plane, "");
        let mut waiting = wait(&daemon, &plane, KEY, &["--output", "json"]).start();
        waiting.until_told("watching restore rj-1 into index docs: Pending");
        daemon.signal(signal);
        let done = waiting
            .finish()
            .expect(0)
            .told("the daemon that was followed is gone: the API is asked from here on");
        assert!(done.json()["jobs"][0]["polls"].as_u64().unwrap() > 0);
        assert_eq!(done.stderr.matches("watching restore").count(), 1, "{}", done.stderr);
    }
}

#[test]
fn a_daemon_that_says_nothing_is_gone() {
    let plane = plane("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"3s\"\n");
    let mut daemon = watching(&plane, "");
    let mut waiting = wait(&daemon, &plane, KEY, &["--timeout", "50s"]).start();
    waiting.until_told("watching restore rj-1 into index docs: Pending");
    daemon.signal("STOP");
    waiting.finish().expect(0).told("the daemon that was followed is gone");
    // One that hangs from the start is not waited for.
    let done = wait(&daemon, &plane, KEY, &["--through-daemon"]).run().expect(0);
    done.told("no answer within 300ms; asking the API");
    daemon.signal("CONT");
}

#[test]
fn what_the_daemon_does_not_poll_is_polled_here() {
    let plane = plane("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"2s\"\n");
    let daemon = watching(&plane, "");
    // In the middle of a wait.
    let mut waiting = wait(&daemon, &plane, KEY, &["--output", "json"]).start();
    waiting.until_told("following the daemon's polls");
    ask(&daemon, &["pause", "one"]).expect(0);
    assert!(waiting.finish().expect(0).json()["jobs"][0]["polls"].as_u64().unwrap() > 0);
    // From the start.
    for arguments in [&[][..], &["--through-daemon=never"], &["--max-interval", "1s"]] {
        let done = wait(&daemon, &plane, KEY, arguments).run().expect(0);
        assert!(!done.stderr.contains("following"), "{}", done.stderr);
    }
    let always = wait(&daemon, &plane, KEY, &["--through-daemon"]).run().expect(0);
    always.told(" watches none of these jobs; asking the API");
}

#[test]
fn a_job_of_another_control_plane_is_another_job() {
    let job = |end| {
        format!("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"{end}\"\n")
    };
    let (here, there) = (plane(&job("completed")), plane(&job("failed")));
    let daemon = watching(&here, "");
    wait(&daemon, &there, KEY, &["--through-daemon"]).run().expect(1);
    wait(&daemon, &here, WRONG, &["--through-daemon"]).run().expect(0);
}

#[test]
fn the_index_is_asked_for_by_whom_it_matters_to() {
    let job = "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"700ms\"\nready_after = \"800ms\"\n";
    let plane = plane(job);
    let daemon = watching(&plane, "");
    let done = wait(&daemon, &plane, KEY, &["--until", "ready", "--output", "json"]).run().expect(0);
    let report = done.json();
    assert_eq!(report["jobs"][0]["outcome"], "ready");
    let of_index = plane.requests().iter().filter(|request| request.path == "/indexes/docs").count();
    assert_eq!(report["jobs"][0]["polls"], of_index);
    drop(daemon);

    let plane = self::plane(job);
    let daemon = watching(&plane, "[watch]\nuntil = \"ready\"\n");
    let done = wait(&daemon, &plane, WRONG, &["--until", "ready", "--output", "json"]).run().expect(0);
    assert_eq!(done.json()["jobs"][0]["polls"], 0);
    wait(&daemon, &plane, WRONG, &["--until", "completed"]).run().expect(0);
    assert_eq!(strangers(&plane), 0);
    // That it served once is no news.
    let late = wait(&daemon, &plane, KEY, &["--until", "ready", "--output", "json"]).run().expect(0).json();
    assert_eq!(late["jobs"][0]["polls"], 1);
}

#[test]
fn an_index_that_served_once_may_be_gone() {
    let plane = plane(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"10m\"\n\
         [[index]]\nname = \"docs\"\nready_after = \"0s\"\nvanishes = \"1s\"\n",
    );
    let mut daemon = watching(&plane, "[watch]\nuntil = \"ready\"\n");
    daemon.until_told("index docs of restore rj-1 is ready");
    daemon.until("it is gone", |daemon| {
        wait(daemon, &plane, KEY, &["--until", "ready", "--not-found-grace", "0"]).run().code == Some(1)
    });
}

#[test]
fn a_verdict_rests_on_an_answer_to_a_question_of_ones_own() {
    // The job appears late, and the daemon has no patience left with it by then.
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nappears = \"2s\"\ntakes = \"500ms\"\n");
    let slow = "[project.watch]\nnot_found_grace = \"200ms\"\n";
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(slow).run(&[]).start();
    daemon.until_told("cannot be found");
    let done = wait(&daemon, &plane, KEY, &["--not-found-grace", "10s"]).run().expect(0);
    assert!(!done.stderr.contains("following"), "{}", done.stderr);
    // And in the middle: what the daemon says makes nobody give up.
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"4s\"\n\
         [[fault]]\nfrom = \"500ms\"\nto = \"2s\"\nkind = \"status\"\nstatus = 503\n\
         [[fault]]\nfrom = \"2s\"\nkind = \"late\"\ndelay = \"400ms\"\n",
    );
    let daemon = watching(&plane, "");
    let done = wait(&daemon, &plane, KEY, &["--unreachable-after", "1400ms"]).run().expect(0);
    done.told("following the daemon's polls");
}

#[test]
fn a_reload_that_leads_elsewhere_is_not_followed() {
    let job = |takes: &str, end: &str| {
        format!("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"{takes}\"\nends = \"{end}\"\n")
    };
    let (here, there) = (plane(&job("3s", "completed")), plane(&job("1ms", "failed")));
    let mut daemon = watching(&here, "");
    let mut waiting = wait(&daemon, &here, KEY, &[]).start();
    waiting.until_told("watching restore rj-1");
    Daemon::new("").project("one", &there, &["rj-1"]).rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(0);
    daemon.until_told("restore rj-1 into index docs failed");
    waiting.finish().expect(0);
}

#[test]
fn nobody_waits_for_a_poll_that_is_far_away() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"5h\"\ntakes = \"5h1s\"\n");
    let text = format!(
        "[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\njobs = [\"rj-1\"]\n\
         [project.api]\nendpoint = \"{}\"\n",
        plane.url()
    );
    let mut daemon = Daemon::new(text).run(&[]).start();
    daemon.until_told("watching restore rj-1 into index docs: Pending");
    let clock = restore_watch::clock::Clock::system();
    let since = clock.now().instant;
    daemon.until("it ended", |_| clock.now().instant.since(since) > Duration::from_millis(1200));
    let done = wait(&daemon, &plane, KEY, &["--output", "json"]).run().expect(0);
    assert!(done.took < Duration::from_secs(20), "{:?}", done.took);
    assert_eq!(done.told("following").json()["jobs"][0]["polls"], 0);
    let of_project = wait(&daemon, &plane, KEY, &["--project", "two"]).run();
    assert_ne!(of_project.code, Some(0));
}

#[test]
fn when_time_is_over_the_api_itself_is_asked() {
    let plane = plane("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"1h\"\n");
    let daemon = watching(&plane, "");
    let report =
        wait(&daemon, &plane, KEY, &["--timeout", "500ms", "--output", "json"]).run().expect(124).json();
    assert_eq!((&report["jobs"][0]["polls"], &report["jobs"][0]["status"]), (&1.into(), &"Pending".into()));
}

#[test]
fn a_key_that_the_daemon_may_not_use_is_not_ours() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"2s\"\n\
         [[fault]]\nfrom = \"700ms\"\nfirst = 3\nkind = \"status\"\nstatus = 401\n",
    );
    let daemon = watching(&plane, "");
    let mut waiting = wait(&daemon, &plane, KEY, &[]).start();
    waiting.until_told("following the daemon's polls");
    waiting.finish().expect(0);
}

#[test]
fn a_wait_that_ended_is_followed_no_more() {
    let plane = plane("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"1h\"\n");
    let mut daemon = watching(&plane, "");
    for _ in 0..20 {
        let mut waiting = wait(&daemon, &plane, KEY, &[]).start();
        waiting.until_told("following the daemon's polls");
        waiting.signal("TERM");
        assert!(waiting.finish().expect(143).took < Duration::from_secs(5));
    }
    let before = plane.count();
    daemon.until("it polls on", |_| plane.count() > before + 5);
    ask(&daemon, &["status"]).expect(0);
}

#[test]
fn a_refusal_of_the_daemon_alone_is_looked_into() {
    // The key of the daemon may ask for the job and not for its index, and so may that of the wait.
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"1s\"\n\
         [[fault]]\nendpoint = \"index\"\nkind = \"status\"\nstatus = 403\n",
    );
    let daemon = watching(&plane, "[watch]\nuntil = \"ready\"\n");
    wait(&daemon, &plane, KEY, &["--until", "ready"]).run().expect(4);
    wait(&daemon, &plane, KEY, &["--until", "ready", "--timeout", "10ms"]).run().expect(4);
}
