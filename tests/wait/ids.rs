//! The ids of jobs, in every form in which people have them.

use crate::support::{Done, Folder, Watch, done, play};

fn ids(done: &Done) -> Vec<String> {
    let report = done.json();
    let id = |job: &serde_json::Value| job["job"]["id"].as_str().expect("an id").to_owned();
    report["jobs"].as_array().expect("jobs").iter().map(id).collect()
}

const FORMS: [&str; 7] = [
    "a\nb\n",
    "\r\n  # both\r\n  a \r\nb",
    "{\"restore_job_id\": \"a\"}\n{\"restore_job_id\": \"b\", \"index_id\": \"i\"}\n",
    "{\n  \"index_id\": \"i\",\n  \"restore_job_id\": \"a\"\n}\n{\n  \"restore_job_id\": \"b\"\n}\n",
    "[{\"restore_job_id\": \"a\"}, {\"restore_job_id\": \"b\"}]",
    "[\n  \"a\",\n  \"b\"\n]\n",
    "a\nb\na\n{\"restore_job_id\": \"b\"}\n",
];

fn plane() -> restore_watch::simulate::Simulator {
    play(&done(&[("a", "completed"), ("b", "completed")]))
}

#[test]
fn on_standard_input() {
    let plane = plane();
    for form in FORMS {
        let done = Watch::wait(&plane, &["-", "--output", "json"]).stdin(form).run().expect(0);
        assert_eq!(ids(&done), ["a", "b"], "{form}");
    }
}

#[test]
fn in_a_file() {
    let plane = plane();
    let folder = Folder::new();
    for form in FORMS {
        let file = folder.write("ids", form);
        let done = Watch::wait(&plane, &["--from-file", &file, "--output", "json"]).run().expect(0);
        assert_eq!(ids(&done), ["a", "b"], "{form}");
    }
}

#[test]
fn as_arguments_and_all_of_it_together() {
    let plane = plane();
    let file = Folder::new();
    let file = (file.write("ids", "b\n"), file).0;
    let done = Watch::wait(&plane, &["a", "-", "--output", "json", "a"]).stdin("b").run().expect(0);
    assert_eq!(ids(&done), ["a", "b"]);
    // The folder is gone, and with it the file.
    Watch::wait(&plane, &["a", "--from-file", &file]).run().expect(2).told("cannot read job ids from");
}

#[test]
fn ids_are_opaque_and_reach_the_server_encoded() {
    let plane = play(&done(&[("a/b?c=d%", "completed"), ("日本", "completed")]));
    Watch::wait(&plane, &["a/b?c=d%", "日本"]).run().expect(0);
    let paths: Vec<_> = plane.requests().into_iter().map(|request| request.path).collect();
    assert!(paths.contains(&"/restore-jobs/a%2Fb%3Fc=d%25".to_owned()), "{paths:?}");
}

#[test]
fn what_makes_no_sense_is_refused_whole_before_anything_is_asked() {
    let plane = plane();
    let folder = Folder::new();
    let long = "x".repeat(257);
    for (arguments, stdin, why) in [
        (&["-"][..], "", "no job ids in standard input"),
        (&["-"], "\n# none\n", "no job ids in standard input"),
        (&["-"], "[]", "no job ids in standard input"),
        (&["-"], "a\nb c\n", "standard input, line 2: a restore job id has no spaces"),
        (&["-"], "{\"restore_job_id\": \"a\"}\n{\"restore", "standard input is no JSON"),
        (&["-"], "{\"error\": \"quota\"}", "a JSON value without a restore_job_id"),
        (&["-"], "{\"restore_job_id\": 7}", "a JSON value without a restore_job_id"),
        (&["a", ""], "", "a restore job id cannot be empty"),
        (&["a", "b c"], "", "a restore job id has no spaces"),
        (&["a", "b\nc"], "", "line breaks"),
        (&["a", ".."], "", "are not restore job ids"),
        (&["a", &long], "", "has at most 256 bytes"),
        (&["--from-file", folder.path().to_str().unwrap()], "", "cannot read job ids from"),
        (&["--from-file", "/nonexistent"], "", "cannot read job ids from"),
        (&["--timeout", "1s"], "", "no job ids were given"),
    ] {
        let done = Watch::wait(&plane, arguments).stdin(stdin).run().expect(2).told(why);
        assert_eq!(done.stdout, "", "{arguments:?}");
    }
    let bytes = Watch::wait(&plane, &["-"]).stdin(b"a\n\xff\xfe\n".as_slice()).run();
    bytes.expect(2).told("cannot read job ids from standard input");
    assert_eq!(plane.count(), 0);
}
