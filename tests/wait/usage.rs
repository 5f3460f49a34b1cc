//! Wrong usage: each mistake is refused before any request, with a hint.

use crate::support::{Folder, KEY, Watch, done, fast, play};

#[test]
fn project_without_a_configuration_file_is_explained() {
    let done =
        Watch::new(["wait", "rj-1", "--project", "prod"]).env("PINECONE_API_KEY", "any").run().expect(78);
    let done = done.logged("error: no configuration file is found that could have a project `prod`");
    done.logged("  help: name the file with --config; or leave --project out");
}

#[test]
fn bad_durations_are_2() {
    let plane = play(&done(&[("rj-1", "completed")]));
    for (option, value) in [
        ("--timeout", "5"),
        ("--timeout", "-5s"),
        ("--timeout", "soon"),
        ("--timeout", "99999999999999999999d"),
        ("--timeout", "366d"),
        ("--timeout", ""),
        ("--not-found-grace", "1e9s"),
        ("--unreachable-after", "NaNs"),
        ("--heartbeat", "-1s"),
        ("--min-interval", "0"),
        ("--min-interval", "1ms"),
        ("--max-interval", "0s"),
        ("--max-interval", "2d"),
    ] {
        let done = Watch::new(["wait", "rj-1", &format!("{option}={value}")]).on(&plane).run().expect(2);
        assert!(done.stderr.contains(option), "{}", done.stderr);
        assert_eq!(done.stdout, "");
    }

    let crossed = ["wait", "rj-1", "--min-interval", "2s", "--max-interval", "1s"];
    Watch::new(crossed).on(&plane).run().expect(2).logged("--min-interval is longer than --max-interval");

    assert_eq!(plane.count(), 0);
}

#[test]
fn unreplaced_placeholders_are_refused() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let webhook = ["rj-1", "--webhook", "https://hooks.example/${TOKEN}"];
    Watch::wait(&plane, &webhook)
        .run()
        .expect(2)
        .logged("the URL of --webhook has a placeholder like ${NAME}");
    assert_eq!(plane.count(), 0);
}

#[test]
fn wait_for_nothing_is_refused_in_four_lines() {
    let plane = play("[[job]]\nid = \"open\"");
    let [alone, with_option] = [&["wait"][..], &["wait", "--timeout", "1s"]]
        .map(|words| Watch::new(words).on(&plane).run().expect(2));

    insta::assert_snapshot!(alone.stderr, @"
    error: no restore job is named
      help: restore-watch wait JOB_ID         waits for this restore
            restore-watch wait --all-pending  waits for all that are unfinished
            restore-watch list                shows the restores of the project, with their ids
    ");
    assert_eq!(with_option.stderr, alone.stderr);
    assert_eq!(plane.count(), 0, "a script gets the same answer each time");
}

#[test]
fn wait_for_nothing_shows_what_is_unfinished_in_a_pipeline() {
    let plane = play(&format!(
        "{}[[job]]\nid = \"rj-7\"\nage = \"2h30m\"\nindex = \"docs-search\"\n\
         [[job]]\nid = \"rj-11\"\nage = \"25h10m\"\nindex = \"orders\"\n",
        done(&[("old", "completed")])
    ));

    let done = Watch::new(["wait"]).on(&plane).env("CI", "true").run().expect(2);

    insta::assert_snapshot!(done.stderr, @"
    error: no restore job is named
      help: 2 restores of this project are unfinished:
              rj-7   docs-search  2h 30m
              rj-11  orders       1d 01h
            restore-watch wait rj-7
            restore-watch wait --all-pending
    ");
    assert_eq!(plane.count(), 1);
}

#[test]
fn wait_for_nothing_is_refused_whatever_the_list_says() {
    for plane in ["forbidden = true", "", "[[fault]]\nendpoint = \"list\"\nkind = \"status\"\nstatus = 503"] {
        let wait = Watch::new(["wait"]).on(&play(plane)).env("CI", "true");
        let done = wait.run().expect(2).logged("restore-watch wait --all-pending  waits for all");
        assert_eq!(done.stderr.lines().count(), 4, "{}", done.stderr);
    }
    let without_key = Watch::new(["wait"]).env("CI", "true").run();
    without_key.expect(2).logged("no restore job is named");
}

#[test]
fn signal_during_the_list_for_nothing_named_sets_the_exit_code() {
    let plane = play("[[job]]\nid = \"rj-1\"\n[[fault]]\nendpoint = \"list\"\nkind = \"hang\"");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let before = plane.count();
        let mut wait = Watch::new(["wait"]).on(&plane).env("CI", "true").start();
        wait.until("the request", |_| plane.count() > before);

        wait.signal(signal);

        wait.finish().expect(code).logged(&format!("interrupted by SIG{signal} while listing"));
    }
}

#[test]
fn configuration_without_jobs_is_nothing_to_wait_for() {
    let folder = Folder::new();
    let config = folder.write("config.toml", "jobs = []");
    let wait = || Watch::new(["wait", "--config", &config]).env("PINECONE_API_KEY", KEY);
    wait().run().expect(2).logged("no restore job is named");
}

#[test]
fn one_interval_bound_alone_moves_the_other() {
    let plane = play(&done(&[("rj-1", "completed")]));
    Watch::new(["wait", "rj-1", "--min-interval", "1h"]).on(&plane).run().expect(0);
    Watch::new(["wait", "rj-1", "--max-interval", "10ms"]).on(&plane).run().expect(0);
}

#[test]
fn options_that_exclude_each_other_are_2() {
    for pair in [["--any", "--all"], ["--any", "--fail-fast"]] {
        Watch::new(["wait", "rj-1"].iter().chain(&pair)).run().expect(2).logged("cannot be used with");
    }
    for jobs in [&[][..], &["rj-1"]] {
        let wait = Watch::new([&["wait", "--exclude-index", "docs"], jobs].concat());
        wait.run().expect(2).logged("it goes with --all-pending or --index");
    }
    for option in ["--index", "--exclude-index"] {
        let pattern = ["wait", "--all-pending", option, "prod/[ab]"];
        Watch::new(pattern).run().expect(2).logged(option).logged("which no name of an index has");
    }
    Watch::new(["wait", "rj-1", "--effort", "lazy"]).run().expect(2).logged("gentle, balanced, eager");
}

#[test]
fn bad_endpoints_are_refused() {
    for (endpoint, why) in [
        ("http://192.0.2.1", "plain http would send the API key unencrypted to `192.0.2.1`"),
        ("http://api.pinecone.io", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("ftp://127.0.0.1", "the scheme `ftp` is not supported"),
        ("https://", "not a URL"),
        ("https://exa mple", "not a URL"),
        ("https://127.0.0.1:99999", "not a URL"),
        ("https://127.0.0.1/?a=b", "a query or a fragment"),
        ("${PINECONE_HOST}", "PINECONE_CONTROLLER_HOST: it has a placeholder like ${NAME}"),
    ] {
        let wait = Watch::new(["wait", "rj-1"]).env("PINECONE_API_KEY", KEY);
        wait.env("PINECONE_CONTROLLER_HOST", endpoint).run().expect(78).logged(why);
    }
}

#[test]
fn bad_keys_are_refused() {
    let plane = play(&done(&[("rj-1", "completed")]));
    for key in ["", " ", "\n"] {
        Watch::wait(&plane, &["rj-1"]).env("PINECONE_API_KEY", key).run().expect(78).logged("API key");
    }
    for (key, why) in [
        (format!("\"{KEY}\""), "the API key from environment variable PINECONE_API_KEY is in quotes; write"),
        (format!("PINECONE_API_KEY={KEY}"), "stands behind a name"),
        (format!("Bearer {KEY}"), "begins with `Bearer`"),
        ("${PINECONE_API_KEY}".to_owned(), "is a placeholder that was not replaced"),
    ] {
        let done = Watch::wait(&plane, &["rj-1"]).env("PINECONE_API_KEY", &key).run().expect(78).logged(why);
        assert!(!done.stderr.contains(KEY), "{}", done.stderr);
    }
    let none = Watch::wait(&plane, &["rj-1"]).env_remove("PINECONE_API_KEY").run();

    none.expect(78).logged("set it to the API key of the project");
    assert_eq!(plane.count(), 0);
}

#[test]
fn project_option_selects_one_of_the_configuration() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let folder = Folder::new();
    folder.write("key", format!("{KEY}\n"));
    let project = |name: &str, job: &str| {
        format!("[[project]]\nname = \"{name}\"\napi_key = {{ file = \"key\" }}\njobs = [\"{job}\"]\n")
    };
    let text = format!("{}{}{}", fast(&plane), project("one", "rj-1"), project("two", "rj-2"));
    let config = folder.write("config.toml", text);

    let wait = |arguments: &[&str]| Watch::new(["wait", "--config", &config].iter().chain(arguments)).run();
    wait(&["--project", "one"]).expect(0);
    wait(&["--project", "two"]).expect(1);
    wait(&["--project", "one", "rj-2"]).expect(1);
    wait(&[]).expect(2).logged("choose one with --project: one, two");
    wait(&["--project", "three"]).expect(2).logged("it has: one, two");
}

#[test]
fn unreadable_configurations_are_78() {
    let folder = Folder::new();
    let directory = folder.path().to_str().unwrap();
    let no_toml = folder.write("no.toml", "jobs = [");
    for (file, why) in
        [(directory, "is a directory"), ("/nonexistent.toml", "does not exist"), (&no_toml, "no.toml:1:")]
    {
        Watch::new(["wait", "--config", file]).env("PINECONE_API_KEY", KEY).run().expect(78).logged(why);
    }
}
