//! How problems look.

use super::printed;
use crate::config::reader::LONG_TEXT;

#[test]
fn all_problems_of_a_file_are_reported_at_once() {
    let text = r#"
jobs = ["rj-1", "rj 2", "rj-1"]

[api]
requests_per_secnd = 2.0
burst = 0
request_timeout = 10
version = "latest"

[cadence]
min_interval = "2m"

[[sink]]
type = "desktop"
events = ["restore_job.complete", "failed", "restore_job.slow"]
"#;
    insta::assert_snapshot!(printed(text), @r#"
error: a restore job id has no spaces, line breaks or control characters
 --> config.toml:2:17
  |
2 | jobs = ["rj-1", "rj 2", "rj-1"]
  |                 ^^^^^^
  = help: copy the id as `pc` or the console shows it

error: the job `rj-1` is listed twice
 --> config.toml:2:25
  |
2 | jobs = ["rj-1", "rj 2", "rj-1"]
  |                         ^^^^^^
  = note: it is first listed on line 2
  = help: remove one of the two

error: unknown key `requests_per_secnd`
 --> config.toml:5:1
  |
5 | requests_per_secnd = 2.0
  | ^^^^^^^^^^^^^^^^^^
  = help: did you mean `requests_per_second`?

error: `burst` is `0`
 --> config.toml:6:9
  |
6 | burst = 0
  |         ^
  = help: give 1 to 1000

error: `request_timeout` must be a duration, found an integer
 --> config.toml:7:19
  |
7 | request_timeout = 10
  |                   ^^
  = help: write "10s" for seconds

error: `version` is `latest`, which is not a version of the API
 --> config.toml:8:11
  |
8 | version = "latest"
  |           ^^^^^^^^
  = help: versions are months, such as "2026-04"

error: `min_interval` (2m) is longer than `max_interval` (1m, the default)
  --> config.toml:11:16
   |
11 | min_interval = "2m"
   |                ^^^^
   = help: lower `min_interval` or raise `max_interval`

error: unknown event `restore_job.complete`
  --> config.toml:15:11
   |
15 | events = ["restore_job.complete", "failed", "restore_job.slow"]
   |           ^^^^^^^^^^^^^^^^^^^^^^
   = help: did you mean "restore_job.completed"?

error: unknown event `failed`
  --> config.toml:15:35
   |
15 | events = ["restore_job.complete", "failed", "restore_job.slow"]
   |                                   ^^^^^^^^
   = help: did you mean "restore_job.failed"?

9 problems in config.toml
"#);
}

#[test]
fn unknown_key_gets_a_hint() {
    insta::assert_snapshot!(printed("jobs = ['a']\nendpoint = 'x'\n[other]\na.b = 1"), @"
error: unknown key `endpoint`
 --> config.toml:2:1
  |
2 | endpoint = 'x'
  | ^^^^^^^^
  = help: `endpoint` belongs to [api], or to [project.api]

error: unknown key `other`
 --> config.toml:3:2
  |
3 | [other]
  |  ^^^^^
  = help: the keys known here are `api`, `cadence`, `cluster`, `discover`, `drain_timeout`, `heartbeat`, `http`, `jobs`, `project`, `sink_defaults`, `sink`, `state`, `watch`

2 problems in config.toml
");
}

#[test]
fn values_of_declared_keys_are_shown() {
    let text = "jobs = ['a']\ndrain_timeout = '2h'\n[heartbeat]\nurl = 'https://a.example'\ninterval = '2d'";
    insta::assert_snapshot!(printed(text), @"
error: `drain_timeout` is `2h`
 --> config.toml:2:17
  |
2 | drain_timeout = '2h'
  |                 ^^^^
  = help: give 0s to 1h

error: `interval` is `2d`
 --> config.toml:5:12
  |
5 | interval = '2d'
  |            ^^^^
  = help: give 10ms to 1d

2 problems in config.toml
");
    insta::assert_snapshot!(printed("jobs = ['a']\ndrain_timeout = 10s\napi_key = 10s"), @"
error: string values must be quoted
 --> config.toml:2:17
  |
2 | drain_timeout = 10s
  |                 ^^^
  = help: put the value in quotes

error: string values must be quoted
 --> config.toml:3:11
  = help: put the value in quotes

2 problems in config.toml
");
}

#[test]
fn unknown_key_names_the_table_where_it_belongs() {
    let text = "jobs = ['a']\napi_key = { env = 'A' }\nallow_http = true\n[api]\ninterval = '1m'\njobs = []\n[watch]\ndeadline = '1h'";
    let problems = printed(text);
    for hint in [
        "`api_key` belongs to a [[project]]\n",
        "`allow_http` belongs to [api], or to [project.api], or to [heartbeat], or to a webhook\n",
        "`interval` belongs to [heartbeat]\n",
        "`jobs` belongs to the top of the file, or to a [[project]]\n",
        "`deadline` belongs to a job\n",
    ] {
        assert!(problems.contains(hint), "{hint}{problems}");
    }
}

#[test]
fn first_syntax_error_of_every_line_is_reported() {
    let text = "jobs = [\"a\" \"b\"]\n[api\nburst = 4\nversion = 2026-04-\ncadence = { min_interval = \"1s\n[watch]\nuntil = \n";
    insta::assert_snapshot!(printed(text), @r#"
error: missing comma between array elements
 --> config.toml:1:13
  = help: expected `,`

error: unclosed table
 --> config.toml:2:5
  |
2 | [api
  |     ^
  = help: expected `]`

error: missing key for inline table element
 --> config.toml:6:1
  |
6 | [watch]
  | ^
  = help: expected `,`

error: missing comma between key-value pairs
 --> config.toml:7:1
  |
7 | until =
  | ^
  = help: expected `,`

4 problems in config.toml
"#);
}

#[test]
fn first_syntax_error_of_a_long_text_is_reported_alone() {
    let text = format!("jobs = [\"a\" \"b\"]\n{}", "=\n".repeat(LONG_TEXT));
    insta::assert_snapshot!(printed(&text), @r#"
error: missing comma between array elements
 --> config.toml:1:13
  = help: expected `,`

1 problem in config.toml
"#);
}

#[test]
fn caret_stands_under_its_word() {
    let text = "jobs = [\"日本\", \"é\", { id\t= \"日本\" }]\n\tbrust = 4\r\n";
    insta::assert_snapshot!(printed(text), @r#"
error: the job `日本` is listed twice
 --> config.toml:1:27
  |
1 | jobs = ["日本", "é", { id    = "日本" }]
  |                                ^^^^^^
  = note: it is first listed on line 1
  = help: remove one of the two

error: unknown key `brust`
 --> config.toml:2:2
  |
2 |     brust = 4
  |     ^^^^^
  = help: the keys known here are `api`, `cadence`, `cluster`, `discover`, `drain_timeout`, `heartbeat`, `http`, `jobs`, `project`, `sink_defaults`, `sink`, `state`, `watch`

2 problems in config.toml
"#);
    let long = format!("jobs = [{}5, {}]", "\"a-job-of-many\", ".repeat(20), "\"another\", ".repeat(20));
    insta::assert_snapshot!(printed(&long).lines().take(5).collect::<Vec<_>>().join("\n"), @r#"
error: the job `a-job-of-many` is listed twice
 --> config.toml:1:26
  |
1 | jobs = ["a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-many", "a-job-of-...
  |                          ^^^^^^^^^^^^^^^
"#);
}

#[test]
fn file_without_jobs_is_refused() {
    insta::assert_snapshot!(printed(""), @r#"
error: no jobs to watch
 --> config.toml
  = help: write jobs = ["RESTORE_JOB_ID"], discover = true to have all that are unfinished found, or jobs = [] to have them all come with `restore-watch add`

1 problem in config.toml
"#);
}

#[test]
fn list_of_problems_is_cut_short() {
    use std::fmt::Write as _;
    let text = (0..3000).fold(String::new(), |mut text, n| {
        writeln!(text, "key-{n} = 1").unwrap();
        text
    });
    let printed = printed(&text);
    assert!(printed.ends_with("3001 problems in config.toml (2901 not shown)"), "{printed}");
}
