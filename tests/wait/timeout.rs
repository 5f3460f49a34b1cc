//! A wait with a timeout: the final poll at the deadline, and servers that do not answer.

use crate::support::{Folder, KEY, Watch, done, play};

#[test]
fn final_poll_finds_a_job_that_ended_before_the_deadline() {
    // The second regular poll would come in an hour.
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1200ms\"");
    let hourly = ["wait", "rj-1", "--min-interval", "1h", "--max-interval", "1h", "--timeout", "2s"];
    let done = Watch::new(hourly.iter().chain(&["--output", "json"])).on(&plane).run().expect(0);
    let report = done.json();
    assert_eq!((&report["outcome"], &report["jobs"][0]["outcome"]), (&"met".into(), &"completed".into()));
    assert_eq!(plane.count(), 3, "the first poll, one page of past restores, and the final poll");
    assert!(report["waited_seconds"].as_f64().unwrap() < 10.0);
}

#[test]
fn final_poll_reaches_every_job_within_the_rate() {
    // A round over ten jobs takes two and a half seconds, and all of them end after the first.
    let plane = play("[[job]]\nid = \"rj\"\ncount = 10\ntakes = \"2800ms\"");
    let jobs: Vec<_> = (1..=10).map(|number| format!("rj-{number}")).collect();
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        format!(
            "jobs = {jobs:?}\n[api]\nendpoint = \"{}\"\nrequests_per_second = 4\nburst = 1\n\
             [cadence]\nmin_interval = \"1h\"\nmax_interval = \"1h\"\n",
            plane.url()
        ),
    );

    Watch::new(["wait", "--config", &config, "--timeout", "3s"]).env("PINECONE_API_KEY", KEY).run().expect(0);
    // Twenty, fewer if a slow machine let a job end before its first poll; and one for past
    // restores.
    assert!((11..=21).contains(&plane.count()), "{}", plane.count());
}

#[test]
fn hanging_server_does_not_hold_the_wait() {
    let started = [(1, "not seen yet  rj-1"), (2, "Pending  ")].map(|(first_bad, state)| {
        let requests: Vec<u64> = (first_bad..20).collect();
        let hang = format!("[[fault]]\nkind = \"hang\"\nrequests = {requests:?}");
        let plane = play(&format!("[[job]]\nid = \"rj-1\"\n{hang}"));
        (Watch::wait(&plane, &["rj-1", "--timeout", "500ms"]).start(), plane, state)
    });
    for (wait, _plane, state) in started {
        let done = wait.finish().expect(124);
        let seconds = done.took.as_secs_f64();
        // The final poll may take two seconds; the rest is for a busy machine.
        assert!((0.5..5.0).contains(&seconds), "{seconds}");
        assert!(done.stdout.starts_with(state), "{}", done.stdout);
    }
}

#[test]
fn zero_timeout_is_a_final_poll() {
    let plane = play(&format!("{}[[job]]\nid = \"open\"", done(&[("done", "completed")])));
    Watch::wait(&plane, &["done", "--timeout", "0"]).run().expect(0);
    Watch::wait(&plane, &["open", "--timeout", "0s"]).run().expect(124);
    // The first poll may begin before the timeout is noticed.
    assert!((2..=4).contains(&plane.count()), "{}", plane.count());
}

#[test]
fn retry_after_beyond_the_deadline_does_not_hold_the_wait() {
    let fault = "[[fault]]\nkind = \"status\"\nstatus = 429\nretry_after = \"1h\"";
    let plane = play(&format!("[[job]]\nid = \"rj-1\"\n{fault}"));
    let done = Watch::wait(&plane, &["rj-1", "--timeout", "500ms"]).run().expect(124);
    assert!(done.took.as_secs_f64() < 5.0, "{:?}", done.took);
    assert_eq!(plane.count(), 1, "no poll before Retry-After");
}

#[test]
fn wait_on_an_ended_job_is_one_request() {
    let plane = play(&done(&[("rj-1", "completed")]));
    Watch::new(["wait", "rj-1"]).on(&plane).run().expect(0);
    let requests = plane.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].version.as_deref(), Some("2026-04"));
    let agent = concat!("restore-watch/", env!("CARGO_PKG_VERSION"));
    assert_eq!(requests[0].user_agent.as_deref(), Some(agent));
    assert!(requests[0].key_accepted);
}
