//! Job ids, in every form in which they are given.

use crate::support::{Done, Folder, Watch, done, play};

const FORMS: [&str; 7] = [
    "a\nb\n",
    "\r\n  # both\r\n  a \r\nb",
    "{\"restore_job_id\": \"a\"}\n{\"restore_job_id\": \"b\", \"index_id\": \"i\"}\n",
    "{\n  \"index_id\": \"i\",\n  \"restore_job_id\": \"a\"\n}\n{\n  \"restore_job_id\": \"b\"\n}\n",
    "[{\"restore_job_id\": \"a\"}, {\"restore_job_id\": \"b\"}]",
    "[\n  \"a\",\n  \"b\"\n]\n",
    "a\nb\na\n{\"restore_job_id\": \"b\"}\n",
];

#[test]
fn ids_are_read_from_standard_input() {
    let plane = plane();
    for form in FORMS {
        let done = Watch::wait(&plane, &["-", "--output", "json"]).stdin(form).run().expect(0);
        assert_eq!(ids(&done), ["a", "b"], "{form}");
    }
}

#[test]
fn ids_are_read_from_a_file() {
    let plane = plane();
    let folder = Folder::new();
    for form in FORMS {
        let file = folder.write("ids", form);
        let done = Watch::wait(&plane, &["--from-file", &file, "--output", "json"]).run().expect(0);
        assert_eq!(ids(&done), ["a", "b"], "{form}");
    }
}

#[test]
fn ids_of_all_sources_are_joined() {
    let plane = plane();
    let file = Folder::new();
    let file = (file.write("ids", "b\n"), file).0;
    let done = Watch::wait(&plane, &["a", "-", "--output", "json", "a"]).stdin("b").run().expect(0);
    assert_eq!(ids(&done), ["a", "b"]);
    // The folder was deleted, and the file with it.
    Watch::wait(&plane, &["a", "--from-file", &file]).run().expect(2).logged("cannot read job ids from");
}

#[test]
fn uuid_in_upper_case_is_the_same_job() {
    let uuid = "670e8400-e29b-41d4-a716-446655440001";
    let upper = uuid.to_uppercase();
    for (listed, answered) in [(uuid, uuid), (uuid, &upper), (&upper, uuid)] {
        let plane = play(&format!(
            "[[job]]\nid = \"{listed}\"\nage = \"1h\"\ntakes = \"10m\"\nextra = {{ restore_job_id = \"{answered}\" }}\n"
        ));
        let wait = ["-", &upper, "--output", "json", "--unreachable-after", "0s"];
        let done = Watch::wait(&plane, &wait).stdin(uuid).run().expect(0);
        assert_eq!(ids(&done), [uuid], "{listed} {answered}");
    }
}

#[test]
fn ids_are_opaque_and_reach_the_server_encoded() {
    let plane = play(&done(&[("a/b?c=d%", "completed"), ("日本", "completed")]));
    Watch::wait(&plane, &["a/b?c=d%", "日本"]).run().expect(0);
    let paths: Vec<_> = plane.requests().into_iter().map(|request| request.path).collect();
    assert!(paths.contains(&"/restore-jobs/a%2Fb%3Fc=d%25".to_owned()), "{paths:?}");
}

#[test]
fn bad_ids_are_refused_before_any_request() {
    let plane = plane();
    let folder = Folder::new();
    let long = "x".repeat(257);

    for (arguments, stdin, why) in [
        (&["-"][..], "", "no job ids in standard input"),
        (&["-"], "\n# none\n", "no job ids in standard input"),
        (&["-"], "[]", "no job ids in standard input"),
        (&["-"], "a\nb c\n", "standard input, line 2: a restore job id has no spaces"),
        (&["-"], "{\"restore_job_id\": \"a\"}\n{\"restore", "standard input is not valid JSON"),
        (&["-"], "{\"error\": \"quota\"}", "a JSON value without a restore_job_id"),
        (&["-"], "{\"restore_job_id\": 7}", "a JSON value without a restore_job_id"),
        (&["-"], "{\"restore_job_id\": null}", "a JSON value without a restore_job_id"),
        (&["-"], "{\"restore_job_id\": \"null\"}", "`null` is no restore job id"),
        (&["-"], "a\n\"b\"\n", "standard input, line 2: a restore job id is not in quotes"),
        (&["-"], "\"b\"\n", "`jq -r` prints texts without them"),
        (&["-"], "null\n", "standard input, line 1: `null` is no restore job id"),
        (&["-"], "id,status\r\na,Completed\r\n", "standard input, line 1: a restore job id has no `,`"),
        (&["-"], "a\n[\"b\"]\n", "standard input, line 2: a restore job id is not in brackets"),
        (&["-"], "a\n\u{feff}b\n", "standard input, line 2: a restore job id has no invisible characters"),
        (&["null"], "", "`null`: `null` is no restore job id"),
        (&["a", "b,"], "", "ids are given apart"),
        (&["\"a\""], "", "a restore job id is not in quotes, this one has \""),
        (&["{\"restore_job_id\": \"a\"}"], "", "read from standard input: restore-watch wait -"),
        (&["${JOB}"], "", "a shell replaces variables in \"...\", and not in '...'"),
        (&["<JOB_ID>"], "", "a restore job id has no placeholder like <NAME>"),
        (
            &["a\u{200b}"],
            "",
            "`a\\u{200b}`: a restore job id has no invisible characters, this one has U+200B",
        ),
        (&["a\u{202e}b"], "", "`a\\u{202e}b`: a restore job id has no invisible characters"),
        (&["a", ""], "", "a restore job id cannot be empty"),
        (&["a", "b c"], "", "a restore job id has no spaces"),
        (&["a", "b\nc"], "", "line breaks"),
        (&["a", ".."], "", "are not restore job ids"),
        (&["a", &long], "", "has at most 256 bytes"),
        (&["--from-file", folder.path().to_str().unwrap()], "", "cannot read job ids from"),
        (&["--from-file", "/nonexistent"], "", "cannot read job ids from"),
        (&["help"], "", "`help` is not an id"),
        (
            &["-"],
            "STATUS  JOB  INDEX\nPending  a  docs\n",
            "restore-watch list --output json | restore-watch wait -",
        ),
        (&["-"], "a,Completed\n", "of a CSV file, keep the column of the ids"),
        (
            &["-"],
            "{\"restore_job_id\": \"a\"}\n{\"restore",
            "it was cut; did the command that wrote it fail?",
        ),
        (&["-"], "a\0b\0", "cannot read job ids from standard input: it is UTF-16"),
        (&["--timeout", "1s"], "", "no restore job is named"),
    ] {
        let done = Watch::wait(&plane, arguments).stdin(stdin).run().expect(2).logged(why);
        assert_eq!(done.stdout, "", "{arguments:?}");
    }
    let bytes = Watch::wait(&plane, &["-"]).stdin(b"a\n\xff\xfe\n".as_slice()).run();

    bytes.expect(2).logged("cannot read job ids from standard input: line 2 is not valid UTF-8");
    let by_powershell = Watch::wait(&plane, &["-"]).stdin(b"\xff\xfea\0".as_slice()).run();
    by_powershell.expect(2).logged("Out-File -Encoding utf8");
    assert_eq!(plane.count(), 0);
}

fn ids(done: &Done) -> Vec<String> {
    let report = done.json();
    let id = |job: &serde_json::Value| job["job"]["id"].as_str().expect("an id").to_owned();
    report["jobs"].as_array().expect("jobs").iter().map(id).collect()
}

fn plane() -> restore_watch::simulate::Simulator {
    play(&done(&[("a", "completed"), ("b", "completed")]))
}
