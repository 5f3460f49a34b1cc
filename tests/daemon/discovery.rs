//! Discovery of restores by the daemon.

use crate::support::play;
use crate::{Daemon, ask, status};

#[test]
fn discovered_restores_are_watched_and_shown() {
    let plane = play(
        "[[job]]\nid = \"old\"\ncount = 30\nage = \"1d\"\ntakes = \"1m\"\ntakes_step = \"1s\"\n\
         [[job]]\nid = \"run\"\nindex = \"docs\"\n\
         [[job]]\nid = \"quick\"\nindex = \"other\"\nappears = \"2s\"\ntakes = \"1ms\"\nends = \"failed\"\n",
    );
    let mut daemon = Daemon::new(discovering(&plane, "true")).run(&[]).start();
    daemon.until_logged("watching restore run into index docs: Pending");
    daemon.until_logged("restore quick into index other failed");

    let status = status(&daemon);
    let jobs = status["jobs"].as_array().unwrap();
    let ids: Vec<_> = jobs.iter().map(|job| (&job["job"]["id"], &job["discovered"])).collect();
    assert_eq!(ids, [(&"quick".into(), &true.into()), (&"run".into(), &true.into())]);
    assert_eq!(status["projects"][0]["expected"]["restores"], 30);

    let explained = ask(&daemon, &["explain", "run"]).expect(0).stdout;
    assert!(explained.contains("  expect   usually "), "{explained}");
    assert!(!daemon.stderr().contains("restore old"), "{}", daemon.stderr());
}

#[test]
fn forgotten_job_is_not_discovered_again() {
    let plane = play("[[job]]\nid = \"a\"\nindex = \"docs\"\n[[job]]\nid = \"b\"\nindex = \"prod\"\n");
    let mut daemon = Daemon::new(discovering(&plane, "{ indexes = [\"docs\"] }")).run(&[]).start();
    daemon.until_logged("watching restore a into index docs");
    ask(&daemon, &["forget", "a"]).expect(0);
    Daemon::new(discovering(&plane, "true")).rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(0);
    daemon.until_logged("watching restore b into index prod");

    let polled = plane.count();
    daemon.until("another scan", |_| plane.count() > polled + 10);

    let status = status(&daemon);
    assert_eq!(status["jobs"].as_array().unwrap().len(), 1, "{status}");
}

#[test]
fn rows_that_cannot_be_read_are_reported_once_and_shown_inert() {
    let plane = play(
        "[[job]]\nid = \"a\"\nindex = \"docs\"\n\
         [[job]]\nid = \"b\"\nextra = { restore_job_id = \"b\\u202E\" }\n",
    );
    let mut daemon = Daemon::new(discovering(&plane, "true")).run(&[]).start();
    daemon.until_logged("watching restore a into index docs");

    let reported = "the list has rows that cannot be read, and their restores are not discovered: \
                    a restore job id has no invisible characters, this one has U+202E";
    daemon.until_logged(reported);

    let polled = plane.count();
    daemon.until("another scan", |_| plane.count() > polled + 10);

    let log = daemon.stderr();
    assert_eq!(log.matches("rows that cannot be read").count(), 1, "{log}");
    assert!(!log.contains('\u{202e}'), "{log}");
}

#[test]
fn a_list_beyond_the_limit_is_trouble_and_ends_no_stop() {
    let plane = play("[[job]]\nid = \"r\"\ncount = 500\nindex = \"docs\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new(discovering(&plane, "{ max_jobs = 20 }")).run(&[]).start();
    daemon.until_logged("not all restores of project one are watched: more than 20 are unfinished");

    let polled = plane.count();
    daemon.until("another scan", |_| plane.count() > polled + 100);

    let status = status(&daemon);
    assert_eq!(status["jobs"].as_array().unwrap().len(), 20);
    assert!(status["trouble"].as_str().unwrap().contains("of the project one are watched: more than 20 "));

    daemon.signal("TERM");
    let log = daemon.finish().expect(0).stderr;

    assert_eq!(log.matches("not all restores").count(), 1, "once: {log}");
}

#[test]
fn a_list_that_cannot_be_read_is_trouble() {
    let plane =
        play("[[fault]]\nendpoint = \"list\"\nkind = \"status\"\nstatus = 500\n[[job]]\nid = \"a\"\n");
    let text = discovering(&plane, "true") + "[project.watch]\nunreachable_after = \"300ms\"\n";
    let mut daemon = Daemon::new(text).run(&[]).start();
    daemon.until_logged("cannot list the restores of project one, so no new ones are discovered: HTTP 500");
    daemon.until("it is in trouble", |daemon| {
        let trouble = status(daemon)["trouble"].as_str().unwrap_or_default().to_owned();
        trouble.contains("of the project one cannot be")
    });
}

#[test]
fn exit_when_done_waits_for_discovery() {
    let plane = play("[[job]]\nid = \"a\"\nindex = \"docs\"\ntakes = \"1s\"\n");
    let text = discovering(&plane, "true") + "[project.watch]\nnot_found_grace = \"1s\"\n";
    let done = Daemon::new(text).run(&["--exit-when-done"]).run().expect(0);
    assert!(done.stderr.contains("restore a into index docs completed after "), "{}", done.stderr);
}

/// A project with discovery, polled as fast as possible.
fn discovering(plane: &restore_watch::simulate::Simulator, discover: &str) -> String {
    format!(
        "[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\ndiscover = {discover}\n\
         [project.api]\nendpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n\
         [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n",
        plane.url()
    )
}
