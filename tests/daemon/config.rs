//! Configurations with which the daemon refuses to start.

use crate::Daemon;
use crate::support::state::{is_about_files, is_on_postgres};
use crate::support::{Folder, Watch, play};

#[test]
fn every_problem_is_reported_with_its_place() {
    let daemon = Daemon::new("jobs = [\"rj-1\", \"rj 2\"]\n[api]\nrequests_per_secnd = 2.0\nburst = 0\n");
    let done = daemon.run(&[]).run().expect(78);

    assert_eq!(done.stdout, "");
    for (place, line, caret, help) in [
        ("config.toml:1:17", "jobs = [\"rj-1\", \"rj 2\"]", "                ^^^^^^", "copy the id"),
        (
            "config.toml:3:1",
            "requests_per_secnd = 2.0",
            "^^^^^^^^^^^^^^^^^^",
            "did you mean `requests_per_second`?",
        ),
        ("config.toml:4:9", "burst = 0", "        ^", "give 1 to 1000"),
    ] {
        assert!(done.stderr.contains(&format!("{place}\n")), "{place}: {}", done.stderr);
        assert!(done.stderr.contains(&format!("| {line}\n  | {caret}\n")), "{line}: {}", done.stderr);
        assert!(done.stderr.contains(help), "{help}: {}", done.stderr);
    }

    done.logged("3 problems in ");
}

#[test]
fn unreadable_configuration_files_are_78() {
    let folder = Folder::new();
    for (text, why) in
        [("", "no jobs to watch"), ("jobs = [", "config.toml:1:"), ("<html>", "config.toml:1:")]
    {
        Daemon::new(text).run(&[]).run().expect(78).logged(why);
    }
    Watch::new(["run", "--config", folder.path().to_str().unwrap()])
        .run()
        .expect(78)
        .logged("is a directory");
    Watch::new(["run", "--config", "/nonexistent"]).run().expect(78).logged("does not exist");

    let binary = folder.write("binary", b"\xff\xfe\x00");
    Watch::new(["run", "--config", &binary]).run().expect(78).logged("is not valid UTF-8");
    Watch::new(["run"])
        .env("RESTORE_WATCH_CONFIG", "/nonexistent")
        .run()
        .expect(78)
        .logged("RESTORE_WATCH_CONFIG");
}

#[test]
fn usual_configuration_paths_are_searched() {
    let plane = play(&crate::support::done(&[("rj-1", "completed")]));
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("restore-watch")).unwrap();
    folder.write("restore-watch/config.toml", format!("jobs = [\"rj-1\"]\n{}", crate::support::fast(&plane)));
    let home = folder.path().to_str().unwrap();
    let run =
        Watch::new(["run", "--exit-when-done"]).env("XDG_CONFIG_HOME", home).env("XDG_STATE_HOME", home);
    run.env("PINECONE_API_KEY", crate::support::KEY).run().expect(0);
    assert_ne!(folder.path().join("restore-watch/state.db").exists(), is_on_postgres());
}

#[test]
fn state_without_a_usable_path_is_an_error() {
    if is_about_files("the path is of a file") {
        return;
    }
    let folder = Folder::new();
    let config = folder.write("config.toml", "jobs = [\"rj-1\"]");
    let run = || Watch::new(["run", "--config", &config]).env("PINECONE_API_KEY", crate::support::KEY);
    run().run().expect(74).logged("cannot use the state /proc/none/").logged("`path` under [state]");
    run().env_remove("HOME").run().expect(78).logged("no place for the state").logged("[state] path");
}

#[test]
fn configuration_without_jobs_is_refused() {
    let none =
        || Daemon::new("jobs = []").run(&["--exit-when-done"]).env("PINECONE_API_KEY", crate::support::KEY);
    none().run().expect(78).logged("there are no jobs").logged("list the jobs");
}

#[test]
fn unusable_api_keys_are_refused() {
    let plane = play("");
    for key in ["", "two\nlines", "sp ace", "é"] {
        let daemon = Daemon::new("").project("production", &plane, &["rj-1"]);
        daemon.run(&[]).env("KEY", key).run().expect(78).logged("project production: the ");
    }
    for (source, why) in [
        ("{ env = \"NOBODY_SET_THIS\" }", "the environment variable NOBODY_SET_THIS is not set"),
        ("{ file = \"no-such-key\" }", "cannot read "),
        ("{ credential = \"key\" }", "CREDENTIALS_DIRECTORY is not set"),
        ("\"pcsk_written_into_the_file\"", "must not hold the secret itself"),
    ] {
        let text = format!("[[project]]\nname = \"p\"\njobs = [\"a\"]\napi_key = {source}\n");
        let done = Daemon::new(text).run(&[]).run().expect(78).logged(why);
        assert!(!done.stderr.contains("pcsk_written"), "{}", done.stderr);
    }

    assert_eq!(plane.count(), 0);
}
